"""The portal's pages of claims: who sees and answers what, and what is refused."""

from __future__ import annotations

import pytest

from licensing.claims.models import Claim
from tests.licensing.builders import build_actor, build_subject
from tests.licensing.claims.builders import Dispute, build_dispute, claim
from tests.licensing.consent.builders import build_studio, publish_rule
from tests.licensing.portal.visiting import fill, queries, text, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def dispute() -> Dispute:
    return build_dispute()


def said(dispute: Dispute, **other: str) -> dict[str, str]:
    return {
        "claimant": dispute.claimant.holder.shown_id,
        "subject": dispute.hero.name,
        "territory": "DE",
        "statement": "We drew her.\r\nIn 2011.",
        **other,
    }


def test_a_claim_is_written_shown_confirmed_and_contested(dispute: Dispute) -> None:
    claimant, owner = visit(dispute.claimant.actor), visit(dispute.owner.actor)
    page = fill(claimant, "/portal/claims/new", said(dispute), 200).content.decode()
    assert f"Claim {dispute.hero.name} in Germany?" in page
    assert not Claim.objects.exists(), "nothing is claimed before it is confirmed"
    page = fill(claimant, "/portal/claims/new", said(dispute, change="yes"), 200).content.decode()
    assert "We drew her." in page

    answer = fill(claimant, "/portal/claims/new", said(dispute, confirmed="yes"))
    filed = Claim.objects.get()
    assert answer["Location"] == f"/portal/claims/{filed.shown_id}"
    assert filed.statement == "We drew her.\nIn 2011."
    story = text(claimant, f"/portal/claims/{filed.shown_id}")
    assert "Withdraw it" in story
    assert "Contest it" not in story

    assert "1 claim on your characters" in text(owner, "/portal/")
    assert "1 not answered yet" in text(owner, "/portal/")
    assert "claim on your characters" not in text(claimant, "/portal/")
    story = text(owner, f"/portal/claims/{filed.shown_id}")
    assert f"{dispute.claimant.holder.name} claims {dispute.hero.name} in Germany" in story
    assert "Contest it" in story
    assert "Withdraw it" not in story
    path = f"/portal/claims/{filed.shown_id}/contest"
    assert "This is missing" in fill(owner, path, {"statement": ""}, 422).content.decode()
    fill(owner, path, {"statement": "By <b>contract</b> ours."})
    story = text(owner, f"/portal/claims/{filed.shown_id}")
    assert "By &lt;b&gt;contract&lt;/b&gt; ours." in story
    assert "Contest it" not in story
    assert "not answered yet" not in text(owner, "/portal/")


def test_conceding_ends_it_and_leads_to_the_owners(dispute: Dispute) -> None:
    owner = visit(dispute.owner.actor)
    filed = claim(dispute.claimant, dispute.hero)
    path = f"/portal/claims/{filed.shown_id}"
    assert "cannot be taken back" in text(owner, f"{path}/concede")
    assert Claim.objects.open().exists(), "looking concedes nothing"
    fill(owner, f"{path}/concede", {})
    story = text(owner, path)
    assert "conceded it" in story
    assert f"/portal/catalogue/subjects/{dispute.hero.shown_id}/ownership" in story
    fill(owner, f"{path}/concede", {})
    assert "Nothing has changed. This claim has ended already." in text(owner, path)
    assert "ownership" not in text(visit(dispute.claimant.actor), path).partition("<main")[0]


def test_the_claimant_withdraws(dispute: Dispute) -> None:
    claimant = visit(dispute.claimant.actor)
    filed = claim(dispute.claimant, dispute.hero)
    path = f"/portal/claims/{filed.shown_id}"
    text(claimant, f"{path}/withdraw")
    fill(claimant, f"{path}/withdraw", {})
    assert Claim.objects.get().state == "withdrawn"
    assert "Nothing is disputed" in text(claimant, "/portal/claims")
    assert dispute.hero.name in text(claimant, "/portal/claims?show=ended")


def test_who_may_not_is_told_and_nothing_happens(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    path = f"/portal/claims/{filed.shown_id}"
    for actor, status in (
        (build_studio().actor, 404),
        (build_actor(dispute.owner.organisation, "editor"), 403),
    ):
        client = visit(actor)
        for way in ("contest", "concede", "withdraw"):
            text(client, f"{path}/{way}", status)
            fill(client, f"{path}/{way}", {"statement": "x"}, status)
    text(visit(build_studio().actor), path, 404)
    editor = visit(build_actor(dispute.owner.organisation, "editor"))
    assert "Your role may look but not answer" in text(editor, path)
    text(editor, "/portal/claims/new", 403)
    fill(visit(dispute.claimant.actor), f"{path}/concede", {}, 403)
    fill(visit(dispute.claimant.actor), f"{path}/contest", {"statement": "x"}, 403)
    fill(visit(dispute.owner.actor), f"{path}/withdraw", {}, 403)
    for odd in ("clm_x", "%00", "x" * 300, filed.subject.shown_id):
        text(editor, f"/portal/claims/{odd}", 404)
        text(editor, f"/portal/claims?after={odd}", 404)
        text(editor, f"/portal/claims?subject={odd}", 200 if odd.startswith("chr") else 404)
    filed.refresh_from_db()
    assert (filed.state, filed.contest) == ("disputed", "")


def test_what_is_wrong_with_a_claim_is_said_beside_its_field(dispute: Dispute) -> None:
    claimant = visit(dispute.claimant.actor)
    twin = build_subject(dispute.owner.holder, "Twin")
    build_subject(dispute.owner.holder, "Twin")
    own = build_subject(dispute.claimant.holder, "My own")
    live = build_dispute(mode="live").hero
    for other, words, status in (
        ({"subject": ""}, "This is missing.", 422),
        ({"subject": "Nobody at all"}, "Nothing of exactly this name", 422),
        ({"subject": twin.name}, "Several have this name", 422),
        ({"subject": live.shown_id}, "There is no such thing", 422),
        ({"subject": "chr_x"}, "There is no such subject", 422),
        ({"subject": own.shown_id}, "there is nothing to claim", 409),
        ({"subject": "\0\n"}, "Nothing of exactly", 422),
        ({"statement": " "}, "This is missing.", 422),
        ({"statement": "x" * 2001}, "no more than 2000", 422),
        ({"statement": "bell\x07"}, "no control character", 422),
        ({"territory": "UK"}, "assigned ISO 3166-1", 422),
        ({"claimant": dispute.owner.holder.shown_id}, "There is no such thing", 422),
    ):
        page = fill(claimant, "/portal/claims/new", said(dispute, **other), status)
        assert words in page.content.decode(), other
    assert not Claim.objects.exists()
    assert fill(claimant, "/portal/claims/new", said(dispute, subject=twin.shown_id), 200)


def test_the_list_costs_the_same_however_many_there_are(dispute: Dispute) -> None:
    owner = visit(dispute.owner.actor)
    claim(dispute.claimant, dispute.hero)
    one = queries(owner, "/portal/claims")
    for _ in range(3):
        claim(dispute.claimant, build_subject(dispute.owner.holder))
    assert queries(owner, "/portal/claims") == one


def test_many_claims_are_turned_over(dispute: Dispute, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("licensing.claims.pages.PAGE", 2)
    filed = [claim(dispute.claimant, build_subject(dispute.owner.holder)) for _ in range(3)]
    owner = visit(dispute.owner.actor)
    first = text(owner, "/portal/claims")
    assert filed[2].shown_id not in first
    rest = text(owner, f"/portal/claims?after={filed[1].shown_id}")
    assert filed[2].shown_id in rest
    assert filed[1].shown_id not in rest.replace(f"after={filed[1].shown_id}", "")


def test_the_policy_and_the_subject_lead_to_what_is_claimed(dispute: Dispute) -> None:
    publish_rule(dispute.owner)
    claim(dispute.claimant, dispute.hero, territory="DE")
    owner = visit(dispute.owner.actor)
    subject = text(owner, f"/portal/catalogue/subjects/{dispute.hero.shown_id}")
    assert f"/portal/claims?subject={dispute.hero.shown_id}" in subject
    page = text(owner, f"/portal/claims?subject={dispute.hero.shown_id}")
    assert dispute.claimant.holder.name in page
    policy = text(owner, f"/portal/rules/subjects/{dispute.hero.shown_id}")
    assert "Its ownership is disputed" in policy

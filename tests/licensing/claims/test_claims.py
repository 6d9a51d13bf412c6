"""Someone claims another's character: what that stops, who answers, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from ledger.actor import Actor, ScopeMissing
from ledger.errors import DomainError, NotFound
from licensing.access.models import AuditRecord
from licensing.catalog.holders import register_holder
from licensing.catalog.models import OwnershipStep
from licensing.catalog.ownership import UnknownTerritory
from licensing.claims import answering, filing
from licensing.claims.models import Claim
from licensing.claims.refusals import (
    AlreadyYours,
    BadWords,
    ClaimChanged,
    ClaimedAlready,
    ClaimEnded,
    ClaimRejected,
    ContestedAlready,
    NobodyAnswerable,
    NotAnOwner,
    NotTheClaimant,
    PartyToIt,
    TooManyClaims,
)
from licensing.consent import approvals
from licensing.consent.models import ApprovalRequest
from licensing.consent.replays import replay
from tests.licensing.builders import (
    build_actor,
    build_ownership,
    build_platform,
    build_subject,
    with_scopes,
)
from tests.licensing.claims.builders import Dispute, build_dispute, claim
from tests.licensing.consent.builders import (
    NOW,
    Studio,
    ask,
    build_generator,
    build_studio,
    codes,
    publish_rule,
)

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def dispute() -> Dispute:
    return build_dispute()


# -- What it stops --------------------------------------------------------------------------------
def test_a_claim_stops_every_check_over_the_subject_until_it_ends(dispute: Dispute) -> None:
    generator = build_generator()
    publish_rule(dispute.owner)
    other = build_subject(dispute.owner.holder)
    assert ask(generator, dispute.hero).outcome == "allow"

    filed = claim(dispute.claimant, dispute.hero)
    stopped = ask(generator, dispute.hero, territory="FR")
    assert (stopped.outcome, codes(stopped)) == ("deny", ["disputed"])
    assert stopped.would_allow == []
    assert codes(ask(generator, other, dispute.hero)) == ["disputed"]
    assert ask(generator, other).outcome == "allow"

    answering.withdraw_claim(actor=dispute.claimant.actor, now=LATER, claim=filed)
    assert ask(generator, dispute.hero, now=LATER).outcome == "allow"
    # What was refused meanwhile stays refused, whenever it is replayed.
    assert replay(stopped).outcome == "deny"
    assert [reason.code for reason in replay(stopped).reasons] == ["disputed"]


@pytest.mark.parametrize(("where", "answer"), [("DE", "deny"), (None, "deny"), ("FR", "allow")])
def test_a_claim_to_one_territory_is_over_that_territory(
    dispute: Dispute, where: str | None, answer: str
) -> None:
    publish_rule(dispute.owner)
    claim(dispute.claimant, dispute.hero, territory="DE")
    check = ask(build_generator(), dispute.hero, territory=where)
    assert check.outcome == answer
    if answer == "deny":
        # Whoever hears it hears where it would have been allowed.
        sentences = [option["sentence"] for option in check.would_allow]
        assert sentences == ["Allowed if the territory were not Germany."]


def test_what_is_disputed_in_one_territory_may_be_allowed_in_others(dispute: Dispute) -> None:
    generator = build_generator()
    publish_rule(dispute.owner, territories={"only": ["DE", "FR"]})
    claim(dispute.claimant, dispute.hero, territory="DE")

    def suggested(territory: str | None) -> set[str]:
        check = ask(generator, dispute.hero, territory=territory)
        assert check.outcome == "deny"
        assert replay(check).outcome == "deny"
        changes = [change for option in check.would_allow for change in option["changes"]]
        assert {change["fact"] for change in changes} == {"territory"}
        return {value for change in changes for value in change["values"]}

    # Where it is disputed, where no rule allows it, and where it is not said.
    assert [suggested(where) for where in ("DE", "US", None)] == [{"FR"}] * 3


def test_a_platform_hears_that_it_is_disputed_and_not_by_whom(dispute: Dispute) -> None:
    publish_rule(dispute.owner)
    claim(dispute.claimant, dispute.hero)
    answer = ask(build_generator(), dispute.hero)
    assert answer.reasons == [{"code": "disputed", "subject": dispute.hero.shown_id}]
    assert dispute.claimant.holder.shown_id not in str(answer.facts)


def test_an_approval_gives_no_receipt_for_what_is_disputed_by_then(dispute: Dispute) -> None:
    publish_rule(dispute.owner, effect="needs_approval")
    ask(build_generator(), dispute.hero)
    claim(dispute.claimant, dispute.hero)
    asked = ApprovalRequest.objects.get()
    with pytest.raises(approvals.NoLongerPossible):
        approvals.approve(actor=dispute.owner.actor, now=LATER, approval=asked)


def test_contesting_leaves_it_disputed_and_conceding_lifts_it(dispute: Dispute) -> None:
    generator = build_generator()
    publish_rule(dispute.owner)
    filed = claim(dispute.claimant, dispute.hero)
    contested = answering.contest_claim(
        actor=dispute.owner.actor, now=LATER, claim=filed, statement=" Here is\r\nour contract. "
    )
    assert (contested.state, contested.contest) == ("disputed", "Here is\nour contract.")
    assert contested.contested_for == dispute.owner.holder
    assert codes(ask(generator, dispute.hero, now=LATER)) == ["disputed"]

    conceded = answering.concede_claim(actor=dispute.owner.actor, now=LATER, claim=filed)
    assert (conceded.state, conceded.conceded_for) == ("conceded", dispute.owner.holder)
    assert ask(generator, dispute.hero, now=LATER).outcome == "allow"
    # Whose it is from when on is a step of ownership, which nobody has taken yet.
    assert OwnershipStep.objects.filter(subject=dispute.hero).count() == 1
    verbs = AuditRecord.objects.filter(thing=filed.shown_id).order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == [
        "claim.file",
        "claim.contest",
        "claim.concede",
    ]


@pytest.mark.parametrize("outcome", ["upheld", "rejected"])
def test_the_house_decides_and_the_rules_speak_again(dispute: Dispute, outcome: str) -> None:
    publish_rule(dispute.owner)
    filed = claim(dispute.claimant, dispute.hero)
    decided = answering.resolve_claim(
        actor=dispute.judge, now=LATER, claim=filed, outcome=outcome, reason="The comic is real."
    )
    assert (decided.state, decided.reason) == (outcome, "The comic is real.")
    assert ask(build_generator(), dispute.hero, now=LATER).outcome == "allow"
    assert OwnershipStep.objects.filter(subject=dispute.hero).count() == 1
    told = AuditRecord.objects.filter(thing=filed.shown_id).exclude(verb="claim.file")
    sides = {dispute.owner.organisation.pk, dispute.claimant.organisation.pk}
    assert set(told.values_list("organisation_id", flat=True)) == sides


def test_of_two_claims_the_last_one_to_end_lifts_it(dispute: Dispute) -> None:
    publish_rule(dispute.owner)
    filed = [claim(studio, dispute.hero) for studio in (dispute.claimant, build_studio())]
    for each, outcome in zip(filed, ("deny", "allow"), strict=True):
        answering.resolve_claim(
            actor=dispute.judge, now=LATER, claim=each, outcome="rejected", reason="No evidence."
        )
        assert ask(build_generator(), dispute.hero, now=LATER).outcome == outcome


# -- Who claims what ------------------------------------------------------------------------------
def test_one_does_not_claim_what_is_ones_own(dispute: Dispute) -> None:
    with pytest.raises(AlreadyYours):
        claim(dispute.owner, dispute.hero)
    build_ownership(dispute.hero, {dispute.claimant.holder: 1}, territory="DE")
    with pytest.raises(AlreadyYours):
        claim(dispute.claimant, dispute.hero, territory="DE")
    # A part owner may claim the rest.
    assert claim(dispute.claimant, dispute.hero).state == "disputed"


def test_one_claims_once_at_a_time_and_not_again_after_a_rejection(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    with pytest.raises(ClaimedAlready):
        claim(dispute.claimant, dispute.hero)
    assert claim(dispute.claimant, dispute.hero, territory="DE").state == "disputed"
    answering.withdraw_claim(actor=dispute.claimant.actor, now=LATER, claim=filed)
    again = claim(dispute.claimant, dispute.hero, now=LATER)
    answering.resolve_claim(
        actor=dispute.judge, now=LATER, claim=again, outcome="rejected", reason="No evidence."
    )
    with pytest.raises(ClaimRejected):
        claim(dispute.claimant, dispute.hero, now=LATER)


def another_of(studio: Studio) -> Studio:
    """The same people with another rights holder, which they make themselves."""
    made = register_holder(actor=studio.actor, now=NOW, name="A second name")
    return replace(studio, holder=made)


def test_another_rights_holder_of_the_same_people_gets_no_second_try(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    answering.resolve_claim(
        actor=dispute.judge, now=LATER, claim=filed, outcome="rejected", reason="No evidence."
    )
    with pytest.raises(ClaimRejected):
        claim(another_of(dispute.claimant), dispute.hero, now=LATER)


def test_nor_has_it_claims_of_its_own_besides(
    dispute: Dispute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licensing.claims.filing.MOST_OPEN", 1)
    claim(dispute.claimant, dispute.hero)
    with pytest.raises(TooManyClaims):
        claim(another_of(dispute.claimant), build_subject(dispute.owner.holder))


def test_open_claims_are_counted(dispute: Dispute) -> None:
    for _ in range(filing.MOST_OPEN):
        last = claim(dispute.claimant, build_subject(dispute.owner.holder))
    with pytest.raises(TooManyClaims):
        claim(dispute.claimant, dispute.hero)
    answering.withdraw_claim(actor=dispute.claimant.actor, now=LATER, claim=last)
    assert claim(dispute.claimant, dispute.hero, now=LATER).state == "disputed"


def test_what_cannot_be_claimed(dispute: Dispute) -> None:
    live = build_dispute(mode="live")
    with pytest.raises(NotFound):
        claim(dispute.claimant, live.hero)
    with pytest.raises(UnknownTerritory):
        claim(dispute.claimant, dispute.hero, territory="UK")
    for words in ("", " \n ", "x" * 2001, "bell\x07", "half \ud800"):
        with pytest.raises(BadWords):
            claim(dispute.claimant, dispute.hero, statement=words)
    assert not Claim.objects.exists()


# -- Who answers ----------------------------------------------------------------------------------
Act = Callable[[Dispute, Claim], object]


def contest(actor_of: Callable[[Dispute], Actor]) -> Act:
    return lambda it, filed: answering.contest_claim(
        actor=actor_of(it),
        now=LATER,
        claim=filed,
        statement="No.",
    )


REFUSED: dict[str, tuple[Act, type[DomainError]]] = {
    "the claimant answers itself": (contest(lambda it: it.claimant.actor), NotAnOwner),
    "a stranger answers": (contest(lambda it: build_studio().actor), NotFound),
    "a platform answers": (
        contest(lambda it: with_scopes(build_platform().actor, "claims:write")),
        NotFound,
    ),
    "an editor answers": (
        contest(lambda it: build_actor(it.owner.organisation, "editor")),
        ScopeMissing,
    ),
    "the owner withdraws": (
        lambda it, filed: answering.withdraw_claim(
            actor=it.owner.actor, now=LATER, claim=filed
        ),
        NotTheClaimant,
    ),
    "the owner decides": (
        lambda it, filed: answering.resolve_claim(
            actor=with_scopes(it.owner.actor, "claims:resolve"), now=LATER, claim=filed,
            outcome="rejected", reason="Mine.",
        ),
        NobodyAnswerable,
    ),
    "without a reason": (
        lambda it, filed: answering.resolve_claim(
            actor=it.judge, now=LATER, claim=filed, outcome="rejected", reason=" "
        ),
        BadWords,
    ),
    "on what was seen before": (
        lambda it, filed: answering.resolve_claim(
            actor=it.judge, now=LATER, claim=filed, outcome="rejected", reason="No.", seen="ab"
        ),
        ClaimChanged,
    ),
}  # fmt: skip


@pytest.mark.parametrize("story", REFUSED)
def test_who_may_not(story: str, dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    act, refusal = REFUSED[story]
    with pytest.raises(refusal):
        act(dispute, filed)
    filed.refresh_from_db()
    assert (filed.state, filed.contest) == ("disputed", "")


def test_a_former_owner_reads_the_claim_and_does_not_answer_it(dispute: Dispute) -> None:
    former = build_studio()
    shared = build_subject(dispute.owner.holder, owners={dispute.owner.holder: 1, former.holder: 1})
    build_ownership(shared, {dispute.owner.holder: 1}, effective_on=NOW.date())
    filed = claim(dispute.claimant, shared)
    assert Claim.objects.visible_to(former.actor).get() == filed
    with pytest.raises(NotAnOwner):
        answering.concede_claim(actor=former.actor, now=NOW, claim=filed)


def test_who_is_a_party_decides_nothing(dispute: Dispute) -> None:
    """One person may be a member of a rights holder and of the house."""
    filed = claim(dispute.claimant, dispute.hero)
    both = replace(dispute.judge, person_id=filed.filed_by)
    with pytest.raises(PartyToIt):
        answering.resolve_claim(actor=both, now=LATER, claim=filed, outcome="upheld", reason="Yes.")


def test_it_is_contested_once_and_ends_once(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    contest(lambda it: it.owner.actor)(dispute, filed)
    with pytest.raises(ContestedAlready):
        contest(lambda it: it.owner.actor)(dispute, filed)
    answering.withdraw_claim(actor=dispute.claimant.actor, now=LATER, claim=filed)
    acts: tuple[Callable[[], object], ...] = (
        lambda: answering.withdraw_claim(actor=dispute.claimant.actor, now=LATER, claim=filed),
        lambda: answering.concede_claim(actor=dispute.owner.actor, now=LATER, claim=filed),
        lambda: contest(lambda it: it.owner.actor)(dispute, filed),
        lambda: answering.resolve_claim(
            actor=dispute.judge, now=LATER, claim=filed, outcome="upheld", reason="Yes."
        ),
    )
    for act in acts:
        with pytest.raises(ClaimEnded):
            act()

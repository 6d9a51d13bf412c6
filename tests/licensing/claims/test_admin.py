"""Claims in the admin: read by the house, decided by an approver for a reason, on what was seen."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from licensing.access.models import Membership
from licensing.claims import answering
from licensing.claims.admin import STEPS
from licensing.claims.models import Claim
from tests.licensing.builders import build_actor, build_subject
from tests.licensing.claims.builders import BECAUSE, Dispute, build_dispute, claim
from tests.licensing.consent.builders import NOW
from tests.licensing.settlement.test_admin import at_the_admin

pytestmark = pytest.mark.django_db


@pytest.fixture
def dispute() -> Dispute:
    return build_dispute()


def path(filed: Claim, act: str = "change") -> str:
    return f"/admin/claims/claim/{filed.pk}/{act}/"


@pytest.mark.parametrize(
    ("act", "state", "words"),
    [("uphold", "upheld", "step of ownership"), ("reject", "rejected", "cannot claim the same")],
)
def test_a_claim_is_decided_after_reading_both_sides(
    dispute: Dispute, act: str, state: str, words: str
) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    answering.contest_claim(
        actor=dispute.owner.actor, now=NOW, claim=filed, statement="It is ours by contract."
    )
    filed.refresh_from_db()
    judge = at_the_admin(dispute.judge)
    asked = judge.get(path(filed, act)).content.decode()
    for said in (BECAUSE, "It is ours by contract.", dispute.hero.name, words):
        assert said in asked
    seen = {"content_hash": filed.content_hash_hex}
    answer = judge.post(path(filed, act), seen)
    assert (answer.status_code, "Say why" in answer.content.decode()) == (422, True)
    answer = judge.post(path(filed, act), {**seen, "why": "The contract is clear."})
    assert answer.status_code == 302
    filed.refresh_from_db()
    assert (filed.state, filed.reason) == (state, "The contract is clear.")
    page = judge.get(path(filed)).content.decode()
    assert f"{filed.shown_id} is {state}." in page
    assert "The contract is clear." in page


def test_what_was_not_seen_is_not_decided(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    before = filed.content_hash_hex
    answering.contest_claim(actor=dispute.owner.actor, now=NOW, claim=filed, statement="Ours.")
    judge = at_the_admin(dispute.judge)
    for seen in ({"content_hash": before}, {}):
        answer = judge.post(path(filed, "uphold"), {**seen, "why": "Yes."})
        assert (answer.status_code, "More has been said" in answer.content.decode()) == (409, True)


def test_the_decision_is_offered_to_who_may_take_it(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    house = Membership.objects.get(user__username=dispute.judge.label).organisation
    auditor = build_actor(house, "auditor")

    def offered(client: object) -> set[str]:
        shown = client.get(path(filed)).content.decode()  # type: ignore[attr-defined]
        return {act for act in STEPS if path(filed, act) in shown}

    reader = at_the_admin(auditor)
    assert (offered(at_the_admin(dispute.judge)), offered(reader)) == (set(STEPS), set())
    assert f"Uphold: {dispute.judge.label}" in reader.get(path(filed)).content.decode()
    answer = reader.post(
        path(filed, "reject"), {"content_hash": filed.content_hash_hex, "why": "No."}
    )
    assert (answer.status_code, "claims:resolve" in answer.content.decode()) == (403, True)


def test_the_list_does_not_grow_queries_with_rows(dispute: Dispute) -> None:
    judge = at_the_admin(dispute.judge)
    counts = []
    for _ in range(2):
        for _ in range(3):
            claim(dispute.claimant, build_subject(dispute.owner.holder))
        judge.get("/admin/claims/claim/")
        with CaptureQueriesContext(connection) as queries:
            assert judge.get("/admin/claims/claim/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert judge.get("/admin/claims/claim/add/").status_code == 403

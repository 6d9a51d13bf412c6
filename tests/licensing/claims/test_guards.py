"""What the database itself refuses about claims, whatever the program says."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from licensing.access.models import Membership
from licensing.catalog.models import RightsHolder
from licensing.claims import answering
from licensing.claims.models import Claim
from licensing.claims.states import CLAIM_MOVES, ClaimState
from tests.licensing.builders import build_ownership, build_subject
from tests.licensing.claims.builders import Dispute, build_dispute, claim
from tests.licensing.consent.builders import NOW, build_studio

pytestmark = pytest.mark.django_db


@pytest.fixture
def dispute() -> Dispute:
    return build_dispute()


@pytest.fixture
def filed(dispute: Dispute) -> Claim:
    return claim(dispute.claimant, dispute.hero)


def refused(filed: Claim, word: str, **columns: Any) -> None:
    with pytest.raises(DatabaseError, match=word), transaction.atomic():
        Claim.objects.filter(pk=filed.pk).update(**columns)


def ended(dispute: Dispute, state: str) -> dict[str, Any]:
    """The columns that a claim has once it has ended so."""
    columns: dict[str, Any] = {"state": state, "ended_at": NOW, "ended_by_label": "somebody"}
    if state == "conceded":
        columns["conceded_for"] = dispute.owner.holder
    if state in ("upheld", "rejected"):
        columns |= {"reason": "So it is.", "ended_by": dispute.judge.person_id}
    return columns


def contested(dispute: Dispute) -> dict[str, Any]:
    return {
        "contested_for": dispute.owner.holder,
        "contest": "No.",
        "contested_by_label": "somebody",
        "contested_at": NOW,
    }


@pytest.mark.parametrize("was", ClaimState)
@pytest.mark.parametrize("to", ClaimState)
def test_the_moves_are_the_same_in_both_places(was: ClaimState, to: ClaimState) -> None:
    dispute = build_dispute()
    filed = claim(dispute.claimant, dispute.hero)
    rows = Claim.objects.filter(pk=filed.pk)
    if was != "disputed":
        rows.update(**ended(dispute, was))
    back = {"ended_at": None, "ended_by": None, "ended_by_label": "", "reason": ""}
    columns = {**back, "conceded_for": None, **(ended(dispute, to) if to != "disputed" else {})}
    if to in CLAIM_MOVES[was]:
        rows.update(**columns)
    elif was != "disputed":
        refused(filed, "claim_move", **{**columns, "state": to})


@pytest.mark.parametrize(
    "columns",
    [
        {"territory": "DE"},
        {"statement": "We never said that."},
        {"filed_by_label": "another"},
        {"filed_at": NOW.replace(year=2025)},
    ],
    ids=str,
)
def test_what_was_claimed_never_changes(filed: Claim, columns: dict[str, Any]) -> None:
    refused(filed, "claim_said", **columns)


def test_what_was_said_against_it_never_changes(dispute: Dispute, filed: Claim) -> None:
    Claim.objects.filter(pk=filed.pk).update(**contested(dispute))
    refused(filed, "claim_said", contest="Well.")


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_a_claim_is_never_removed(filed: Claim, statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="claim_never_removed"), transaction.atomic():
            cursor.execute(statement.format("claims_claim"))


def test_only_an_owner_of_that_day_answers(dispute: Dispute, filed: Claim) -> None:
    stranger = build_studio().holder
    answer = {**contested(dispute), "contested_for": stranger}
    refused(filed, "claim_answered_by_owner", **answer)
    refused(
        filed,
        "claim_answered_by_owner",
        **{**ended(dispute, "conceded"), "conceded_for": stranger},
    )
    # Not even a claimant who owns a part of it.
    build_ownership(dispute.hero, {dispute.claimant.holder: 1}, territory="DE")
    own = dispute.claimant.holder
    refused(filed, "claim_contested_whole", **{**answer, "contested_for": own})
    concession = {**ended(dispute, "conceded"), "conceded_for": own}
    refused(filed, "claim_conceded_by_an_owner", **concession)
    shared = build_subject(dispute.owner.holder, owners={dispute.owner.holder: 1, stranger: 1})
    build_ownership(shared, {dispute.owner.holder: 1}, effective_on=NOW.date())
    other = claim(dispute.claimant, shared)
    refused(other, "claim_answered_by_owner", **answer)


def test_only_a_member_of_the_house_decides_and_no_party(dispute: Dispute, filed: Claim) -> None:
    # The claimant's person becomes one of the house, too.
    Membership.objects.create(
        organisation_id=dispute.judge.tenant,
        user_id=str(filed.filed_by),
        role="approver",
        created_at=NOW,
    )
    for state in ("upheld", "rejected"):
        for who in (dispute.owner.actor.person_id, build_dispute(mode="live").judge.person_id):
            refused(filed, "claim_resolved_by_house", **{**ended(dispute, state), "ended_by": who})
        refused(
            filed, "claim_resolved_by_another|house", **{**ended(dispute, state), "ended_by": None}
        )
        refused(filed, "claim_resolved_by_another", **{**ended(dispute, state), "reason": ""})
        refused(
            filed,
            "claim_resolved_by_another",
            **{**ended(dispute, state), "ended_by": filed.filed_by},
        )


def test_an_end_is_whole(dispute: Dispute, filed: Claim) -> None:
    refused(filed, "claim_ended_whole", state="withdrawn")
    refused(filed, "claim_ended_whole", ended_at=NOW)
    refused(filed, "claim_answered", **{**ended(dispute, "withdrawn"), "state": "conceded"})
    refused(
        filed, "claim_conceded_by_an_owner", **{**ended(dispute, "conceded"), "state": "withdrawn"}
    )


def test_what_may_be_filed(dispute: Dispute, filed: Claim) -> None:
    def filing(word: str, **columns: Any) -> None:
        row = Claim(
            **{
                "subject": dispute.hero,
                "claimant": dispute.claimant.holder,
                "statement": "Ours.",
                "filed_by_label": "somebody",
                "filed_at": NOW,
                **columns,
            }
        )
        with pytest.raises(DatabaseError, match=word), transaction.atomic():
            row.save(force_insert=True)

    filing("claim_one_open")
    filing("claim_to_anothers", claimant=dispute.owner.holder)
    filing("claim_to_anothers", subject=build_dispute(mode="live").hero)
    filing("claim_move", **ended(dispute, "withdrawn"))
    filing("claim_says_why", territory="DE", statement="")
    filing("claim_territory_form", territory="d")
    answering.resolve_claim(
        actor=dispute.judge, now=NOW, claim=filed, outcome="rejected", reason="No."
    )
    filing("claim_rejected")
    second = RightsHolder.objects.create(
        organisation=dispute.claimant.holder.organisation, name="A second name", created_at=NOW
    )
    filing("claim_rejected", claimant=second)

"""What holds about claims when everything happens at once, on real connections."""

from __future__ import annotations

import pytest
from django.utils import timezone

from ledger.errors import Refused
from licensing.claims import answering
from licensing.claims.models import Claim
from licensing.consent.models import ConsentCheck
from tests.licensing.builders import build_subject
from tests.licensing.claims.builders import Dispute, build_dispute, claim
from tests.licensing.consent.builders import build_generator, publish_rule
from tests.licensing.consent.test_races import at_once, hammer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def dispute() -> Dispute:
    return build_dispute()


def test_no_check_that_starts_after_a_claim_is_allowed_nor_after_its_end_refused(
    dispute: Dispute,
) -> None:
    generator = build_generator()
    publish_rule(dispute.owner, now=timezone.now())
    filed: list[Claim] = []

    def file() -> None:
        filed.append(claim(dispute.claimant, dispute.hero, now=timezone.now()))

    assert {each.outcome for each in hammer(generator, dispute.hero, file)} == {"deny"}
    assert ConsentCheck.objects.filter(outcome="allow").exists()

    def concede() -> None:
        answering.concede_claim(actor=dispute.owner.actor, now=timezone.now(), claim=filed[0])

    assert {each.outcome for each in hammer(generator, dispute.hero, concede)} == {"allow"}


def test_the_same_claim_filed_twice_at_once_is_filed_once(dispute: Dispute) -> None:
    def file() -> str:
        return claim(dispute.claimant, dispute.hero, now=timezone.now()).state

    assert sorted(at_once(file, file)) == ["claimed_already", "disputed"]


def test_the_last_place_among_open_claims_goes_to_one(
    dispute: Dispute, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("licensing.claims.filing.MOST_OPEN", 1)
    heroes = [build_subject(dispute.owner.holder) for _ in range(3)]

    def file(place: int) -> str:
        return claim(dispute.claimant, heroes[place], now=timezone.now()).state

    answers = at_once(*[lambda place=place: file(place) for place in range(3)])
    assert sorted(answers) == ["disputed", "too_many_claims", "too_many_claims"]


def test_it_ends_in_one_way_whoever_is_first(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero, now=timezone.now())
    now = timezone.now()
    answers = at_once(
        lambda: answering.withdraw_claim(actor=dispute.claimant.actor, now=now, claim=filed).state,
        lambda: answering.concede_claim(actor=dispute.owner.actor, now=now, claim=filed).state,
        lambda: (
            answering.resolve_claim(
                actor=dispute.judge, now=now, claim=filed, outcome="rejected", reason="No evidence."
            ).state
        ),
    )
    assert answers.count("claim_ended") == 2
    filed.refresh_from_db()
    assert filed.state in answers


def test_a_claim_is_not_filed_anew_while_it_is_rejected(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero, now=timezone.now())
    now = timezone.now()

    def again() -> str:
        try:
            return claim(dispute.claimant, dispute.hero, now=now).state
        except Refused as refusal:
            return refusal.code

    answers = at_once(
        lambda: (
            answering.resolve_claim(
                actor=dispute.judge, now=now, claim=filed, outcome="rejected", reason="No evidence."
            ).state
        ),
        again,
    )
    assert answers[0] == "rejected"
    assert answers[1] in ("claimed_already", "claim_rejected")

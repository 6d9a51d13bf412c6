"""Execution: set aside once, handed over once, followed to the end, through every interruption."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal

import pytest

from ledger.journal.chart import Role
from ledger.journal.models import Entry
from ledger.payouts import execution, review
from ledger.payouts.models import PayoutBatch, PayoutItem
from ledger.payouts.rails import Answer, Instruction
from ledger.payouts.refusals import (
    AlreadyPaid,
    AmountOverAvailable,
    BadPaidOn,
    DestinationChanged,
    NotInState,
)
from ledger.payouts.tasks import submit_reserved
from tests.ledger.payouts.builders import NOW, OTHER_IBAN, Desk, build_payee, holds, only, register

pytestmark = pytest.mark.django_db


class Cable:
    """A rail that keeps what it was given, and can be cut before or after."""

    def __init__(self, *, cut: str = "", refuses: str = "") -> None:
        self.cut = cut
        self.refuses = refuses
        self.received: list[str] = []

    def submit(self, instructions: Sequence[Instruction]) -> Mapping[str, Answer]:
        if self.cut == "before":
            raise ConnectionError("cut before")
        self.received += [each.rail_id for each in instructions]
        if self.cut == "after":
            raise ConnectionError("cut after")
        if self.cut == "process":
            raise KeyboardInterrupt
        return self.look_up([each.rail_id for each in instructions])

    def look_up(self, rail_ids: Sequence[str]) -> Mapping[str, Answer]:
        refusal = Answer(outcome="rejected", detail="Account closed")
        return {
            each: refusal if self.refuses else Answer(outcome="accepted")
            for each in rail_ids
            if each in self.received
        }


def test_the_whole_way_of_a_payout() -> None:
    desk = Desk()
    payee = build_payee("12.34567891")
    batch = desk.reserved()
    assert (holds(payee, Role.PAYABLE), holds(payee, Role.IN_FLIGHT)) == (
        "0.00567891",
        "12.34000000",
    )
    batch = execution.submit(actor=desk.preparer, now=NOW, batch=batch)
    assert (batch.state, only(batch).state) == ("submitted", "accepted")
    item = desk.pay(only(batch))
    batch.refresh_from_db()
    assert (batch.state, item.state, item.reference) == ("settled", "paid", "BANK-1")
    # What was in flight has left through the bank, on whose account it stands as a credit.
    assert (holds(payee, Role.IN_FLIGHT), holds("bank", Role.CASH)) == (
        "0.00000000",
        "12.34000000",
    )
    keys = Entry.objects.exclude(kind="royalty").order_by("height").values_list("kind", "key")
    assert list(keys) == [
        ("payout_reserved", f"payout:{batch.shown_id}:reserve"),
        ("payout_paid", f"payout:{item.shown_id}:paid"),
    ]


def test_every_step_taken_twice_has_one_effect() -> None:
    desk = Desk()
    payee = build_payee("20.00")
    batch = desk.reserved()
    execution.reserve(actor=desk.preparer, now=NOW, batch=batch)
    rail = Cable()
    for _ in range(2):
        execution.submit(actor=desk.preparer, now=NOW, batch=batch, rail=rail)
    item = only(batch)
    assert rail.received == [item.shown_id]
    desk.pay(item)
    desk.pay(item)
    with pytest.raises(AlreadyPaid):
        desk.pay(item, reference="BANK-2")
    assert Entry.objects.exclude(kind="royalty").count() == 2
    assert holds(payee, Role.PAYABLE) == "0.00000000"


def test_two_batches_over_the_same_money_pay_it_once() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    first = desk.approved()
    # The second was approved for the same money: only the books stand between it and the bank.
    twin = _twin_of(first, desk)
    execution.reserve(actor=desk.preparer, now=NOW, batch=first)
    with pytest.raises(AmountOverAvailable):
        execution.reserve(actor=desk.preparer, now=NOW, batch=twin)
    twin.refresh_from_db()
    assert twin.state == "approved"
    assert holds(payee, Role.IN_FLIGHT) == "30.00000000"


def _twin_of(batch: PayoutBatch, desk: Desk) -> PayoutBatch:
    """A second approved batch like `batch`, as two proposals at the same moment would make."""
    other = PayoutBatch.objects.create(
        book=batch.book,
        currency=batch.currency,
        rail=batch.rail,
        threshold=batch.threshold,
        state_since=NOW,
        content_hash=bytes(32),
        prepared_by=batch.prepared_by,
        prepared_by_label=batch.prepared_by_label,
        prepared_at=NOW,
    )
    PayoutItem.objects.create(
        batch=other,
        party=only(batch).party,
        amount=only(batch).amount,
        destination=only(batch).destination,
        state_since=NOW,
    )
    from ledger.payouts import batches

    other.content_hash = batches.hash_of(other)
    other.item_count, other.total = 1, only(batch).amount
    other.save()
    review.submit_for_review(actor=desk.preparer, now=NOW, batch=other)
    return review.approve(
        actor=desk.approver, now=NOW, batch=other, content_hash=other.content_hash_hex
    )


def test_cancelling_a_reserved_batch_gives_the_money_back() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = review.cancel(actor=desk.approver, now=NOW, batch=desk.reserved())
    assert (batch.state, only(batch).state) == ("cancelled", "cancelled")
    assert (holds(payee, Role.PAYABLE), holds(payee, Role.IN_FLIGHT)) == (
        "30.00000000",
        "0.00000000",
    )
    assert str(desk.draft().total_money) == "30.00 USD"


def test_a_destination_changed_after_the_approval_stops_the_execution() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.approved()
    register(payee, account=OTHER_IBAN, now=NOW)
    with pytest.raises(DestinationChanged):
        execution.reserve(actor=desk.preparer, now=NOW, batch=batch)
    assert holds(payee, Role.IN_FLIGHT) == "0.00000000"


def test_a_rejected_payment_is_payable_again() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = execution.submit(
        actor=desk.preparer, now=NOW, batch=desk.reserved(), rail=Cable(refuses="all")
    )
    assert (batch.state, only(batch).state, only(batch).reason) == (
        "settled",
        "rejected",
        "Account closed",
    )
    assert holds(payee, Role.PAYABLE) == "30.00000000"


@pytest.mark.parametrize("paid_first", [False, True])
def test_money_that_came_back_is_payable_again(paid_first: bool) -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.submitted()
    item = desk.pay(only(batch)) if paid_first else only(batch)
    for _ in range(2):
        execution.mark_returned(actor=desk.preparer, now=NOW, item=item, reason="Account closed")
    assert [
        holds(payee, Role.PAYABLE),
        holds(payee, Role.IN_FLIGHT),
        holds("bank", Role.CASH),
    ] == ["30.00000000", "0.00000000", "0.00000000"]
    batch.refresh_from_db()
    assert batch.state == "settled"
    assert str(desk.draft().total_money) == "30.00 USD"


def test_a_payment_is_dated_between_its_reservation_and_today() -> None:
    desk = Desk()
    build_payee("30.00")
    item = only(desk.submitted())
    for day in (NOW.date() - timedelta(days=1), NOW.date() + timedelta(days=1), date(2001, 1, 1)):
        with pytest.raises(BadPaidOn):
            execution.mark_paid(
                actor=desk.preparer, now=NOW, item=item, reference="BANK-1", paid_on=day
            )


def test_nothing_is_paid_before_it_was_handed_over() -> None:
    desk = Desk()
    build_payee("30.00")
    with pytest.raises(NotInState):
        desk.pay(only(desk.reserved()))


# -- Interruptions --------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_failed_call_leaves_unknown_and_is_never_made_again(cut: str) -> None:
    desk = Desk()
    payee = build_payee("30.00")
    rail = Cable(cut=cut)
    batch = execution.submit(actor=desk.preparer, now=NOW, batch=desk.reserved(), rail=rail)
    assert (batch.state, only(batch).state) == ("submitted", "unknown")
    assert holds(payee, Role.IN_FLIGHT) == "30.00000000"
    received = list(rail.received)

    later = NOW + timedelta(hours=1)
    batch = execution.look_again(actor=desk.preparer, now=later, batch=batch, rail=rail)
    assert rail.received == received
    # The rail that got it says so; one that never did leaves it to a person with evidence.
    assert only(batch).state == ("accepted" if cut == "after" else "unknown")


def test_killed_during_the_call_the_batch_is_asked_about_and_not_resent() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.reserved()
    rail = Cable(cut="process")
    with pytest.raises(KeyboardInterrupt):
        execution.submit(actor=desk.preparer, now=NOW, batch=batch, rail=rail)
    batch.refresh_from_db()
    # Committed before the call: whoever comes later knows that it may have arrived.
    assert (batch.state, only(batch).state) == ("submitting", "sent")
    execution.submit(actor=desk.preparer, now=NOW, batch=batch, rail=rail)
    assert len(rail.received) == 1
    # Too early, the call may still be under way.
    early = execution.look_again(actor=desk.preparer, now=NOW, batch=batch, rail=rail)
    assert early.state == "submitting"
    late = NOW + execution.CALL
    batch = execution.look_again(actor=desk.preparer, now=late, batch=batch, rail=rail)
    assert (batch.state, only(batch).state) == ("submitted", "accepted")
    assert (len(rail.received), holds(payee, Role.IN_FLIGHT)) == (1, "30.00000000")


def test_what_stays_unknown_is_settled_by_a_person_with_evidence() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    rail = Cable(cut="before")
    batch = execution.submit(actor=desk.preparer, now=NOW, batch=desk.reserved(), rail=rail)
    execution.mark_returned(
        actor=desk.preparer, now=NOW, item=only(batch), reason="The bank never saw it"
    )
    batch.refresh_from_db()
    assert (batch.state, holds(payee, Role.PAYABLE)) == ("settled", "30.00000000")


def test_the_sweep_goes_on_where_a_killed_process_stopped() -> None:
    desk = Desk()
    build_payee("30.00")
    build_payee("70.00")
    batch = desk.reserved()
    assert batch.look_again_at == NOW
    assert submit_reserved() == 1
    batch.refresh_from_db()
    assert batch.state == "submitted"
    assert not PayoutBatch.objects.filter(look_again_at__isnull=False).exists()
    assert submit_reserved() == 0
    assert batch.total == Decimal(100)

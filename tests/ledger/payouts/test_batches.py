"""Drafts and reviews: one prepares, another approves exactly what was seen."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction

from ledger.actor import system_actor
from ledger.errors import NotFound
from ledger.journal.chart import Role
from ledger.journal.models import Entry
from ledger.journal.posting import reverse
from ledger.payouts import batches, review
from ledger.payouts.models import PayoutApproval, PayoutBatch, PayoutItem, PayoutMove
from ledger.payouts.refusals import (
    AlreadySent,
    AmountOverAvailable,
    BadIban,
    DestinationChanged,
    DestinationWaiting,
    DraftChanged,
    NobodyAnswerable,
    NothingToPay,
    NotInState,
    NotMinorUnits,
    NotThePreparer,
    OwnBatch,
    PayeeUnverified,
)
from ledger.payouts.states import BATCH_MOVES, ITEM_MOVES, BatchState, ItemState
from tests.ledger.payouts.builders import (
    NOW,
    OTHER_IBAN,
    Desk,
    both,
    build_finance,
    build_payee,
    holds,
    only,
    register,
)

pytestmark = pytest.mark.django_db


def test_a_draft_pays_whole_cents_and_says_who_is_left_out() -> None:
    lantern = build_payee("12.34567891", name="hld_lantern")
    build_payee("3.00", name="hld_small")
    build_payee("99.00", name="hld_unknown", account=None)
    batch = Desk().draft(threshold="10")
    assert [(item.party, str(item.money)) for item in batch.items.all()] == [(lantern, "12.34 USD")]
    assert [(each["party"], each["payable"], each["reason"]) for each in batch.left_out] == [
        ("hld_small", "3.00", "below_threshold"),
        ("hld_unknown", "99.00", "no_destination"),
    ]
    assert (str(batch.total_money), batch.item_count, batch.state) == ("12.34 USD", 1, "draft")
    assert holds(lantern, Role.PAYABLE) == "12.34567891"


def test_nobody_to_pay_makes_no_batch_and_names_the_reasons() -> None:
    build_payee("3.00", name="hld_small")
    with pytest.raises(NothingToPay) as refused:
        Desk().draft(threshold="10")
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/parties/hld_small", "below_threshold")
    ]
    assert not PayoutBatch.objects.exists()


def test_a_named_payee_without_a_destination_is_refused() -> None:
    payee = build_payee("30.00", account=None)
    with pytest.raises(PayeeUnverified):
        batches.propose(
            actor=build_finance("Petra"),
            now=NOW,
            currency="USD",
            threshold=Decimal(0),
            parties=[payee],
        )


def test_the_preparer_changes_the_draft_and_its_hash_follows() -> None:
    desk = Desk()
    payee, other = build_payee("30.00"), build_payee("40.00")
    batch = desk.draft()
    seen = batch.content_hash_hex
    batches.set_item(
        actor=desk.preparer, now=NOW, batch=batch, party=payee, amount=Decimal("20.00")
    )
    batches.remove_item(
        actor=desk.preparer, now=NOW, item=PayoutItem.objects.get(batch=batch, party=other)
    )
    batch.refresh_from_db()
    assert (str(batch.total_money), batch.item_count) == ("20.00 USD", 1)
    assert batch.content_hash_hex != seen


def test_a_draft_never_pays_more_than_is_payable_nor_parts_of_a_cent() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.draft()
    with pytest.raises(AmountOverAvailable):
        batches.set_item(
            actor=desk.preparer, now=NOW, batch=batch, party=payee, amount=Decimal("30.01")
        )
    with pytest.raises(NotMinorUnits):
        batches.set_item(
            actor=desk.preparer, now=NOW, batch=batch, party=payee, amount=Decimal("1.005")
        )


def test_only_the_preparer_touches_a_draft() -> None:
    payee = build_payee("30.00")
    batch = Desk().draft()
    with pytest.raises(NotThePreparer):
        batches.set_item(
            actor=build_finance("Paul"), now=NOW, batch=batch, party=payee, amount=Decimal(1)
        )


def test_approved_by_another_for_what_was_seen() -> None:
    desk = Desk()
    build_payee("30.00")
    batch = desk.approved()
    assert (batch.state, batch.approved_by) == ("approved", desk.approver.person_id)
    approval = PayoutApproval.objects.get(batch=batch)
    assert bytes(approval.content_hash) == bytes(batch.content_hash)
    history = PayoutMove.objects.filter(batch=batch, item_id=None).order_by("id")
    assert [(move.from_state, move.to_state, move.actor) for move in history] == [
        ("", "draft", "Petra"),
        ("draft", "in_review", "Petra"),
        ("in_review", "approved", "Anton"),
    ]


def test_nobody_approves_their_own_batch_nor_does_the_machine() -> None:
    build_payee("30.00")
    petra = both(build_finance("Petra"))
    batch = Desk(preparer=petra).in_review()
    with pytest.raises(OwnBatch):
        review.approve(actor=petra, now=NOW, batch=batch, content_hash=batch.content_hash_hex)
    with pytest.raises(NobodyAnswerable):
        review.approve(
            actor=system_actor(mode="test"),
            now=NOW,
            batch=batch,
            content_hash=batch.content_hash_hex,
        )


def test_a_draft_changed_since_it_was_seen_is_not_approved() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.in_review()
    seen = batch.content_hash_hex
    review.reject(actor=desk.approver, now=NOW, batch=batch, reason="Less, please")
    batches.set_item(actor=desk.preparer, now=NOW, batch=batch, party=payee, amount=Decimal(29))
    review.submit_for_review(actor=desk.preparer, now=NOW, batch=batch)
    with pytest.raises(DraftChanged):
        review.approve(actor=desk.approver, now=NOW, batch=batch, content_hash=seen)


def test_handing_over_twice_is_one_move() -> None:
    desk = Desk()
    build_payee("30.00")
    batch = desk.in_review()
    again = review.submit_for_review(actor=desk.preparer, now=NOW, batch=batch)
    assert again.version == batch.version
    with pytest.raises(DraftChanged):
        review.submit_for_review(actor=desk.preparer, now=NOW, batch=batch, content_hash="00" * 32)


def test_a_changed_destination_stops_the_approval_until_it_has_waited() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.in_review()
    register(payee, account=OTHER_IBAN, now=NOW)
    with pytest.raises(DestinationChanged):
        review.approve(
            actor=desk.approver, now=NOW, batch=batch, content_hash=batch.content_hash_hex
        )
    review.cancel(actor=desk.preparer, now=NOW, batch=batch)
    batch = desk.in_review()
    for wait, fine in ((timedelta(hours=71, minutes=59), False), (timedelta(hours=72), True)):
        if not fine:
            with pytest.raises(DestinationWaiting):
                review.approve(
                    actor=desk.approver,
                    now=NOW + wait,
                    batch=batch,
                    content_hash=batch.content_hash_hex,
                )
            continue
        approved = review.approve(
            actor=desk.approver,
            now=NOW + wait,
            batch=batch,
            content_hash=batch.content_hash_hex,
        )
        assert approved.state == "approved"


def test_registering_the_same_destination_again_changes_nothing() -> None:
    payee = build_payee("1.00")
    first = register(payee)
    again = register(payee, account="DE89 3704 0044 0532 0130 00", now=NOW)
    assert again.pk == first.pk
    assert first.usable_from == first.registered_at
    changed = register(payee, account=OTHER_IBAN, now=NOW)
    assert changed.usable_from == NOW + timedelta(hours=72)
    with pytest.raises(BadIban):
        register(payee, account="DE89370400440532013001")


def test_earnings_reversed_after_the_review_began_stop_the_approval() -> None:
    """What is payable is asked again at the moment of the approval."""
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.in_review()
    earned = Entry.objects.get(kind="royalty")
    reverse(
        entry_id=earned.pk,
        key="reversal",
        effective_on=NOW.date(),
        posted_at=NOW,
        actor="settlement",
    )
    with pytest.raises(AmountOverAvailable) as refused:
        review.approve(
            actor=desk.approver, now=NOW, batch=batch, content_hash=batch.content_hash_hex
        )
    assert [(fault.pointer, fault.detail) for fault in refused.value.faults] == [
        (f"/items/{payee}", "30.00 USD is more than the 0.00 payable.")
    ]


def test_cancelling_ends_a_draft_for_good() -> None:
    desk = Desk()
    build_payee("30.00")
    batch = review.cancel(actor=desk.preparer, now=NOW, batch=desk.draft())
    assert (batch.state, only(batch).state) == ("cancelled", "cancelled")
    assert review.cancel(actor=desk.preparer, now=NOW, batch=batch).version == batch.version
    with pytest.raises(NotInState):
        review.submit_for_review(actor=desk.preparer, now=NOW, batch=batch)
    with pytest.raises(AlreadySent):
        review.cancel(actor=desk.preparer, now=NOW, batch=desk.submitted())


def test_the_other_mode_sees_nothing() -> None:
    build_payee("30.00")
    batch = Desk().draft()
    with pytest.raises(NotFound):
        review.cancel(actor=build_finance("Petra", mode="live"), now=NOW, batch=batch)


# -- What the database refuses, whoever asks -------------------------------------------------------


def refused_by_database(statement: str, *parameters: UUID) -> str:
    """What the database says to this statement; it must refuse it."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as refusal:
        return str(refusal)
    raise AssertionError(f"the database took it: {statement}")


def test_self_approval_is_refused_by_the_database_itself() -> None:
    build_payee("30.00")
    batch = Desk().in_review()
    assert "payout_approval_maker_is_not_checker" in refused_by_database(
        "INSERT INTO payouts_payoutapproval SELECT id, content_hash, prepared_by, prepared_by,"
        " 'me', now() FROM payouts_payoutbatch WHERE id = %s",
        batch.pk,
    )
    assert "payout_batch_maker_is_not_checker" in refused_by_database(
        "UPDATE payouts_payoutbatch SET approved_by = prepared_by, approved_at = now() WHERE id = %s",
        batch.pk,
    )


def test_no_batch_is_approved_without_an_approval_of_its_content() -> None:
    build_payee("30.00")
    batch = Desk().in_review()
    assert "payout_move" in refused_by_database(
        "UPDATE payouts_payoutbatch SET state = 'approved', approved_at = now(),"
        " approved_by = gen_random_uuid() WHERE id = %s",
        batch.pk,
    )
    assert "payout_content" in refused_by_database(
        "INSERT INTO payouts_payoutapproval SELECT id, sha256('another'), prepared_by,"
        " gen_random_uuid(), 'me', now() FROM payouts_payoutbatch WHERE id = %s",
        batch.pk,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payouts_payoutitem SET amount = amount + 1 WHERE batch_id = %s",
        "UPDATE payouts_payoutitem SET party = 'hld_thief' WHERE batch_id = %s",
        "DELETE FROM payouts_payoutitem WHERE batch_id = %s",
        "UPDATE payouts_payoutbatch SET content_hash = sha256('x') WHERE id = %s",
        "UPDATE payouts_payoutbatch SET state = 'draft' WHERE id = %s",
        "UPDATE payouts_payoutbatch SET prepared_by = gen_random_uuid() WHERE id = %s",
        "DELETE FROM payouts_payoutbatch WHERE id = %s",
        "UPDATE payouts_payoutapproval SET content_hash = sha256('x') WHERE batch_id = %s",
        "DELETE FROM payouts_payoutapproval WHERE batch_id = %s",
        "UPDATE payouts_payoutmove SET note = 'x' WHERE batch_id = %s",
        "UPDATE payouts_payoutdestination SET account = 'mine' WHERE id IN"
        " (SELECT destination_id FROM payouts_payoutitem WHERE batch_id = %s)",
    ],
)
def test_an_approved_batch_cannot_be_changed_by_any_statement(statement: str) -> None:
    build_payee("30.00")
    batch = Desk().approved()
    assert "payout_" in refused_by_database(statement, batch.pk)


def test_the_approval_is_tied_to_the_content_by_a_foreign_key() -> None:
    """Even with every trigger off, another content breaks the approval's reference."""
    build_payee("30.00")
    batch = Desk().approved()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE payouts_payoutbatch DISABLE TRIGGER USER")
    message = refused_by_database(
        "UPDATE payouts_payoutbatch SET content_hash = sha256('x') WHERE id = %s", batch.pk
    )
    assert "payout_approval_of_content" in message


@pytest.mark.parametrize(
    "table",
    ["payoutmove", "payoutapproval", "payoutbatch", "payoutitem", "payoutdestination"],
)
def test_no_record_of_payouts_is_emptied(table: str) -> None:
    with pytest.raises(IntegrityError, match="payout_frozen"), transaction.atomic():
        connection.cursor().execute(f"TRUNCATE payouts_{table} CASCADE")


def test_the_tables_of_moves_in_python_and_in_the_database_are_one() -> None:
    with connection.cursor() as cursor:
        for function, states, moves in (
            ("payouts_batch_may_move", BatchState, BATCH_MOVES),
            ("payouts_item_may_move", ItemState, ITEM_MOVES),
        ):
            for was in states:
                for became in states:
                    cursor.execute(f"SELECT {function}(%s, %s)", [was.value, became.value])
                    row = cursor.fetchone()
                    assert row == (became in moves[was],), (was, became)  # type: ignore[index]

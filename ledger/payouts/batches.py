"""Drafts: a batch is proposed from what is payable and changed by the one who prepared it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import F, Sum

from ledger.actor import Actor
from ledger.errors import Fault, NotFound
from ledger.journal.books import house_book
from ledger.journal.chart import Role
from ledger.journal.models import Account, Book
from ledger.money import floor_to_minor, format_amount
from ledger.payouts import content, proposal
from ledger.payouts.destinations import answerable
from ledger.payouts.history import record
from ledger.payouts.models import PayoutBatch, PayoutDestination, PayoutItem
from ledger.payouts.rails import MANUAL
from ledger.payouts.refusals import (
    AmountOverAvailable,
    NothingToPay,
    NotInState,
    NotMinorUnits,
    NotThePreparer,
    PayeeUnverified,
    TooManyPayees,
    told_plainly,
)
from ledger.payouts.states import OPEN_BATCHES, BatchState, ItemState

MOST_PAYEES: Final = 5000


def propose(
    *,
    actor: Actor,
    now: datetime,
    currency: str,
    threshold: Decimal,
    parties: Sequence[str] | None = None,
) -> PayoutBatch:
    """A draft that pays every payee, or those named, what is payable in whole minor units.

    Who is left out stands in the batch with the reason. A payee whose changed destination still
    waits is proposed all the same: approval refuses the batch until the wait is over. Raises
    NothingToPay, naming every payee's reason, and PayeeUnverified for a named payee without a
    destination.
    """
    actor.require("payouts:prepare")
    person = answerable(actor)
    book = house_book(mode=actor.mode, now=now)
    payables = _payables(book=book, currency=currency, parties=parties)
    if len(payables) > MOST_PAYEES:
        raise TooManyPayees
    decided = proposal.decide(payables, currency=currency, threshold=threshold)
    if parties is not None:
        _refuse_unverified(decided.left_out)
    if not decided.payments:
        raise NothingToPay(faults=[_fault(each) for each in decided.left_out])
    chosen = {
        each.party: each
        for each in PayoutDestination.objects.current().filter(
            book=book, party__in=[payment.party for payment in decided.payments]
        )
    }
    with told_plainly(), transaction.atomic():
        batch = PayoutBatch.objects.create(
            book=book,
            currency=currency,
            rail=MANUAL,
            threshold=threshold,
            state_since=now,
            content_hash=bytes(32),
            left_out=[_left_out(each, currency) for each in decided.left_out],
            prepared_by=person,
            prepared_by_label=actor.label[:200],
            prepared_at=now,
        )
        PayoutItem.objects.bulk_create(
            PayoutItem(
                batch=batch,
                party=payment.party,
                amount=payment.amount,
                destination=chosen[payment.party],
                state_since=now,
            )
            for payment in decided.payments
        )
        _recount(batch)
        record(actor=actor, now=now, batch=batch, was="", became=BatchState.DRAFT)
    return batch


def set_item(
    *, actor: Actor, now: datetime, batch: PayoutBatch, party: str, amount: Decimal
) -> PayoutItem:
    """Pays `party` this amount in a draft, whether or not it was in it.

    Raises NotMinorUnits, PayeeUnverified, AmountOverAvailable, NotInState, NotThePreparer.
    """
    with told_plainly(), transaction.atomic():
        batch = _own_draft(actor, batch)
        if amount <= 0 or floor_to_minor(amount, batch.currency) != amount:
            raise NotMinorUnits(pointer="/amount")
        destination = (
            PayoutDestination.objects.current().filter(book=batch.book, party=party).first()
        )
        if destination is None:
            raise PayeeUnverified(pointer="/party")
        require_available(batch, {party: amount})
        if batch.item_count >= MOST_PAYEES:
            raise TooManyPayees
        item, _ = PayoutItem.objects.update_or_create(
            batch=batch,
            party=party,
            defaults={"amount": amount, "destination": destination, "state_since": now},
        )
        batch.left_out = [each for each in batch.left_out if each["party"] != party]
        _recount(batch)
        record(actor=actor, now=now, batch=batch, was="", became="", note=f"set {item.shown_id}")
    return item


def remove_item(*, actor: Actor, now: datetime, item: PayoutItem) -> PayoutBatch:
    """Takes a payee out of a draft. Raises NotInState, NotThePreparer."""
    with told_plainly(), transaction.atomic():
        batch = _own_draft(actor, item.batch)
        shown = item.shown_id
        PayoutItem.objects.filter(pk=item.pk, batch=batch).delete()
        _recount(batch)
        record(actor=actor, now=now, batch=batch, was="", became="", note=f"removed {shown}")
    return batch


def locked(actor: Actor, batch: PayoutBatch) -> PayoutBatch:
    """The batch's present row, locked to the end of the transaction. Another mode's is not found."""
    found = (
        PayoutBatch.objects.visible_to(actor)
        .select_related("book")
        .select_for_update(of=("self",))
        .filter(pk=batch.pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def move(
    *,
    actor: Actor,
    now: datetime,
    batch: PayoutBatch,
    to: BatchState,
    note: str = "",
    **columns: object,
) -> None:
    """One legal move of a batch: compare-and-set on state and version, and its record."""
    was = batch.state
    moved = PayoutBatch.objects.filter(
        pk=batch.pk, state=batch.state, version=batch.version
    ).update(state=to, version=F("version") + 1, state_since=now, **columns)
    if not moved:
        raise NotInState
    record(actor=actor, now=now, batch=batch, was=was, became=to, note=note)
    batch.refresh_from_db()


def lines_of(batch: PayoutBatch) -> list[content.Line]:
    """The batch's items as its content hash sees them."""
    return [
        content.Line(
            item=item.pk,
            party=item.party,
            amount=item.amount,
            destination=item.destination_id,
            kind=item.destination.kind,
            account=item.destination.account,
            account_name=item.destination.account_name,
        )
        for item in PayoutItem.objects.filter(batch=batch).select_related("destination")
    ]


def hash_of(batch: PayoutBatch) -> bytes:
    """The content hash, from the rows."""
    return content.content_hash(
        batch=batch.pk,
        book=batch.book_id,
        currency=batch.currency,
        rail=batch.rail,
        lines=lines_of(batch),
    )


def require_available(batch: PayoutBatch, amounts: dict[str, Decimal]) -> None:
    """Raises AmountOverAvailable, naming each payee who is not owed that much now."""
    owed = payable_now(book=batch.book, currency=batch.currency, parties=list(amounts))
    faults = [
        Fault(
            pointer=f"/items/{party}",
            code=AmountOverAvailable.code,
            detail=f"{format_amount(amount, batch.currency)} {batch.currency} is more than the "
            f"{format_amount(owed.get(party, Decimal(0)), batch.currency)} payable.",
        )
        for party, amount in sorted(amounts.items())
        if amount > owed.get(party, Decimal(0))
    ]
    if faults:
        raise AmountOverAvailable(faults=faults)


def payable_now(
    *, book: Book, currency: str, parties: Sequence[str] | None = None
) -> dict[str, Decimal]:
    """What each party's payable account holds."""
    rows = Account.objects.filter(book=book, role=Role.PAYABLE, currency=currency, subject="")
    if parties is not None:
        rows = rows.filter(party__ref__in=parties)
    pairs = rows.values_list("party__ref", F("balance__credits") - F("balance__debits"))
    return dict(pairs.order_by("party__ref")[: MOST_PAYEES + 1])


def _payables(
    *, book: Book, currency: str, parties: Sequence[str] | None
) -> list[proposal.Payable]:
    owed = payable_now(book=book, currency=currency, parties=parties)
    for party in parties or ():
        owed.setdefault(party, Decimal(0))
    promised = dict(
        PayoutItem.objects.filter(
            batch__book=book,
            batch__currency=currency,
            batch__state__in=OPEN_BATCHES,
            state=ItemState.PROPOSED,
        )
        .values_list("party")
        .annotate(Sum("amount"))
    )
    reachable = set(
        PayoutDestination.objects.current()
        .filter(book=book, party__in=owed)
        .values_list("party", flat=True)
    )
    return [
        proposal.Payable(
            party=party,
            owed=amount,
            promised=promised.get(party, Decimal(0)),
            has_destination=party in reachable,
        )
        for party, amount in owed.items()
    ]


def _own_draft(actor: Actor, batch: PayoutBatch) -> PayoutBatch:
    actor.require("payouts:prepare")
    batch = locked(actor, batch)
    if batch.state != BatchState.DRAFT:
        raise NotInState
    if batch.prepared_by != answerable(actor):
        raise NotThePreparer
    return batch


def _recount(batch: PayoutBatch) -> None:
    """Brings count, total and content hash in step with the items, after any change of a draft."""
    amounts = [line.amount for line in lines_of(batch)]
    batch.item_count = len(amounts)
    batch.total = sum(amounts, Decimal(0))
    batch.content_hash = hash_of(batch)
    batch.version += 1
    batch.save(update_fields=["item_count", "total", "content_hash", "left_out", "version"])


def _refuse_unverified(left_out: Sequence[proposal.LeftOut]) -> None:
    faults = [_fault(each) for each in left_out if each.reason == "no_destination"]
    if faults:
        raise PayeeUnverified(faults=faults)


def _fault(each: proposal.LeftOut) -> Fault:
    return Fault(pointer=f"/parties/{each.party}", code=each.reason, detail=each.detail)


def _left_out(each: proposal.LeftOut, currency: str) -> dict[str, str]:
    return {
        "party": each.party,
        "payable": format_amount(each.owed, currency),
        "reason": each.reason,
        "detail": each.detail,
    }

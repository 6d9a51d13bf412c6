"""Review: a draft is handed over, and another person approves exactly what was seen, or not."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ledger.actor import Actor
from ledger.errors import Fault
from ledger.payouts import entries
from ledger.payouts.batches import hash_of, locked, move, require_available
from ledger.payouts.destinations import answerable
from ledger.payouts.history import record_items
from ledger.payouts.models import PayoutApproval, PayoutBatch, PayoutItem
from ledger.payouts.refusals import (
    AlreadySent,
    DestinationChanged,
    DestinationWaiting,
    DraftChanged,
    NothingToPay,
    NotInState,
    NotThePreparer,
    OwnBatch,
    told_plainly,
)
from ledger.payouts.states import BATCH_MOVES, BatchState, ItemState


def submit_for_review(
    *, actor: Actor, now: datetime, batch: PayoutBatch, content_hash: str | None = None
) -> PayoutBatch:
    """Draft to in review, by the one who prepared it. Again is no change.

    Raises NotInState, NotThePreparer, NothingToPay for an empty draft, DraftChanged.
    """
    actor.require("payouts:prepare")
    with told_plainly(), transaction.atomic():
        batch = locked(actor, batch)
        if batch.prepared_by != answerable(actor):
            raise NotThePreparer
        if content_hash is not None and content_hash != batch.content_hash_hex:
            raise DraftChanged(pointer="/content_hash")
        if batch.state == BatchState.IN_REVIEW:
            return batch
        if batch.state != BatchState.DRAFT:
            raise NotInState
        if batch.item_count == 0:
            raise NothingToPay
        move(actor=actor, now=now, batch=batch, to=BatchState.IN_REVIEW)
    return batch


def approve(*, actor: Actor, now: datetime, batch: PayoutBatch, content_hash: str) -> PayoutBatch:
    """In review to approved, by another person, for the content with this hash (hexadecimal).

    Raises OwnBatch, DraftChanged, NotInState (so the second of two at once), DestinationChanged,
    DestinationWaiting, AmountOverAvailable.
    """
    actor.require("payouts:approve")
    person = answerable(actor)
    with told_plainly(), transaction.atomic():
        batch = locked(actor, batch)
        if batch.prepared_by == person:
            raise OwnBatch
        if batch.state != BatchState.IN_REVIEW:
            raise NotInState
        if content_hash != batch.content_hash_hex or hash_of(batch) != bytes(batch.content_hash):
            raise DraftChanged(pointer="/content_hash")
        require_payable(batch, now)
        PayoutApproval.objects.create(
            batch=batch,
            content_hash=batch.content_hash,
            prepared_by=batch.prepared_by,
            approved_by=person,
            approved_by_label=actor.label[:200],
            approved_at=now,
        )
        move(
            actor=actor,
            now=now,
            batch=batch,
            to=BatchState.APPROVED,
            approved_by=person,
            approved_by_label=actor.label[:200],
            approved_at=now,
        )
    return batch


def reject(*, actor: Actor, now: datetime, batch: PayoutBatch, reason: str) -> PayoutBatch:
    """In review back to draft, with the reason. Raises NotInState."""
    actor.require("payouts:approve")
    answerable(actor)
    with told_plainly(), transaction.atomic():
        batch = locked(actor, batch)
        if batch.state != BatchState.IN_REVIEW:
            raise NotInState
        move(actor=actor, now=now, batch=batch, to=BatchState.DRAFT, note=reason)
    return batch


def cancel(*, actor: Actor, now: datetime, batch: PayoutBatch) -> PayoutBatch:
    """Ends a batch that was not sent; money set aside goes back to payable. Again is no change.

    Raises AlreadySent.
    """
    if not actor.may("payouts:approve"):
        actor.require("payouts:prepare")
    answerable(actor)
    with told_plainly(), transaction.atomic():
        batch = locked(actor, batch)
        if batch.state == BatchState.CANCELLED:
            return batch
        if BatchState.CANCELLED not in BATCH_MOVES[BatchState(batch.state)]:
            raise AlreadySent
        if batch.state == BatchState.RESERVED:
            entries.release_batch(actor=actor, now=now, batch=batch)
        items = list(PayoutItem.objects.filter(batch=batch))
        PayoutItem.objects.filter(batch=batch).update(state=ItemState.CANCELLED, state_since=now)
        record_items(actor=actor, now=now, batch=batch, items=items, became=ItemState.CANCELLED)
        move(actor=actor, now=now, batch=batch, to=BatchState.CANCELLED)
    return batch


def require_payable(batch: PayoutBatch, now: datetime) -> None:
    """Raises unless each item goes to its payee's present, waited-for destination and is covered."""
    # Locked, so that no destination is changed between this look and the commit.
    rows = PayoutItem.objects.filter(batch=batch).select_related("destination").order_by("pk")
    items = list(rows.select_for_update(of=("destination",)))
    replaced = [each for each in items if each.destination.replaced_at is not None]
    waiting = [each for each in items if each.destination.usable_from > now]
    if replaced:
        raise DestinationChanged(faults=[_fault(each, DestinationChanged) for each in replaced])
    if waiting:
        raise DestinationWaiting(faults=[_fault(each, DestinationWaiting) for each in waiting])
    require_available(batch, {each.party: each.amount for each in items})


def _fault(item: PayoutItem, refusal: type[DestinationChanged | DestinationWaiting]) -> Fault:
    return Fault(
        pointer=f"/items/{item.shown_id}", code=refusal.code, detail=str(refusal.__doc__).strip()
    )

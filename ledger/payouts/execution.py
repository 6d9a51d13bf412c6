"""Execution: money is set aside, handed to the rail once, and followed to its end.

What may be interrupted is committed before it begins. `submit` writes `submitting` and `sent`
before it calls the rail; whoever finds them so afterwards cannot know what the rail received, and
asks it by id. Nothing is ever sent a second time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Final

import structlog
from django.db import transaction
from django.db.models import F

from ledger.actor import Actor
from ledger.payouts import entries
from ledger.payouts.batches import hash_of, locked, move
from ledger.payouts.destinations import answerable
from ledger.payouts.history import record, record_items
from ledger.payouts.models import PayoutBatch, PayoutItem
from ledger.payouts.rails import RAILS, Answer, Instruction, Rail
from ledger.payouts.refusals import (
    AlreadyPaid,
    BadPaidOn,
    DraftChanged,
    NotInState,
    told_plainly,
)
from ledger.payouts.review import require_payable
from ledger.payouts.states import (
    DONE_ITEMS,
    ITEM_MOVES,
    PAYING_BATCHES,
    UNPAID_ITEMS,
    BatchState,
    ItemState,
)

log = structlog.get_logger(__name__)

# How long a call to a rail may take before its outcome counts as unknown, and how long to wait
# before asking again about what stays unknown.
CALL: Final = timedelta(minutes=2)
ASK_AGAIN: Final = timedelta(minutes=15)
_BEGUN: Final = (
    BatchState.RESERVED,
    BatchState.SUBMITTING,
    BatchState.SUBMITTED,
    BatchState.SETTLED,
)


def reserve(*, actor: Actor, now: datetime, batch: PayoutBatch) -> PayoutBatch:
    """Approved to reserved: posts payable to in flight, once. Again is no change.

    Raises NotInState, DestinationChanged, DestinationWaiting, AmountOverAvailable.
    """
    actor.require("payouts:prepare")
    answerable(actor)
    with told_plainly(), transaction.atomic():
        batch = locked(actor, batch)
        if batch.state in _BEGUN:
            return batch
        if batch.state != BatchState.APPROVED:
            raise NotInState
        require_payable(batch, now)
        entries.reserve_batch(actor=actor, now=now, batch=batch)
        _move_items(actor, now, batch, _in_state(batch, ItemState.PROPOSED), ItemState.RESERVED)
        move(actor=actor, now=now, batch=batch, to=BatchState.RESERVED, look_again_at=now)
    return batch


def execute(*, actor: Actor, now: datetime, batch: PayoutBatch) -> PayoutBatch:
    """Reserves, and hands over once that is committed; if that is interrupted, the sweep goes on.

    The commit may be that of a transaction around this one; robust, because the money is set aside
    whatever becomes of the call. Raises what `reserve` raises.
    """
    batch = reserve(actor=actor, now=now, batch=batch)
    transaction.on_commit(partial(submit, actor=actor, now=now, batch=batch), robust=True)
    return PayoutBatch.objects.select_related("book").get(pk=batch.pk)


def submit(
    *, actor: Actor, now: datetime, batch: PayoutBatch, rail: Rail | None = None
) -> PayoutBatch:
    """Reserved to submitted: one call of the rail, made only after `submitting` is committed.

    To be called outside any transaction. Whoever comes second finds the batch begun and makes no
    call. If the call fails, its items are unknown.
    """
    rail = rail or RAILS[batch.rail]
    with told_plainly(), transaction.atomic(durable=True):
        batch = locked(actor, batch)
        if batch.state != BatchState.RESERVED:
            return batch
        _move_items(actor, now, batch, _in_state(batch, ItemState.RESERVED), ItemState.SENT)
        move(
            actor=actor,
            now=now,
            batch=batch,
            to=BatchState.SUBMITTING,
            look_again_at=now + CALL,
        )
    instructions = [_instruction(item) for item in _items(batch)]
    try:
        answers = rail.submit(instructions)
    except Exception as error:
        # Whatever it was, the payments may have arrived all the same.
        log.warning("payout_rail_failed", batch=batch.shown_id, error=repr(error))
        answers = {}
    return _take_answers(actor=actor, now=now, batch=batch, answers=answers)


def look_again(
    *, actor: Actor, now: datetime, batch: PayoutBatch, rail: Rail | None = None
) -> PayoutBatch:
    """Asks the rail what became of payments whose handing over was interrupted. Sends nothing."""
    rail = rail or RAILS[batch.rail]
    with told_plainly(), transaction.atomic(durable=True):
        batch = locked(actor, batch)
        if batch.look_again_at is None or batch.look_again_at > now:
            return batch
        if batch.state not in (BatchState.SUBMITTING, BatchState.SUBMITTED):
            return batch
        interrupted = _in_state(batch, ItemState.SENT)
        _move_items(
            actor, now, batch, interrupted, ItemState.UNKNOWN, reason="The call was interrupted."
        )
        PayoutBatch.objects.filter(pk=batch.pk).update(look_again_at=now + ASK_AGAIN)
    unknown = [item.rail_id for item in _items(batch) if item.state == ItemState.UNKNOWN]
    try:
        answers = rail.look_up(unknown)
    except Exception as error:
        log.warning("payout_rail_failed", batch=batch.shown_id, error=repr(error))
        answers = {}
    return _take_answers(actor=actor, now=now, batch=batch, answers=answers)


def list_payments(*, actor: Actor, now: datetime, batch: PayoutBatch) -> list[Instruction]:
    """What is still to be paid of a batch, accounts whole, for the person at the bank.

    Not before its money is set aside: until then it may be taken back. The history tells of every
    time. Raises NotInState, and DraftChanged if the rows are no longer what was approved.
    """
    actor.require("payouts:prepare")
    answerable(actor)
    with told_plainly(), transaction.atomic():
        batch = locked(actor, batch)
        if batch.state not in PAYING_BATCHES:
            raise NotInState(
                "Only a batch that was executed and is not yet settled is listed to be paid."
            )
        if hash_of(batch) != bytes(batch.content_hash):
            raise DraftChanged
        unpaid = [item for item in _items(batch) if item.state in UNPAID_ITEMS]
        note = f"whole accounts listed of {len(unpaid)} payment{'' if len(unpaid) == 1 else 's'}"
        record(actor=actor, now=now, batch=batch, was="", became="", note=note)
        return [_instruction(item) for item in unpaid]


def mark_paid(
    *, actor: Actor, now: datetime, item: PayoutItem, reference: str, paid_on: date
) -> PayoutItem:
    """Accepted or unknown to paid, with the bank's reference as evidence. The same again is no change.

    Raises NotInState, AlreadyPaid, BadPaidOn, PeriodClosed.
    """
    actor.require("payouts:prepare")
    answerable(actor)
    with told_plainly(), transaction.atomic():
        batch, item = _locked_item(actor, item)
        if item.state == ItemState.PAID:
            if (item.reference, item.paid_on) != (reference, paid_on):
                raise AlreadyPaid
            return item
        _require_move(item, ItemState.PAID)
        if not _reserved_on(batch) <= paid_on <= now.astimezone(UTC).date():
            raise BadPaidOn(pointer="/paid_on")
        entries.pay_item(actor=actor, now=now, item=item, paid_on=paid_on, memo=reference)
        _move_item(
            actor, now, item, ItemState.PAID, note=reference, reference=reference, paid_on=paid_on
        )
        _settle_if_done(actor, now, batch)
    return item


def mark_returned(*, actor: Actor, now: datetime, item: PayoutItem, reason: str) -> PayoutItem:
    """The money came back or never left: payable again, for a later batch. Again is no change.

    From accepted and unknown the money set aside is released; from paid it comes back from the
    bank. Raises NotInState.
    """
    actor.require("payouts:prepare")
    answerable(actor)
    with told_plainly(), transaction.atomic():
        batch, item = _locked_item(actor, item)
        if item.state == ItemState.RETURNED:
            return item
        _require_move(item, ItemState.RETURNED)
        if item.state == ItemState.PAID:
            entries.return_item(actor=actor, now=now, item=item)
        else:
            entries.release_item(actor=actor, now=now, item=item)
        _move_item(actor, now, item, ItemState.RETURNED, note=reason, reason=reason)
        _settle_if_done(actor, now, batch)
    return item


def _take_answers(
    *, actor: Actor, now: datetime, batch: PayoutBatch, answers: Mapping[str, Answer]
) -> PayoutBatch:
    """Writes down what the rail said. An item it did not speak of is unknown."""
    with told_plainly(), transaction.atomic():
        batch = locked(actor, batch)
        for was in (ItemState.SENT, ItemState.UNKNOWN):
            asked = _in_state(batch, was)
            accepted = [each for each in asked if _outcome(answers, each) == "accepted"]
            _move_items(actor, now, batch, accepted, ItemState.ACCEPTED)
            for item in asked:
                if _outcome(answers, item) == "rejected":
                    entries.release_item(actor=actor, now=now, item=item)
                    reason = answers[item.rail_id].detail[:300]
                    _move_item(actor, now, item, ItemState.REJECTED, note=reason, reason=reason)
        silent = _in_state(batch, ItemState.SENT)
        _move_items(actor, now, batch, silent, ItemState.UNKNOWN, reason="The rail gave no answer.")
        unknown = PayoutItem.objects.filter(batch=batch, state=ItemState.UNKNOWN).exists()
        look_again_at = now + ASK_AGAIN if unknown else None
        if batch.state == BatchState.SUBMITTING:
            move(
                actor=actor,
                now=now,
                batch=batch,
                to=BatchState.SUBMITTED,
                look_again_at=look_again_at,
            )
        else:
            PayoutBatch.objects.filter(pk=batch.pk).update(look_again_at=look_again_at)
        _settle_if_done(actor, now, batch)
    return batch


def _settle_if_done(actor: Actor, now: datetime, batch: PayoutBatch) -> None:
    if batch.state != BatchState.SUBMITTED:
        return
    if not PayoutItem.objects.filter(batch=batch).exclude(state__in=DONE_ITEMS).exists():
        move(actor=actor, now=now, batch=batch, to=BatchState.SETTLED, look_again_at=None)


def _locked_item(actor: Actor, item: PayoutItem) -> tuple[PayoutBatch, PayoutItem]:
    """The batch is locked first, always, so that two acts on its items wait in one line."""
    batch = locked(actor, item.batch)
    return batch, PayoutItem.objects.select_related("batch").get(pk=item.pk)


def _require_move(item: PayoutItem, to: ItemState) -> None:
    if to not in ITEM_MOVES[ItemState(item.state)]:
        raise NotInState(f"The item is {item.state}; it cannot become {to.value}.")


def _move_item(
    actor: Actor, now: datetime, item: PayoutItem, to: ItemState, note: str = "", **columns: object
) -> None:
    """One legal move of an item: compare-and-set on state and version, and its record."""
    _require_move(item, to)
    was = item.state
    moved = PayoutItem.objects.filter(pk=item.pk, state=was, version=item.version).update(
        state=to, version=item.version + 1, state_since=now, **columns
    )
    if not moved:
        raise NotInState
    record(actor=actor, now=now, batch=item.batch, item=item, was=was, became=to, note=note)
    item.refresh_from_db()


def _move_items(
    actor: Actor,
    now: datetime,
    batch: PayoutBatch,
    items: Sequence[PayoutItem],
    to: ItemState,
    *,
    reason: str = "",
) -> None:
    """The same move for many items at once; the caller holds the batch's row."""
    if not items:
        return
    for item in items:
        _require_move(item, to)
    state = items[0].state
    moved = PayoutItem.objects.filter(pk__in=[item.pk for item in items], state=state).update(
        state=to, version=F("version") + 1, state_since=now, reason=reason
    )
    if moved != len(items):
        raise NotInState
    record_items(actor=actor, now=now, batch=batch, items=items, became=to, note=reason)


def _in_state(batch: PayoutBatch, state: ItemState) -> list[PayoutItem]:
    return [item for item in _items(batch) if item.state == state]


def _outcome(answers: Mapping[str, Answer], item: PayoutItem) -> str:
    answer = answers.get(item.rail_id)
    return answer.outcome if answer else ""


def _items(batch: PayoutBatch) -> list[PayoutItem]:
    return list(
        PayoutItem.objects.filter(batch=batch).select_related("batch", "destination").order_by("pk")
    )


def _instruction(item: PayoutItem) -> Instruction:
    return Instruction(
        rail_id=item.rail_id,
        party=item.party,
        money=item.money,
        kind=item.destination.kind,
        account=item.destination.account,
        account_name=item.destination.account_name,
    )


def _reserved_on(batch: PayoutBatch) -> date:
    at = batch.moves.filter(to_state=BatchState.RESERVED, item_id=None).latest("id").at
    return at.astimezone(UTC).date()

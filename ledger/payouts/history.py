"""The history of payouts: one line per move, in the transaction of what it tells of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ledger.actor import Actor
from ledger.payouts.models import PayoutBatch, PayoutItem, PayoutMove


def record(
    *,
    actor: Actor,
    now: datetime,
    batch: PayoutBatch,
    was: str,
    became: str,
    item: PayoutItem | None = None,
    note: str = "",
) -> None:
    """Tells of a move of a batch, or of one of its items; or, with equal states, of a change."""
    move = _move(actor, now, batch, note)
    move.item_id = item.pk if item else None
    move.from_state, move.to_state = was, became
    move.save(force_insert=True)


def record_items(
    *,
    actor: Actor,
    now: datetime,
    batch: PayoutBatch,
    items: Sequence[PayoutItem],
    became: str,
    note: str = "",
) -> None:
    """Tells of the same move of many items, each from the state it is given in."""
    moves = []
    for item in items:
        move = _move(actor, now, batch, note)
        move.item_id, move.from_state, move.to_state = item.pk, item.state, became
        moves.append(move)
    PayoutMove.objects.bulk_create(moves)


def _move(actor: Actor, now: datetime, batch: PayoutBatch, note: str) -> PayoutMove:
    return PayoutMove(
        batch=batch,
        at=now,
        actor=actor.label[:200],
        person_id=actor.person_id,
        request_id=actor.request_id[:64],
        note=note[:300],
    )

"""Every journal entry a payout causes. Each function's docstring is the entry."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from ledger.actor import Actor
from ledger.journal.accounts import AccountKey
from ledger.journal.chart import Role
from ledger.journal.parties import BANK
from ledger.journal.posting import post
from ledger.journal.refusals import Overdrawn
from ledger.journal.sources import TransferLine
from ledger.payouts.models import PayoutBatch, PayoutItem
from ledger.payouts.refusals import AmountOverAvailable

RESERVED = "payout_reserved"
RELEASED = "payout_released"
PAID = "payout_paid"
RETURNED = "payout_returned"


def reserve_batch(*, actor: Actor, now: datetime, batch: PayoutBatch) -> None:
    """Dr payable:<holder>  Cr in_flight:<holder>, for every item of the batch in one entry.

    Payable cannot go below zero, so what is set aside here cannot be set aside twice. Raises
    AmountOverAvailable.
    """
    try:
        _post(
            actor=actor,
            now=now,
            batch=batch,
            key=f"payout:{batch.shown_id}:reserve",
            kind=RESERVED,
            day=_today(now),
            transfers=[
                _between(item, _of(item, Role.PAYABLE), _of(item, Role.IN_FLIGHT))
                for item in _items(batch)
            ],
        )
    except Overdrawn as refusal:
        raise AmountOverAvailable(refusal.detail) from refusal


def release_batch(*, actor: Actor, now: datetime, batch: PayoutBatch) -> None:
    """Dr in_flight:<holder>  Cr payable:<holder>, for every item of a batch that was not sent."""
    _post(
        actor=actor,
        now=now,
        batch=batch,
        key=f"payout:{batch.shown_id}:release",
        kind=RELEASED,
        day=_today(now),
        transfers=[
            _between(item, _of(item, Role.IN_FLIGHT), _of(item, Role.PAYABLE))
            for item in _items(batch)
        ],
    )


def release_item(*, actor: Actor, now: datetime, item: PayoutItem) -> None:
    """Dr in_flight:<holder>  Cr payable:<holder>: the rail refused it or sent it back unpaid."""
    _post(
        actor=actor,
        now=now,
        batch=item.batch,
        key=f"payout:{item.shown_id}:release",
        kind=RELEASED,
        day=_today(now),
        transfers=[_between(item, _of(item, Role.IN_FLIGHT), _of(item, Role.PAYABLE))],
    )


def pay_item(*, actor: Actor, now: datetime, item: PayoutItem, paid_on: date, memo: str) -> None:
    """Dr in_flight:<holder>  Cr cash:bank: the money has left, on the day the bank says."""
    _post(
        actor=actor,
        now=now,
        batch=item.batch,
        key=f"payout:{item.shown_id}:paid",
        kind=PAID,
        day=paid_on,
        transfers=[_between(item, _of(item, Role.IN_FLIGHT), _cash(item))],
        memo=memo,
    )


def return_item(*, actor: Actor, now: datetime, item: PayoutItem) -> None:
    """Dr cash:bank  Cr payable:<holder>: the bank sent back what it had paid."""
    _post(
        actor=actor,
        now=now,
        batch=item.batch,
        key=f"payout:{item.shown_id}:returned",
        kind=RETURNED,
        day=_today(now),
        transfers=[_between(item, _cash(item), _of(item, Role.PAYABLE))],
    )


def _post(
    *,
    actor: Actor,
    now: datetime,
    batch: PayoutBatch,
    key: str,
    kind: str,
    day: date,
    transfers: Sequence[TransferLine],
    memo: str = "",
) -> None:
    post(
        book_id=batch.book_id,
        key=key,
        kind=kind,
        effective_on=day,
        posted_at=now,
        actor=actor.label[:200],
        transfers=transfers,
        memo=memo,
    )


def _between(item: PayoutItem, debit: AccountKey, credit: AccountKey) -> TransferLine:
    # The subject of a payout's lines is the item, so that a payout is traced from either end.
    return TransferLine(debit=debit, credit=credit, amount=item.amount, subject=item.shown_id)


def _of(item: PayoutItem, role: Role) -> AccountKey:
    return AccountKey(party_ref=item.party, role=role, currency=item.batch.currency)


def _cash(item: PayoutItem) -> AccountKey:
    return AccountKey(party_ref=BANK, role=Role.CASH, currency=item.batch.currency)


def _items(batch: PayoutBatch) -> list[PayoutItem]:
    return list(PayoutItem.objects.filter(batch=batch).select_related("batch").order_by("pk"))


def _today(now: datetime) -> date:
    return now.astimezone(UTC).date()

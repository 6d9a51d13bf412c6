"""The figures finance looks at first, each from one query over few rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db.models import Case, DecimalField, F, Sum, Value, When
from django.db.models.functions import Coalesce

from ledger.journal.chart import Role, Side
from ledger.journal.models import Account, Book, Entry
from ledger.money import Money
from ledger.payouts.models import PayoutBatch
from ledger.payouts.states import BatchState
from licensing.consent.models import ApprovalRequest
from licensing.settlement.models import Run
from licensing.settlement.states import RunState
from licensing.usage.models import Batch

_MONEY: Final = DecimalField(max_digits=32, decimal_places=8)
# An account's balance on its normal side.
_STANDING: Final = Case(
    When(normal_side=Side.DEBIT, then=F("balance__debits") - F("balance__credits")),
    default=F("balance__credits") - F("balance__debits"),
    output_field=_MONEY,
)
_CARDS: Final = (
    (Role.PAYABLE, "Payable to rights holders", "account_balance_wallet"),
    (Role.RECEIVABLE, "Receivable from platforms", "request_quote"),
    (Role.IN_FLIGHT, "Payouts in flight", "flight_takeoff"),
    (Role.SUSPENSE, "In suspense", "help"),
    (Role.FEE_INCOME, "Fees earned", "savings"),
)
TOP: Final = 6
LATEST: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One figure, in every currency it comes in."""

    title: str
    icon: str
    role: str
    amounts: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Earner:
    """A payee and what it is owed, as a part of the largest."""

    name: str
    amount: str
    percent: int


def cards(mode: str) -> list[Card]:
    """What stands on the accounts of each role, by currency."""
    found: dict[str, list[str]] = {}
    rows = (
        Account.objects.filter(book__mode=mode, role__in=[role for role, _, _ in _CARDS])
        .values("role", "currency")
        .annotate(total=Coalesce(Sum(_STANDING), Value(Decimal(0)), output_field=_MONEY))
        .order_by("role", "currency")
    )
    for row in rows:
        total = Money(amount=row["total"], currency=row["currency"])
        found.setdefault(row["role"], []).append(total.shown)
    return [
        Card(title=title, icon=icon, role=role, amounts=found.get(role, []))
        for role, title, icon in _CARDS
    ]


def top_payables(mode: str) -> list[Earner]:
    """The payees who are owed most in one currency each."""
    rows = list(
        Account.objects.filter(book__mode=mode, role=Role.PAYABLE)
        .annotate(owed=_STANDING)
        .filter(owed__gt=0)
        .order_by("-owed")
        .values("party__name", "currency", "owed")[:TOP]
    )
    most = rows[0]["owed"] if rows else Decimal(1)
    return [
        Earner(
            name=row["party__name"],
            amount=Money(amount=row["owed"], currency=row["currency"]).shown,
            percent=max(1, int(row["owed"] / most * 100)),
        )
        for row in rows
    ]


def runs(mode: str) -> list[Run]:
    """The latest settlement runs."""
    return list(Run.objects.filter(mode=mode).select_related("platform").order_by("-pk")[:LATEST])


def payouts(mode: str) -> list[PayoutBatch]:
    """The latest payout batches."""
    return list(PayoutBatch.objects.filter(book__mode=mode).order_by("-pk")[:LATEST])


def waiting(mode: str) -> dict[str, int]:
    """What waits for somebody's answer."""
    return {
        "runs": Run.objects.filter(mode=mode, state=RunState.IN_REVIEW).count(),
        "parked": Run.objects.filter(mode=mode, state=RunState.PARKED).count(),
        "payouts": PayoutBatch.objects.filter(book__mode=mode, state=BatchState.IN_REVIEW).count(),
        "approvals": ApprovalRequest.objects.filter(
            state="open", holder__organisation__mode=mode
        ).count(),
    }


def reported(mode: str, *, now: datetime) -> int:
    """Generations in batches of the last thirty days, by the batches' own counts."""
    total = Batch.objects.filter(
        platform__organisation__mode=mode, sealed_at__gte=now - timedelta(days=30)
    ).aggregate(total=Sum("count"))["total"]
    return int(total or 0)


def books(mode: str) -> list[Book]:
    """The books with their height and head."""
    return list(Book.objects.filter(mode=mode).order_by("name"))


def latest_entries(mode: str) -> list[Entry]:
    """The newest journal entries."""
    return list(Entry.objects.filter(book__mode=mode).order_by("-height")[:LATEST])

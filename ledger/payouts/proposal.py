"""Which payees a batch pays and how much: a decision over what is owed, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from ledger.money import Money, floor_to_minor

LeftOutReason = Literal["no_destination", "below_threshold", "below_minor_unit", "already_proposed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Payable:
    """What a payee is owed, what of it other open batches already promise, and where it goes."""

    party: str
    owed: Decimal
    promised: Decimal
    has_destination: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """What a payee gets. The fraction of a minor unit stays owed."""

    party: str
    amount: Decimal
    kept: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A payee who gets nothing now, and why, in a word for programs and a sentence for people."""

    party: str
    owed: Decimal
    reason: LeftOutReason
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The payees of a batch in the order of their references, and those it leaves out."""

    payments: tuple[Payment, ...]
    left_out: tuple[LeftOut, ...]


def decide(payables: Iterable[Payable], *, currency: str, threshold: Decimal) -> Proposal:
    """Pays every payee the whole minor units owed, from `threshold` up, to a known destination."""
    payments: list[Payment] = []
    left_out: list[LeftOut] = []
    for payable in sorted(payables, key=lambda each: each.party):
        if payable.owed <= 0:
            continue
        free = payable.owed - payable.promised
        amount = floor_to_minor(max(free, Decimal(0)), currency)
        refused = _refuse(payable, free, amount, currency, threshold)
        if refused is None:
            payments.append(Payment(party=payable.party, amount=amount, kept=payable.owed - amount))
        else:
            reason, detail = refused
            left_out.append(
                LeftOut(party=payable.party, owed=payable.owed, reason=reason, detail=detail)
            )
    return Proposal(payments=tuple(payments), left_out=tuple(left_out))


def _refuse(
    payable: Payable, free: Decimal, amount: Decimal, currency: str, threshold: Decimal
) -> tuple[LeftOutReason, str] | None:
    owed = Money(amount=payable.owed, currency=currency)
    if payable.promised > 0 and amount < max(threshold, Decimal("1E-8")):
        promised = Money(amount=payable.promised, currency=currency)
        return "already_proposed", f"{promised} of {owed} stand in another open batch."
    if free < threshold:
        least = Money(amount=threshold, currency=currency)
        return "below_threshold", f"{owed} is less than the threshold of {least}."
    if amount == 0:
        return "below_minor_unit", f"{owed} is less than the smallest amount that can be paid."
    if not payable.has_destination:
        return "no_destination", "No destination has been registered for this payee."
    return None

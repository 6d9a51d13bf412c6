"""Drawing a statement: from what the ledger says stood and moved, to lines and balances.

A statement is about what is owed to a party: its payable, held, reserved and in-flight accounts
together. What moves between those is no earning and no payment; it shows only in the balances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ledger.journal.chart import Role

# In the order a reader wants them: what can be paid now, then what waits and why.
OWED: Final = (Role.PAYABLE, Role.IN_FLIGHT, Role.HELD, Role.RESERVE)


class DoesNotAddUp(AssertionError):
    """The movements of a month do not lead from its opening to its closing balance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What entries of one kind moved for one subject against one counterparty. Signed: + is owed."""

    kind: str
    subject: str
    counterparty: str
    amount: Decimal
    transfers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleBalance:
    """What one of the accounts held before the month and after it."""

    role: str
    opening: Decimal
    closing: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A statement's figures. `opening` plus all lines is `closing`, or it would not exist."""

    opening: Decimal
    closing: Decimal
    balances: tuple[RoleBalance, ...]
    lines: tuple[Movement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One figure in which a revision differs from the statement before it."""

    what: str
    was: str
    now: str


def draw(
    *,
    opening: Mapping[str, Decimal],
    closing: Mapping[str, Decimal],
    movements: Iterable[Movement],
) -> Drawing:
    """The figures of one party's month in one currency. Raises DoesNotAddUp.

    Lines come in a fixed order: by kind, then subject, then counterparty. A line that comes to
    nothing is kept: something happened and was undone.
    """
    balances = tuple(
        RoleBalance(
            role=role.value,
            opening=opening.get(role.value, Decimal(0)),
            closing=closing.get(role.value, Decimal(0)),
        )
        for role in OWED
    )
    lines = tuple(sorted(movements, key=lambda each: (each.kind, each.subject, each.counterparty)))
    first = sum((each.opening for each in balances), Decimal(0))
    last = sum((each.closing for each in balances), Decimal(0))
    if first + sum((each.amount for each in lines), Decimal(0)) != last:
        raise DoesNotAddUp(f"{first} and the lines do not come to {last}")
    return Drawing(opening=first, closing=last, balances=balances, lines=lines)


def compare(*, was: Drawing, now: Drawing) -> list[Change]:
    """What changed from one drawing of a month to the next, figure by figure; empty if nothing."""
    before, after = _figures(was), _figures(now)
    zero = Decimal(0)
    return [
        Change(what=what, was=f"{before.get(what, zero):f}", now=f"{after.get(what, zero):f}")
        for what in sorted(before.keys() | after.keys())
        if before.get(what, zero) != after.get(what, zero)
    ]


def _figures(drawing: Drawing) -> dict[str, Decimal]:
    """Every figure under a name that says which it is."""
    figures = {"opening balance": drawing.opening, "closing balance": drawing.closing}
    for balance in drawing.balances:
        figures[f"opening {balance.role}"] = balance.opening
        figures[f"closing {balance.role}"] = balance.closing
    for line in drawing.lines:
        figures[f"{line.kind} · {line.subject} · {line.counterparty}"] = line.amount
    return figures

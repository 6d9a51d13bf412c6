"""Drawing a statement: from what the ledger says stood and moved, to lines and balances.

A statement is about what is owed to a party: its payable, held, reserved and in-flight accounts
together. What moves between those is no earning and no payment; it shows only in the balances.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ledger.journal.chart import Role
from ledger.money import format_amount

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


def compare(
    *, was: Drawing, now: Drawing, currency: str, words: Callable[[Movement], str]
) -> list[Change]:
    """What changed from one drawing of a month to the next, figure by figure; empty if nothing.

    `words` names a line to its reader; two lines of one name are still two figures.
    """
    before, after = _figures(was, words), _figures(now, words)
    changes = []
    for key in sorted(before.keys() | after.keys()):
        what = (after.get(key) or before[key]).what
        stood, stands = (
            figures[key].amount if key in figures else Decimal(0) for figures in (before, after)
        )
        if stood != stands:
            shown, becomes = format_amount(stood, currency), format_amount(stands, currency)
            changes.append(Change(what=what, was=shown, now=becomes))
    return changes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    """One figure of a drawing, and what it is."""

    what: str
    amount: Decimal


# Where a figure stands among the others: balances first, lines by what they are of.
_Place = tuple[int, str, str, str]


def _figures(drawing: Drawing, words: Callable[[Movement], str]) -> dict[_Place, _Figure]:
    figures: dict[_Place, _Figure] = {
        (0, "", "", ""): _Figure(what="opening balance", amount=drawing.opening),
        (1, "", "", ""): _Figure(what="closing balance", amount=drawing.closing),
    }
    for balance in drawing.balances:
        account = Role(balance.role).label.lower()
        figures[2, balance.role, "opening", ""] = _Figure(
            what=f"opening balance, {account}", amount=balance.opening
        )
        figures[2, balance.role, "closing", ""] = _Figure(
            what=f"closing balance, {account}", amount=balance.closing
        )
    for line in drawing.lines:
        figures[3, line.kind, line.subject, line.counterparty] = _Figure(
            what=words(line), amount=line.amount
        )
    return figures

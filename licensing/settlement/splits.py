"""The waterfall of one total: fee and rest, then the owners of the rest, by largest remainder.

A total is divided level by level. What a run pays is the division of everything settled so far
less what earlier runs have paid of it, so it does not matter in how many runs that was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Final

from ledger.allocation import allocate
from ledger.money import round_to_ledger, to_units

FEE: Final = "fee"
REST: Final = "rest"
# Whoever it is owed to is not known: the house keeps it apart.
SUSPENSE: Final = "suspense"


@dataclass(frozen=True, slots=True, kw_only=True)
class Waterfall:
    """How a total divides: `fee_percent` (0 to 100) first, then `owners` in parts by their ids.

    Without owners the rest goes to suspense.
    """

    fee_percent: Decimal
    owners: Mapping[str, int]


def units_of(gross: Decimal) -> int:
    """An exact gross as whole 1e-8, rounded once, halves to even."""
    return to_units(round_to_ledger(gross))


def split(units: int, waterfall: Waterfall) -> dict[str, int]:
    """Each payee's whole units of a total; `fee` and `suspense` stand for themselves.

    Adds up to `units`; a total below zero is the mirror of one above.
    """
    percent = Fraction(waterfall.fee_percent)
    levels = allocate(units, {FEE: percent, REST: 100 - percent})
    owners = allocate(levels[REST], waterfall.owners or {SUSPENSE: 1})
    return {FEE: levels[FEE], **owners}


def owing(units: int, waterfall: Waterfall, paid: Mapping[str, int]) -> dict[str, int]:
    """What is still to be moved for each payee when everything so far comes to `units` and `paid`
    has been moved before. Payees with nothing to move are left out; what is left may be negative.
    """
    due = split(units, waterfall)
    moves = {payee: due.get(payee, 0) - paid.get(payee, 0) for payee in sorted(due.keys() | paid)}
    return {payee: moved for payee, moved in moves.items() if moved}

"""The split: whole units divided by weights so that nothing is lost or invented.

The rule is the largest remainder (Hamilton's method): every payee first gets the whole part of the
exact share; the units still left go, one each, to the largest remainders; a tie goes to the lowest
payee key. The key decides and never the position in a list, because a position would become income.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import lcm

from ledger.errors import Invalid

Weight = int | Fraction


class BadWeights(Invalid):
    """A split needs weights that are not negative and at least one that is not zero."""

    code = "bad_weights"


def allocate(amount_units: int, weights: Mapping[str, Weight]) -> dict[str, int]:
    """Each payee's part of `amount_units` (a count of the smallest unit), by largest remainder.

    The parts add up to the amount exactly, and each lies less than one unit from the exact share.
    A negative amount is the mirror of the positive one. A weight of zero gets nothing.
    The answer is in the order of the payees' keys. Raises BadWeights.
    """
    whole = _as_integers(weights)
    total = sum(whole.values())
    if total == 0:
        raise BadWeights
    sign = -1 if amount_units < 0 else 1
    shares = {}
    remainders = []
    left = abs(amount_units)
    for payee in sorted(whole):
        share, remainder = divmod(abs(amount_units) * whole[payee], total)
        shares[payee] = share
        left -= share
        remainders.append((-remainder, payee))
    for _, payee in sorted(remainders)[:left]:
        shares[payee] += 1
    return {payee: sign * share for payee, share in shares.items()}


def restate(
    old_units: int,
    new_units: int,
    weights: Mapping[str, Weight],
    *,
    old_weights: Mapping[str, Weight] | None = None,
) -> dict[str, int]:
    """What to post when a cumulative amount changes: its new split less its old one.

    `old_weights` are those of the old split where they differ. The differences add up to
    `new_units - old_units`, and posting them in one step or in many comes to the same.
    Raises BadWeights.
    """
    new = allocate(new_units, weights)
    old = allocate(old_units, weights if old_weights is None else old_weights)
    return {payee: new.get(payee, 0) - old.get(payee, 0) for payee in sorted(new.keys() | old)}


def _as_integers(weights: Mapping[str, Weight]) -> dict[str, int]:
    """The weights in the same proportion without fractions: integers divide far faster."""
    if any(weight < 0 for weight in weights.values()):
        raise BadWeights
    scale = lcm(*(Fraction(weight).denominator for weight in weights.values()))
    return {payee: int(weight * scale) for payee, weight in weights.items()}

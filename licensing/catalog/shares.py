"""Shares of ownership as exact fractions, and as they are written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction
from math import lcm
from typing import TypeVar

from ledger.errors import Invalid

Key = TypeVar("Key")

# A step's whole is divided into at most so many parts; settlement multiplies by them.
MOST_PARTS = 10**12
MOST_OWNERS = 100
_FRACTION = re.compile(r"([1-9][0-9]{0,11})/([1-9][0-9]{0,11})\Z", re.ASCII)
_PERCENT = re.compile(r"(0|[1-9][0-9]{0,2})(\.[0-9]{1,8})?\Z", re.ASCII)


class BadShare(Invalid):
    """Write a share as a fraction of the whole ("1/3") or in percent ("12.5"), over 0 up to 100 %."""

    code = "bad_share"


class SharesNotWhole(Invalid):
    """The shares of a step add up to exactly 100 %."""

    code = "shares_not_whole"


class SharesTooFine(Invalid):
    """The shares have no common denominator up to 10^12."""

    code = "shares_too_fine"


class TooManyOwners(Invalid):
    """A subject has 1 to 100 owners at a time."""

    code = "too_many_owners"


def read_share(text: str) -> Fraction:
    """The share in `text`: `1/3` is a third of the whole, `12.5` an eighth of it. Raises BadShare."""
    if match := _FRACTION.match(text):
        share = Fraction(int(match.group(1)), int(match.group(2)))
    elif _PERCENT.match(text):
        share = Fraction(text) / 100
    else:
        raise BadShare
    if not 0 < share <= 1:
        raise BadShare
    return share


def show_share(share: Fraction) -> str:
    """In percent if that ends within eight decimals, else as a fraction of the whole."""
    units = share * 100 * 10**8
    if units.denominator != 1:
        return f"{share.numerator}/{share.denominator}"
    whole, rest = divmod(units.numerator, 10**8)
    return f"{whole}.{rest:08d}".rstrip("0").rstrip(".")


def show_percent(share: Fraction) -> str:
    """The same for a person: a percentage with its sign."""
    text = show_share(share)
    return text if "/" in text else f"{text} %"


def into_parts(shares: Mapping[Key, Fraction]) -> tuple[int, dict[Key, int]]:
    """The shares over their least common denominator: the number of parts, and each owner's.

    Raises TooManyOwners, BadShare, SharesNotWhole, SharesTooFine.
    """
    if not 1 <= len(shares) <= MOST_OWNERS:
        raise TooManyOwners(pointer="/shares")
    if any(not 0 < share <= 1 for share in shares.values()):
        raise BadShare(pointer="/shares")
    total = sum(shares.values(), Fraction(0))
    if total != 1:
        raise SharesNotWhole(
            f"The shares add up to {show_share(total)}"
            f"{' %' if '/' not in show_share(total) else ' of the whole'}, not to 100 %.",
            pointer="/shares",
        )
    parts = lcm(*(share.denominator for share in shares.values()))
    if parts > MOST_PARTS:
        raise SharesTooFine(pointer="/shares")
    return parts, {
        owner: share.numerator * (parts // share.denominator) for owner, share in shares.items()
    }

"""Money: exact decimals with a currency, and the one place where they are rounded.

The ledger keeps eight decimals of every currency, because a single generation may earn $0.0004.
Whole minor units (cents, yen) appear only where money enters or leaves.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

import pycountry
from babel.numbers import get_currency_precision

PLACES = 8
QUANTUM = Decimal(1).scaleb(-PLACES)
UNITS = 10**PLACES
# The largest amount of a single transfer or report; also what keeps NaN and Infinity out.
LARGEST = Decimal(10) ** 15

_EXACT = Context(prec=60)


class CurrencyMismatch(ValueError):
    """Two amounts of different currencies do not add."""


def is_currency(code: str) -> bool:
    """Whether `code` is an ISO 4217 alphabetic code that money can be kept in."""
    return (
        len(code) == 3
        and code.isascii()
        and code.isupper()
        and pycountry.currencies.get(alpha_3=code) is not None
        and not code.startswith("X")
    )


def minor_places(currency: str) -> int:
    """How many decimals a currency's minor unit has (USD 2, JPY 0, KWD 3), from CLDR."""
    return get_currency_precision(currency)


def round_to_ledger(value: Fraction | Decimal) -> Decimal:
    """`value` at the ledger's eight places, halves to even: the only rounding before a split."""
    if isinstance(value, Decimal):
        return value.quantize(QUANTUM, rounding=ROUND_HALF_EVEN, context=_EXACT)
    return from_units(round(value * UNITS))


def to_units(amount: Decimal) -> int:
    """An amount as a count of 1e-8. Raises ValueError if it is finer than that, or not finite."""
    if not amount.is_finite():
        raise ValueError("an amount must be a finite number")
    scaled = amount.scaleb(PLACES, context=_EXACT)
    if scaled != scaled.to_integral_value():
        raise ValueError(f"{amount} is finer than the ledger's {PLACES} decimals")
    return int(scaled)


def from_units(units: int) -> Decimal:
    """A count of 1e-8 as an amount."""
    return Decimal(units).scaleb(-PLACES, context=_EXACT)


def floor_to_minor(amount: Decimal, currency: str) -> Decimal:
    """The whole minor units in a non-negative amount: what can be paid; the rest stays owed."""
    places = minor_places(currency)
    units = to_units(amount)
    step = 10 ** (PLACES - places)
    return from_units(units // step * step).quantize(Decimal(1).scaleb(-places), context=_EXACT)


def format_amount(amount: Decimal, currency: str) -> str:
    """An amount in full, never rounded: at least the currency's own decimals, no exponent."""
    least = minor_places(currency)
    text = f"{amount:f}"
    whole, _, decimals = text.partition(".")
    decimals = decimals.rstrip("0").ljust(least, "0")
    return f"{whole}.{decimals}" if decimals else whole


def format_exact(amount: Decimal) -> str:
    """A number in full, never rounded: no zero after its decimals, no exponent."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def thousands(text: str) -> str:
    """An amount as `format_amount` writes it, with commas between thousands: for people alone."""
    whole, point, decimals = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return f"{sign}{int(whole.removeprefix('-')):,}{point}{decimals}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """An exact amount of one currency (ISO 4217)."""

    amount: Decimal
    currency: str

    def __add__(self, other: Money) -> Money:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} do not add")
        return Money(amount=_EXACT.add(self.amount, other.amount), currency=self.currency)

    def __str__(self) -> str:
        return f"{format_amount(self.amount, self.currency)} {self.currency}"

    @property
    def shown(self) -> str:
        """As a page shows it to people: `1,234.50 USD`."""
        return f"{thousands(format_amount(self.amount, self.currency))} {self.currency}"

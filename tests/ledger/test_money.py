"""Money: exact at eight decimals, rounded in one place, written in full."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.money import (
    CurrencyMismatch,
    Money,
    floor_to_minor,
    format_amount,
    from_units,
    is_currency,
    minor_places,
    round_to_ledger,
    to_units,
)


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0.0004", "USD", "0.0004 USD"),
        ("999.5", "USD", "999.50 USD"),
        ("1234.5", "USD", "1,234.50 USD"),
        ("-1234567.00000001", "USD", "-1,234,567.00000001 USD"),
        ("-0.5", "EUR", "-0.50 EUR"),
        ("1000000", "JPY", "1,000,000 JPY"),
    ],
)
def test_people_are_shown_thousands_apart(amount: str, currency: str, text: str) -> None:
    assert Money(amount=Decimal(amount), currency=currency).shown == text


units = st.integers(-(10**26), 10**26)


@given(units)
def test_units_and_amounts_are_two_ways_to_write_one_thing(count: int) -> None:
    assert to_units(from_units(count)) == count


@given(st.fractions())
def test_rounding_is_within_half_a_unit(value: Fraction) -> None:
    assert abs(Fraction(round_to_ledger(value)) - value) <= Fraction(1, 2 * 10**8)


@pytest.mark.parametrize(
    ("value", "rounded"),
    [
        ("0.000000005", "0.00000000"),
        ("0.000000015", "0.00000002"),
        ("-0.000000015", "-0.00000002"),
        ("0.0000000051", "0.00000001"),
    ],
)
def test_halves_go_to_even(value: str, rounded: str) -> None:
    assert round_to_ledger(Decimal(value)) == Decimal(rounded)
    assert round_to_ledger(Fraction(value)) == Decimal(rounded)


@pytest.mark.parametrize("amount", ["0.000000001", "NaN", "Infinity", "-Infinity"])
def test_what_the_ledger_cannot_hold_is_refused(amount: str) -> None:
    with pytest.raises(ValueError):
        to_units(Decimal(amount))


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        ("0.0004", "USD", "0.0004"),
        ("12", "USD", "12.00"),
        ("12.30000000", "EUR", "12.30"),
        ("1500", "JPY", "1500"),
        ("1.5", "KWD", "1.500"),
        ("-0.00000001", "USD", "-0.00000001"),
        ("1000000000000000", "USD", "1000000000000000.00"),
    ],
)
def test_an_amount_is_written_in_full(amount: str, currency: str, text: str) -> None:
    assert format_amount(Decimal(amount), currency) == text


@pytest.mark.parametrize(
    ("currency", "places"), [("USD", 2), ("EUR", 2), ("JPY", 0), ("KWD", 3), ("CLP", 0)]
)
def test_minor_units_are_the_currencys_own(currency: str, places: int) -> None:
    assert minor_places(currency) == places


@given(st.integers(0, 10**20), st.sampled_from(["USD", "JPY", "KWD"]))
def test_what_is_paid_out_never_exceeds_what_is_owed(count: int, currency: str) -> None:
    owed = from_units(count)
    paid = floor_to_minor(owed, currency)
    assert 0 <= owed - paid < Decimal(1).scaleb(-minor_places(currency))


@pytest.mark.parametrize("code", ["usd", "US", "ZZZ", "XAU", "XXX", "€", "U SD", ""])
def test_what_is_no_currency_is_not_one(code: str) -> None:
    assert not is_currency(code)


def test_different_currencies_do_not_add() -> None:
    with pytest.raises(CurrencyMismatch):
        Money(amount=Decimal(1), currency="USD") + Money(amount=Decimal(1), currency="EUR")


def test_a_sum_keeps_every_decimal() -> None:
    large = Money(amount=Decimal("999999999999999.99999999"), currency="USD")
    small = Money(amount=Decimal("0.00000001"), currency="USD")
    assert str(large + small) == "1000000000000000.00 USD"

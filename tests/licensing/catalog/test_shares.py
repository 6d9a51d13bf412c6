"""Shares are exact: thirds stay thirds, and what is not whole is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licensing.catalog.shares import (
    BadShare,
    SharesNotWhole,
    SharesTooFine,
    TooManyOwners,
    into_parts,
    read_share,
    show_share,
)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("1/3", Fraction(1, 3)),
        ("1/1", Fraction(1)),
        ("100", Fraction(1)),
        ("100.00", Fraction(1)),
        ("12.5", Fraction(1, 8)),
        ("0.00000001", Fraction(1, 10**10)),
        ("33.33333333", Fraction(3333333333, 10**10)),
        ("1", Fraction(1, 100)),
    ],
)
def test_a_share_is_a_fraction_of_the_whole_or_a_percentage(text: str, share: Fraction) -> None:
    assert read_share(text) == share


@pytest.mark.parametrize(
    "text",
    ["", "0", "0.0", "0/3", "1/0", "-1", "-1/3", "+1", "100.00000001", "101", "3/2", "1e1", "1_0",
     "NaN", "1/3%", "50 %", " 50", "50\n", ".5", "5.", "٥", "１", "1/3/1", "1.5/3", "0.123456789",
     "1/1000000000000000"],
)  # fmt: skip
def test_anything_else_is_not_a_share(text: str) -> None:
    with pytest.raises(BadShare):
        read_share(text)


@given(st.fractions(min_value=0, max_value=1, max_denominator=10**9).filter(bool))
def test_what_is_shown_reads_back_exactly(share: Fraction) -> None:
    assert read_share(show_share(share)) == share


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=12))
def test_any_split_of_a_whole_is_kept_exactly(weights: list[int]) -> None:
    total = sum(weights)
    split = {owner: Fraction(weight, total) for owner, weight in enumerate(weights)}
    parts, parts_of = into_parts(split)
    assert sum(parts_of.values()) == parts
    assert {owner: Fraction(given, parts) for owner, given in parts_of.items()} == split


def test_splits_that_are_refused() -> None:
    for split, refusal in (
        ({}, TooManyOwners),
        ({n: Fraction(1, 101) for n in range(101)}, TooManyOwners),
        ({1: Fraction(99, 100)}, SharesNotWhole),
        ({1: Fraction(1), 2: Fraction(1, 10**10)}, SharesNotWhole),
        ({1: Fraction(2, 1), 2: Fraction(-1)}, BadShare),
        ({1: Fraction(1, 10**13), 2: 1 - Fraction(1, 10**13)}, SharesTooFine),
    ):
        with pytest.raises(refusal):
            into_parts(split)

"""The split: exact, fair to a unit, and the same whoever is listed first."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.allocation import BadWeights, allocate, restate
from ledger.money import UNITS, floor_to_minor, round_to_ledger, to_units

VECTORS: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "vectors" / "allocation.json").read_text()
)

amounts = st.integers(-(10**24), 10**24)
fractions = st.fractions(min_value=0, max_value=1000, max_denominator=10**6)
weights = st.dictionaries(
    st.text("abcdefgh", min_size=1, max_size=4),
    st.one_of(st.integers(0, 10**9), fractions),
    min_size=1,
    max_size=12,
).filter(lambda found: any(found.values()))


@pytest.mark.parametrize("case", VECTORS["allocate"], ids=lambda case: str(case["amount"]))
def test_the_vectors_come_out_exactly(case: dict[str, Any]) -> None:
    assert allocate(case["amount"], case["weights"]) == case["shares"]


@pytest.mark.parametrize("case", VECTORS["restate"])
def test_a_restatement_posts_the_difference(case: dict[str, Any]) -> None:
    assert restate(case["from"], case["to"], case["weights"]) == case["delta"]


@pytest.mark.parametrize("case", VECTORS["settle_exact"], ids=lambda case: case["about"])
def test_a_settlement_rounds_once_and_splits_exactly(case: dict[str, Any]) -> None:
    gross = round_to_ledger(case["units"] * Fraction(case["rate"]))
    percent = Fraction(case["fee_percent"])
    fee = to_units(round_to_ledger(Fraction(gross) * percent / 100))
    owners = {name: Fraction(share) for name, share in case["owners"].items()}
    assert fee == case["fee"]
    assert allocate(to_units(gross) - fee, owners) == case["shares"]


@pytest.mark.parametrize("case", VECTORS["pool"])
def test_a_pool_is_shared_to_the_last_decimal(case: dict[str, Any]) -> None:
    assert allocate(int(case["amount_usd"]) * UNITS, case["weights"]) == case["shares_1e8"]


@pytest.mark.parametrize("case", VECTORS["payout"])
def test_a_payout_leaves_less_than_a_minor_unit(case: dict[str, Any]) -> None:
    payable = Decimal(case["payable"])
    paid = floor_to_minor(payable, case["currency"])
    assert (paid, payable - paid) == (Decimal(case["paid"]), Decimal(case["kept"]))


def naive(amount: int, given_weights: dict[str, Any]) -> dict[str, int]:
    """The definition read aloud: whole shares first, then unit by unit to the largest remainder."""
    total = sum(Fraction(weight) for weight in given_weights.values())
    exact = {
        payee: abs(amount) * Fraction(weight) / total for payee, weight in given_weights.items()
    }
    shares = {payee: int(share) for payee, share in exact.items()}
    served: set[str] = set()
    while sum(shares.values()) < abs(amount):
        waiting = [payee for payee in exact if payee not in served]
        largest = max(exact[payee] - int(exact[payee]) for payee in waiting)
        payee = min(p for p in waiting if exact[p] - int(exact[p]) == largest)
        served.add(payee)
        shares[payee] += 1
    return {payee: share if amount >= 0 else -share for payee, share in shares.items()}


@given(amounts, weights)
def test_it_agrees_with_the_definition(amount: int, given_weights: dict[str, Any]) -> None:
    assert allocate(amount, given_weights) == naive(amount, given_weights)


@given(amounts, weights)
def test_nothing_is_lost_or_invented(amount: int, given_weights: dict[str, Any]) -> None:
    assert sum(allocate(amount, given_weights).values()) == amount


@given(amounts, weights)
def test_nobody_is_a_whole_unit_from_the_exact_share(
    amount: int, given_weights: dict[str, Any]
) -> None:
    total = sum(Fraction(weight) for weight in given_weights.values())
    for payee, share in allocate(amount, given_weights).items():
        assert abs(share - amount * Fraction(given_weights[payee]) / total) < 1


@given(amounts, weights, st.randoms(use_true_random=False))
def test_the_order_of_the_list_is_no_income(
    amount: int, given_weights: dict[str, Any], chance: Any
) -> None:
    shuffled = list(given_weights.items())
    chance.shuffle(shuffled)
    assert allocate(amount, dict(shuffled)) == allocate(amount, given_weights)


@given(amounts, weights)
def test_a_negative_amount_is_the_mirror(amount: int, given_weights: dict[str, Any]) -> None:
    mirrored = {payee: -share for payee, share in allocate(amount, given_weights).items()}
    assert allocate(-amount, given_weights) == mirrored


@given(amounts, weights)
def test_who_weighs_more_never_gets_less(amount: int, given_weights: dict[str, Any]) -> None:
    shares = allocate(abs(amount), given_weights)
    by_weight = sorted(given_weights, key=lambda payee: given_weights[payee])
    for lighter, heavier in pairwise(by_weight):
        if given_weights[lighter] < given_weights[heavier]:
            assert shares[lighter] <= shares[heavier]


@given(amounts, weights, st.integers(1, 10**6))
def test_only_proportions_matter(amount: int, given_weights: dict[str, Any], scale: int) -> None:
    scaled = {payee: weight * scale for payee, weight in given_weights.items()}
    assert allocate(amount, scaled) == allocate(amount, given_weights)


@given(st.lists(amounts, min_size=2, max_size=6), weights)
def test_restating_step_by_step_comes_to_the_same(
    cumulative: list[int], given_weights: dict[str, Any]
) -> None:
    posted = dict.fromkeys(given_weights, 0)
    for old, new in zip([0, *cumulative], cumulative, strict=False):
        for payee, difference in restate(old, new, given_weights).items():
            posted[payee] += difference
    assert posted == allocate(cumulative[-1], given_weights)


def test_a_payee_who_leaves_gives_everything_back() -> None:
    assert restate(10, 10, {"b": 1}, old_weights={"a": 1, "b": 1}) == {"a": -5, "b": 5}


@pytest.mark.parametrize("bad", [{}, {"a": 0}, {"a": -1, "b": 2}])
def test_weights_that_say_nothing_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(BadWeights):
        allocate(100, bad)

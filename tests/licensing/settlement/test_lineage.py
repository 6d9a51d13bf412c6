"""Remixes of remixes: who gets what, by both policies, against published cases and against itself."""

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

from licensing.settlement.entitlements import Parent, vector_of
from licensing.settlement.lineage import (
    DEEPEST,
    MOST_ANCESTORS,
    MOST_PARENTS,
    WHOLE,
    BadEdge,
    Count,
    Edge,
    LineageCycle,
    LineageTooLarge,
    Policy,
    StackTooHigh,
    divide,
    shares,
)

VECTORS = Path(__file__).parents[2] / "vectors" / "lineage.json"
CASES = json.loads(VECTORS.read_text(), parse_float=Decimal)["cases"]


def edge(child: str, parent: str, percent: Any) -> Edge:
    return Edge(child=child, parent=parent, percent=Fraction(percent))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_the_published_cases(case: dict[str, Any]) -> None:
    assert (
        divide(
            amount=case["amount"],
            pay=case["pay"],
            edges=[edge(*each) for each in case["edges"]],
            policy=Policy(case["policy"]),
            count=Count(case.get("count", "paths")),
        )
        == case["gets"]
    )


@st.composite
def lineages(draw: st.DrawFn) -> list[Edge]:
    """Generations named by number, each remixing some of the earlier ones; the last one is paid.

    What a generation passes on adds up to at most a hundred, so that the relative policy takes it.
    """
    edges = []
    for child in range(1, draw(st.integers(1, 9))):
        parents = draw(st.sets(st.integers(0, child - 1), max_size=4))
        left = Fraction(100)
        for parent in sorted(parents):
            percent = min(left, Fraction(draw(st.integers(0, 10**8)), 10**6))
            left -= percent
            edges.append(edge(str(child), str(parent), percent))
    return edges


def last_of(edges: list[Edge]) -> str:
    return str(max((int(each.child) for each in edges), default=0))


@given(edges=lineages(), amount=st.integers(-(10**12), 10**12))
def test_what_is_divided_adds_up_and_a_negative_amount_is_the_mirror(
    edges: list[Edge], amount: int
) -> None:
    pay = last_of(edges)
    parts = divide(amount=amount, pay=pay, edges=edges, policy=Policy.RELATIVE)
    assert sum(parts.values()) == amount
    mirror = divide(amount=-amount, pay=pay, edges=edges, policy=Policy.RELATIVE)
    assert mirror == {name: -part for name, part in parts.items()}


@given(edges=lineages())
def test_every_part_lies_less_than_a_unit_from_the_exact_share(edges: list[Edge]) -> None:
    pay = last_of(edges)
    exact = shares(pay=pay, edges=edges, policy=Policy.RELATIVE)
    assert sum(exact.values()) == 1
    assert all(share > 0 for share in exact.values())
    vector = divide(amount=WHOLE, pay=pay, edges=edges, policy=Policy.RELATIVE)
    assert all(abs(vector[name] - exact[name] * WHOLE) < 1 for name in vector)


@given(edges=lineages(), order=st.randoms())
def test_the_order_in_which_edges_are_given_is_no_income(edges: list[Edge], order: Any) -> None:
    pay = last_of(edges)
    shuffled = list(edges)
    order.shuffle(shuffled)
    for policy in Policy:
        try:
            expected = divide(amount=WHOLE, pay=pay, edges=edges, policy=policy)
        except StackTooHigh:
            with pytest.raises(StackTooHigh):
                divide(amount=WHOLE, pay=pay, edges=shuffled, policy=policy)
        else:
            assert divide(amount=WHOLE, pay=pay, edges=shuffled, policy=policy) == expected


@given(edges=lineages())
def test_a_relative_share_is_the_sum_over_paths_of_their_products(edges: list[Edge]) -> None:
    """Written the slow way, path by path, as the policy is told."""
    pay = last_of(edges)
    kept: dict[str, Fraction] = {}

    def climb(generation: str, carried: Fraction) -> None:
        above = [each for each in edges if each.child == generation]
        passed = sum((each.percent for each in above), Fraction(0))
        kept[generation] = kept.get(generation, Fraction(0)) + carried * (100 - passed) / 100
        for each in above:
            climb(each.parent, carried * each.percent / 100)

    climb(pay, Fraction(1))
    expected = {name: share for name, share in kept.items() if share}
    assert shares(pay=pay, edges=edges, policy=Policy.RELATIVE) == expected


@given(edges=lineages())
def test_an_absolute_share_is_the_sum_over_paths_of_their_last_edges(edges: list[Edge]) -> None:
    pay = last_of(edges)
    small = [edge(each.child, each.parent, each.percent / 10**6) for each in edges]
    by_path: dict[str, Fraction] = {}
    by_edge: dict[tuple[str, str], Fraction] = {}

    def climb(generation: str) -> None:
        for each in small:
            if each.child == generation:
                by_path[each.parent] = by_path.get(each.parent, Fraction(0)) + each.percent
                by_edge[each.child, each.parent] = each.percent
                climb(each.parent)

    climb(pay)
    found = shares(pay=pay, edges=small, policy=Policy.ABSOLUTE, count=Count.PATHS)
    assert {n: s * 100 for n, s in found.items() if n != pay} == {
        name: percent for name, percent in by_path.items() if percent
    }
    found = shares(pay=pay, edges=small, policy=Policy.ABSOLUTE, count=Count.EDGES)
    above = sum((s for name, s in found.items() if name != pay), Fraction(0))
    assert above * 100 == sum(by_edge.values(), Fraction(0))
    assert found[pay] == 1 - above


@given(edges=lineages())
def test_with_parents_alone_both_policies_agree(edges: list[Edge]) -> None:
    pay = last_of(edges)
    own = [each for each in edges if each.child == pay]
    relative = shares(pay=pay, edges=own, policy=Policy.RELATIVE)
    assert relative == shares(pay=pay, edges=own, policy=Policy.ABSOLUTE)


def test_whoever_remixes_nothing_keeps_everything() -> None:
    assert divide(amount=7, pay="1", edges=[edge("3", "2", 10)], policy=Policy.RELATIVE) == {"1": 7}


@pytest.mark.parametrize("policy", Policy)
def test_more_than_everything_is_refused(policy: Policy) -> None:
    edges = [edge("3", "1", 60), edge("3", "2", "40.000001")]
    with pytest.raises(StackTooHigh):
        shares(pay="3", edges=edges, policy=policy)
    assert shares(pay="3", edges=[edge("3", "1", 60), edge("3", "2", 40)], policy=policy) == {
        "1": Fraction(3, 5),
        "2": Fraction(2, 5),
    }


def test_absolute_percentages_stack_up_along_a_chain() -> None:
    chain = [edge("4", "3", 40), edge("3", "2", 40), edge("2", "1", 40)]
    assert shares(pay="4", edges=chain, policy=Policy.RELATIVE)["1"] == Fraction(8, 125)
    with pytest.raises(StackTooHigh):
        shares(pay="4", edges=chain, policy=Policy.ABSOLUTE)


@pytest.mark.parametrize(
    "edges",
    [
        [("1", "1", 10)],
        [("1", "2", 10), ("2", "1", 10)],
        [("1", "2", 10), ("2", "3", 10), ("3", "4", 10), ("4", "2", 10)],
    ],
)
def test_a_cycle_is_refused(edges: list[tuple[str, str, int]]) -> None:
    with pytest.raises(LineageCycle):
        shares(pay="1", edges=[edge(*each) for each in edges], policy=Policy.ABSOLUTE)


@pytest.mark.parametrize("percent", ["-0.000001", "100.000001"])
def test_a_percentage_lies_between_nothing_and_everything(percent: str) -> None:
    with pytest.raises(BadEdge):
        shares(pay="2", edges=[edge("2", "1", percent)], policy=Policy.RELATIVE)


def test_a_parent_is_named_once() -> None:
    with pytest.raises(BadEdge):
        shares(pay="2", edges=[edge("2", "1", 1), edge("2", "1", 2)], policy=Policy.RELATIVE)


def test_a_lineage_has_its_limits() -> None:
    def share_of(edges: list[Edge], pay: str = "0") -> dict[str, Fraction]:
        return shares(pay=pay, edges=edges, policy=Policy.RELATIVE)

    parents = [edge("0", f"p{n}", 1) for n in range(MOST_PARENTS)]
    assert len(share_of(parents)) == MOST_PARENTS + 1
    with pytest.raises(LineageTooLarge):
        share_of([*parents, edge("0", "one more", 1)])

    chain = [edge(str(a), str(b), 1) for a, b in pairwise(range(DEEPEST + 1))]
    assert len(share_of(chain)) == DEEPEST + 1
    with pytest.raises(LineageTooLarge):
        share_of([*chain, edge(str(DEEPEST), "one deeper", 1)])

    # A tree of sixteen at every joint has more than a thousand ancestors three levels up.
    names = [f"n{n}" for n in range(MOST_ANCESTORS + 1)]
    tree = [edge(names[(n - 1) // 16], names[n], 1) for n in range(1, MOST_ANCESTORS + 1)]
    assert len(share_of(tree, "n0")) == MOST_ANCESTORS + 1
    with pytest.raises(LineageTooLarge):
        share_of([*tree, edge("n1024", "one more", 1)], "n0")


def test_a_thousand_paths_cost_no_more_than_their_edges() -> None:
    """Thirty diamonds on end: a billion paths, each of which an absolute share has to count."""
    edges = []
    for n in range(30):
        edges += [edge(f"{n}", f"{n}a", 0), edge(f"{n}", f"{n}b", 0)]
        edges += [edge(f"{n}a", f"{n + 1}", 0), edge(f"{n}b", f"{n + 1}", 0)]
    edges.append(edge("30", "origin", Fraction(50, 2**30)))
    found = shares(pay="0", edges=edges, policy=Policy.ABSOLUTE, count=Count.PATHS)
    assert found == {"0": Fraction(1, 2), "origin": Fraction(1, 2)}


@given(
    takes=st.dictionaries(
        st.sampled_from("abcdef"), st.integers(0, 16 * 10**6), min_size=1, max_size=6
    )
)
def test_one_level_is_what_the_vectors_of_usage_say(takes: dict[str, int]) -> None:
    """Each parent shows one subject of its own: a vector by subject is a division by generation."""
    vector = vector_of(
        {"own": 1}, [Parent(weights={name: 3}, takes={name: took}) for name, took in takes.items()]
    )
    assert {**vector.direct, **vector.inherited} == divide(
        amount=WHOLE,
        pay="own",
        edges=[edge("own", name, Fraction(took, 10**6)) for name, took in takes.items()],
        policy=Policy.RELATIVE,
    )

"""The same facts settled in one run or in many, in any order, come to the same for everybody."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ledger.journal.chart import Role
from licensing.catalog.models import Subject
from licensing.settlement.models import RoyaltyLine
from tests.licensing.builders import Household
from tests.licensing.settlement.histories import (
    CRUMBS,
    LATE_PARENTS,
    PATIENTLY,
    Fact,
    World,
    histories,
    play,
)
from tests.licensing.settlement.settling import balance

pytestmark = pytest.mark.django_db


def owed(platform: Household) -> Decimal:
    assert platform.platform is not None
    return balance(platform.platform.party_ref, Role.RECEIVABLE)


def in_groups(order: list[int], cuts: set[int]) -> list[list[int]]:
    """The batches in their order, with a run after each cut."""
    groups: list[list[int]] = [[]]
    for place, batch in enumerate(order):
        if place in cuts:
            groups.append([])
        groups[-1].append(batch)
    return groups


def assert_the_same(facts: list[Fact], order: list[int], cuts: set[int]) -> None:
    world = World()
    one = play(world, facts, [[0, 1, 2, 3]])
    many = play(world, facts, in_groups(order, cuts))
    assert world.earned(many) == world.earned(one)
    assert owed(many) == owed(one) == sum(world.earned(one).values(), Decimal(0))
    assert _anomalies(many) == _anomalies(one)
    _books_agree(world, [one, many])


ORDERS = st.permutations(range(4))
CUTS = st.sets(st.integers(1, 3), min_size=1)
EVERYWHERE = {1, 2, 3}


@settings(PATIENTLY, max_examples=6)
@given(facts=histories(), order=ORDERS, cuts=CUTS)
@example(facts=LATE_PARENTS, order=[0, 1, 2, 3], cuts=EVERYWHERE)
@example(facts=CRUMBS, order=[3, 1, 0, 2], cuts=EVERYWHERE)
def test_one_run_or_many_in_any_order_come_to_the_same(
    facts: list[Fact], order: list[int], cuts: set[int]
) -> None:
    assert_the_same(facts, order, cuts)


@pytest.mark.faults
@pytest.mark.timeout(600)
@settings(PATIENTLY, max_examples=100)
@given(facts=histories(), order=ORDERS, cuts=CUTS)
def test_the_same_for_a_hundred_histories(
    facts: list[Fact], order: list[int], cuts: set[int]
) -> None:
    assert_the_same(facts, order, cuts)


def _anomalies(platform: Household) -> Counter[tuple[Subject, str]]:
    """How many generations earned nothing, and why; a restatement nets out."""
    found: Counter[tuple[Subject, str]] = Counter()
    lines = RoyaltyLine.objects.filter(run__platform=platform.platform, basis="direct")
    for line in lines.exclude(code__in=["ok", "unowned"]):
        found[line.subject, line.code] += line.generations
    return Counter({key: count for key, count in found.items() if count})


def _books_agree(world: World, platforms: list[Household]) -> None:
    """What the shares say is what the accounts hold."""
    for holder in world.holders:
        said = sum(
            amount
            for platform in platforms
            for (_, name, _), amount in world.earned(platform).items()
            if name == str(holder.pk)
        )
        held = balance(holder.party_ref, Role.PAYABLE) - balance(holder.party_ref, Role.CLAWBACK)
        assert held == said

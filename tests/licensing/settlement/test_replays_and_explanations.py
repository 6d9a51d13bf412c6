"""A run is a function of its inputs, and every line of it can be followed back to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings

from ledger.actor import system_actor
from licensing.settlement import explaining, runs
from licensing.settlement.models import RoyaltyLine, Run, SettlementInput
from tests.licensing.builders import Household
from tests.licensing.settlement.histories import (
    LATE_PARENTS,
    NOW,
    OCTOBER,
    PATIENTLY,
    Fact,
    World,
    histories,
    play,
)
from tests.licensing.settlement.settling import settle

pytestmark = pytest.mark.django_db


def said_by(run: Run) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """All that a run's lines and shares say, apart from their ids."""
    lines = run.lines.values_list(
        "subject", "origin", "basis", "code", "service_day", "territory", "medium", "licensed",
        "terms", "step", "generations", "seconds", "entitled_generations", "entitled_seconds",
        "rate_generation", "rate_second", "gross",
    )  # fmt: skip
    shares = run.shares.values_list(
        "total__terms", "total__subject", "total__step", "total__service_month", "total__gross",
        "total__gross_before", "total__amount", "payee", "holder", "amount", "post_number",
    )  # fmt: skip
    return sorted(lines, key=repr), sorted(shares, key=repr)


def cancelled_and_again(world: World, platform: Household, facts: list[Fact]) -> None:
    """Reports everything, but cancels the run; the next one must say the same."""
    assert platform.platform is not None
    world.report(platform, facts, [fact.batch for fact in facts])
    first = settle(platform.platform, period=OCTOBER, now=NOW, until="in_review")
    before = said_by(first)
    runs.cancel_run(actor=system_actor(mode="test"), now=NOW, run=first)
    assert not SettlementInput.objects.filter(run=first).exists()
    again = settle(platform.platform, period=OCTOBER, now=NOW)
    assert again.revision == first.revision + 1
    assert said_by(again) == before
    assert (again.fee, again.holders, again.suspense) == (
        first.fee,
        first.holders,
        first.suspense,
    )


@settings(PATIENTLY, max_examples=4)
@given(facts=histories())
@example(facts=LATE_PARENTS)
def test_a_run_cancelled_and_started_again_says_the_same(facts: list[Fact]) -> None:
    world = World()
    cancelled_and_again(world, world.platform(), facts)


@settings(PATIENTLY, max_examples=3)
@given(facts=histories())
@example(facts=LATE_PARENTS)
def test_the_generations_of_an_explanation_add_up_to_their_line(facts: list[Fact]) -> None:
    world = World()
    platform = play(world, facts, [[2, 3], [0], [1]])
    lines = RoyaltyLine.objects.filter(run__platform=platform.platform)
    assert lines
    for line in lines.select_related("run", "part", "terms"):
        shares = list(explaining.shares_of(line))
        found = explaining.explain(line=line, shares=shares)
        entitled = sum(each.entitlement for each in found.generations)
        assert Decimal(entitled).scaleb(-8) == line.entitled_generations
        assert sum((each.gross for each in found.generations), Decimal(0)) == line.gross
        assert {price.terms_id for price in found.prices} <= {line.terms_id}
        assert bool(found.owners) == (line.step_id is not None)
        inputs = {batch.pk for batch in found.batches}
        if line.part.kind == "rate":
            assert {each.batch for each in found.generations} <= inputs

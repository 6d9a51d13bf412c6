"""Simulations for stories: started on a draft, and worked on by a clock that stands still."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from licensing.consent import rules
from licensing.consent.models import ConsentRule
from licensing.simulation import simulations, working
from licensing.simulation.models import Simulation
from tests.licensing.builders import Household
from tests.licensing.consent.builders import NOW

# Requests are asked at NOW; whoever looks back does so an hour later.
LATER = NOW + timedelta(hours=1)
Json = dict[str, Any]


def redraft(
    house: Household, rule: ConsentRule, body: Mapping[str, Any], *, now: datetime = NOW
) -> None:
    """The rule's next wording, as a draft."""
    seen = rules.etag_of(rule.versions.order_by("-number")[0])
    rules.edit_draft(actor=house.actor, now=now, rule=rule, seen=seen, body=body)


def start(
    house: Household, rule: ConsentRule, *, now: datetime = LATER, days: int = 30
) -> Simulation:
    """A simulation of the rule's draft, queued."""
    return simulations.start(actor=house.actor, now=now, rule=rule, days=days)


def run(simulation: Simulation, *, now: datetime = LATER) -> Json:
    """Works on it until nothing is left to do, and answers its result."""
    while working.work(simulation_id=simulation.pk, clock=lambda: now):
        pass
    simulation.refresh_from_db()
    assert simulation.state == "done", (simulation.state, simulation.error)
    result: Json = simulation.result
    return result


def simulate(house: Household, rule: ConsentRule, *, now: datetime = LATER) -> Json:
    """What the rule's draft would change of the last thirty days."""
    return run(start(house, rule, now=now), now=now)


def ways(counted: Mapping[str, Any]) -> dict[str, int]:
    """Counts by way, in words."""
    return {f"{way['was']} to {way['becomes']}": way["requests"] for way in counted["ways"]}


def amounts(stream: Mapping[str, Any]) -> str:
    """The sums of one stream of money."""
    return ", ".join(f"{each['amount']} {each['currency']}" for each in stream["amounts"])


def changed(result: Mapping[str, Any], dimension: str) -> dict[str | None, int]:
    """How many requests of each value flip."""
    return {each["value"]: each["changed"] for each in result["by"][dimension]["values"]}

"""What a refusal says would have been allowed: it would, nothing less would, and nothing is missed.

Every question is put to a search through all that a request could say in these small worlds, with
whoever owns a subject in the territory that it says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import combinations
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from licensing.consent.engine.counterfactuals import OPTIONS, smallest_changes
from licensing.consent.engine.deciding import decide
from licensing.consent.engine.language import LEVEL, Action, Effect, Purpose, Request
from tests.licensing.consent import generated
from tests.licensing.consent.advice import readings, saying

Json = dict[str, Any]
Spent = Mapping[str, datetime | None]
# Many requests are no refusals, and how long making a world takes says how busy the machine is:
# neither says anything about the changes.
fairly = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def allowed(request: Request, world: list[Json], spent: Spent) -> bool:
    """As whoever owns the subjects in the territory of `request` is asked, at its moment."""
    still = [v for v, until in spent.items() if until is None or until > request.at]
    asked = generated.as_asked(world, request.territory)
    return decide(request, asked, spent=still).outcome is Effect.ALLOW


@fairly
@given(generated.requests, generated.shared_worlds(), st.data())
def test_what_is_said_to_be_allowed_would_have_been_and_no_part_of_it(
    request: Json, world: list[Json], data: st.DataObject
) -> None:
    wanted = generated.as_request(request)
    spent = spent_at(wanted, data.draw(generated.spent_of(world)))
    assume(not allowed(wanted, world, spent))
    asked = generated.as_asked(world, wanted.territory)
    for changes in smallest_changes(wanted, asked, spent=spent):
        for changed in readings(wanted, changes):
            assert allowed(changed, world, spent), changes
        for fewer in range(1, len(changes)):
            for part in combinations(changes, fewer):
                for changed in readings(wanted, part):
                    assert not allowed(changed, world, spent), part


@fairly
@given(generated.requests, generated.shared_worlds(most=1))
def test_every_single_fact_that_would_help_is_told(request: Json, world: list[Json]) -> None:
    wanted = generated.as_request(request)
    assume(not allowed(wanted, world, {}))
    helpful = {fact for fact, changed in otherwise(wanted) if allowed(changed, world, {})}
    options = smallest_changes(wanted, generated.as_asked(world, wanted.territory))
    if helpful:
        assert all(len(changes) == 1 for changes in options)
        told = {changes[0].fact for changes in options}
        assert helpful <= told or len(options) == OPTIONS


@fairly
@given(generated.requests, generated.shared_worlds(most=1))
def test_where_two_facts_would_do_no_three_are_told(request: Json, world: list[Json]) -> None:
    wanted = generated.as_request(request)
    assume(not allowed(wanted, world, {}))
    options = smallest_changes(wanted, generated.as_asked(world, wanted.territory))
    if options and len(options[0]) > 2:
        for changed in (changed for fact, changed in otherwise(wanted) if fact != "action"):
            for fact, again in otherwise(changed):
                assert fact == "action" or not allowed(again, world, {})


def spent_at(request: Request, drawn: Spent) -> Spent:
    """What is still without room when it is asked."""
    return {v: until for v, until in drawn.items() if until is None or until > request.at}


def otherwise(request: Request) -> Iterator[tuple[str, Request]]:
    """Every request that says one fact otherwise, or says it at all, as far as anybody would say it:
    without some of what it shows or says or of whom it shows, and no earlier than now."""
    for fact, values in VALUES.items():
        for value in values:
            yield fact, saying(request, fact, value)
    for axis in ("violence", "fear"):
        for level in LEVEL.values():
            yield axis, replace(request, ratings={**request.ratings, axis: level})
    for fact in ("codes", "words"):
        for fewer in subsets(getattr(request, fact) or ()):
            yield fact, saying(request, fact, frozenset(fewer))
    for fewer in subsets(request.co_subjects or ()):
        yield "co_subjects", replace(request, co_subjects=tuple(fewer))
    for moment in generated.MOMENTS:
        if moment > request.at:
            yield "at", replace(request, at=moment)


def subsets(values: Any) -> Iterator[tuple[Any, ...]]:
    for size in range(len(values) + 1):
        yield from combinations(values, size)


VALUES: dict[str, tuple[Any, ...]] = {
    "territory": (*generated.TERRITORIES, "JP"),
    "purpose": tuple(map(str, Purpose)),
    "action": tuple(map(str, Action)),
    "audience": ("self", "approved", "mutuals", "everyone"),
    "channel": ("app", "web", "tv"),
    "language": ("en", "de", "fr"),
    "model": ("x-1", "x-2", "x-3"),
    "viewer_age": (0, 13, 18),
    "depicted_age": (0, 18, 21),
    "duration": (0, 5, 10, 60),
    "resolution": (0, 720, 1080, 9000),
    "remix_depth": (0, 1, 5),
}

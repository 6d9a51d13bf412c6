"""Who shares in what a generation earns: the rule by hand, and the database doing the same."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from licensing.settlement.entitlements import WHOLE, Parent, direct_vector, vector_of
from licensing.settlement.models import Run
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.builders import Made, Studio, build_batch, review

PERCENT = 10**6
weights = st.dictionaries(st.sampled_from("abcde"), st.integers(1, 10**6), min_size=1, max_size=4)


def test_subjects_share_by_weight_and_ties_go_to_the_lowest_id() -> None:
    assert direct_vector({"a": 1, "b": 1, "c": 1}) == {
        "a": 33_333_334,
        "b": 33_333_333,
        "c": 33_333_333,
    }
    assert direct_vector({"a": 3, "b": 1}) == {"a": 75_000_000, "b": 25_000_000}


def test_a_parent_takes_its_percentage_and_the_remix_keeps_the_rest() -> None:
    parent = Parent(weights={"p": 1, "q": 1}, takes={"p": 10 * PERCENT, "q": 10 * PERCENT})
    vector = vector_of({"a": 3, "b": 1}, [parent])
    assert vector.inherited == {"p": 5_000_000, "q": 5_000_000}
    assert vector.direct == {"a": 67_500_000, "b": 22_500_000}


def test_each_subject_of_a_parent_takes_by_its_own_agreement() -> None:
    vector = vector_of({"a": 1}, [Parent(weights={"p": 1, "q": 3}, takes={"p": 20 * PERCENT})])
    assert vector.inherited == {"p": 5_000_000}
    assert vector.direct == {"a": 95_000_000}


def test_several_parents_each_take_theirs() -> None:
    parents = [
        Parent(weights={name: 1}, takes={name: percent * PERCENT})
        for name, percent in (("p", 10), ("q", 15), ("r", 20))
    ]
    vector = vector_of({"a": 1}, parents)
    assert vector.inherited == {"p": 10_000_000, "q": 15_000_000, "r": 20_000_000}
    assert vector.direct == {"a": 55_000_000}


def test_parents_that_would_take_more_than_everything_are_scaled_to_it() -> None:
    parents = [
        Parent(weights={name: 1}, takes={name: percent * PERCENT})
        for name, percent in (("p", 90), ("q", 60))
    ]
    vector = vector_of({"a": 1}, parents)
    assert vector.inherited == {"p": 60_000_000, "q": 40_000_000}
    assert vector.direct == {"a": 0}


@given(
    own=weights,
    parents=st.lists(st.tuples(weights, st.integers(0, 100 * PERCENT)), max_size=4),
)
def test_a_vector_adds_up_whatever_is_remixed(
    own: dict[str, int], parents: list[tuple[dict[str, int], int]]
) -> None:
    vector = vector_of(
        own,
        [Parent(weights=theirs, takes=dict.fromkeys(theirs, takes)) for theirs, takes in parents],
    )
    parts = [*vector.direct.values(), *vector.inherited.values()]
    assert sum(parts) == WHOLE
    assert min(parts) >= 0
    assert set(vector.direct) == set(own)


@st.composite
def lineages(draw: st.DrawFn) -> list[tuple[dict[int, int], list[int]]]:
    """Generations by their subjects' weights and the earlier ones they remix."""
    made: list[tuple[dict[int, int], list[int]]] = []
    for number in range(draw(st.integers(1, 7))):
        cast = draw(st.dictionaries(st.integers(0, 4), st.integers(1, 9), min_size=1, max_size=4))
        earlier = st.sets(st.integers(0, number - 1), max_size=3) if number else st.just(set())
        made.append((cast, sorted(draw(earlier))))
    return made


@pytest.mark.django_db
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(made=lineages(), percents=st.lists(st.integers(0, 10**8), min_size=3, max_size=3))
def test_the_database_entitles_like_the_rule(
    made: list[tuple[dict[int, int], list[int]]], percents: list[int]
) -> None:
    studios = [Studio() for _ in percents]
    platform = studios[0].platform
    for studio, percent in zip(studios, percents, strict=True):
        remix = str(Decimal(percent) / PERCENT)
        build_agreement(platform, studio.owner, terms=build_terms(remix_percent=remix))
    # The fifth character is nobody's who agreed to anything: its remixes give it nothing.
    cast = [studios[n % 3].character() for n in range(4)] + [Studio().character()]
    takes = {str(character.pk): percents[n % 3] if n < 4 else 0 for n, character in enumerate(cast)}
    build_batch(
        platform,
        [
            Made(
                subjects={cast[index]: weight for index, weight in weights.items()},
                licensed=True,
                name=f"g-{number}",
                parents=[f"g-{parent}" for parent in parents],
            )
            for number, (weights, parents) in enumerate(made)
        ],
    )
    expected: Counter[tuple[str, str]] = Counter()
    for weights, parents in made:
        vector = vector_of(
            _named(cast, weights),
            [Parent(weights=_named(cast, made[n][0]), takes=takes) for n in parents],
        )
        expected.update({(subject, "direct"): part for subject, part in vector.direct.items()})
        expected.update(
            {(subject, "inherited"): part for subject, part in vector.inherited.items()}
        )
    assert _rated(review(studios[0])) == {key: part for key, part in expected.items() if part}


def _named(cast: list[Any], weights: dict[int, int]) -> dict[str, int]:
    return {str(cast[index].pk): weight for index, weight in weights.items()}


def _rated(run: Run) -> dict[tuple[str, str], int]:
    parts: Counter[tuple[str, str]] = Counter()
    for line in run.lines.all():
        parts[str(line.subject_id), line.basis] += int(line.entitled_generations * WHOLE)
    return {key: part for key, part in parts.items() if part}

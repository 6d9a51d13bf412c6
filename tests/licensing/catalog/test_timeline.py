"""The picture of shares over time: whole at every moment, and in the order of days."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from licensing.catalog.timeline import HEIGHT, WIDTH, Step, draw_timeline

TODAY = date(2026, 10, 15)


@st.composite
def histories(draw: st.DrawFn) -> list[Step]:
    days = sorted(draw(st.sets(st.integers(-3000, 3000), min_size=1, max_size=8)))
    steps = []
    for day in days:
        parts = draw(
            st.dictionaries(st.sampled_from("abcde"), st.integers(1, 50), min_size=1, max_size=5)
        )
        whole = sum(parts.values())
        shares = {owner: Fraction(part, whole) for owner, part in parts.items()}
        steps.append(Step(since=TODAY + timedelta(days=day), shares=shares))
    return steps


@given(steps=histories())
def test_at_every_step_the_whole_is_covered_once(steps: list[Step]) -> None:
    timeline = draw_timeline(steps, today=TODAY)
    assert timeline.begins <= TODAY < timeline.ends
    assert 0 <= timeline.today < WIDTH
    assert len(timeline.areas) == sum(len(step.shares) for step in steps)
    for step in steps:
        areas = [area for area in timeline.areas if area.since == step.since]
        assert sum(area.height for area in areas) == HEIGHT
        assert sorted(area.y for area in areas)[0] == 0
        assert len({(area.x, area.width) for area in areas}) == 1
        assert all(0 <= area.x < WIDTH for area in areas)
    assert max(area.x + area.width for area in timeline.areas) >= WIDTH


def test_a_sole_owner_since_today_fills_the_picture() -> None:
    timeline = draw_timeline([Step(since=TODAY, shares={"a": Fraction(1)})], today=TODAY)
    (area,) = timeline.areas
    assert (area.x, area.y, area.width, area.height) == (0, 0, WIDTH, HEIGHT)


def test_thirds_leave_no_gap() -> None:
    thirds = {name: Fraction(1, 3) for name in "abc"}
    timeline = draw_timeline([Step(since=TODAY, shares=thirds)], today=TODAY)
    edges = [(area.y, area.y + area.height) for area in timeline.areas]
    assert edges == [(0, 33), (33, 67), (67, 100)]

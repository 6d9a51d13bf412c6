"""Whatever is recorded when: what has been priced stays, and what it all comes to is one and the same.

The same timeline happens for real, on PostgreSQL, and in `naive`, which has no differences, parts or
SQL. Corrections of reports will be further events of it.
"""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings

from tests.licensing.settlement.histories import PATIENTLY
from tests.licensing.settlement.naive import Naive
from tests.licensing.settlement.timelines import (
    Event,
    Generation,
    Owned,
    Report,
    Settle,
    Signed,
    TakeBack,
    World,
    timelines,
)

pytestmark = pytest.mark.django_db

LAST_DAY = 31


def made(number: int, subject: int, day: int, *parents: int, medium: str = "image") -> Report:
    return Report((Generation(number, day, medium, "", 4, ((subject, 1),), parents),))


def signed(scope: str, day: int, remix: str = "10", image: str = "1") -> Signed:
    return Signed(scope, day, "15", remix, image, None)


# A remix is settled without any agreement; then its own is backdated, and its parent reported.
BACKDATED_IN_BETWEEN: list[tuple[int, Event]] = [
    (5, signed("everything 1", 1)), (5, made(1, 0, 4, 0)), (5, Settle()),
    (6, signed("everything 0", 1)), (7, made(0, 2, 2)), (8, Settle()),
]  # fmt: skip
# A more specific agreement, new terms and new owners that would all reprice this morning's usage.
DATED_TODAY: list[tuple[int, Event]] = [
    (5, signed("everything 0", 1)), (6, made(0, 0, 6)), (6, Settle()),
    (6, signed("subject 0", 1, image="0.000000037")), (6, signed("everything 0", 6)),
    (6, Owned(0, "", 6, ((1, 1),))), (6, Owned(0, "DE", 6, ((1, 1),))), (7, Settle()),
]  # fmt: skip
# A known parent nobody agreed anything over, and that nobody owned, until later.
AGREED_LATER: list[tuple[int, Event]] = [
    (5, signed("everything 0", 1)), (5, made(0, 3, 2)), (5, made(1, 0, 4, 0)), (5, Settle()),
    (6, signed("everything 2", 1, remix="33.333333")), (6, Settle()),
    (7, Owned(3, "", 1, ((0, 1), (2, 2)))), (7, Settle()),
]  # fmt: skip
# A run is taken back, its day gets another price before it is run again, and then a late parent.
SETTLED_TOO_EARLY: list[tuple[int, Event]] = [
    (5, signed("everything 0", 1)), (5, made(1, 0, 4, 0)), (5, Settle()), (5, made(2, 1, 3)),
    (6, Settle()), (6, TakeBack()), (6, Settle()), (6, TakeBack()), (6, TakeBack()), (6, TakeBack()),
    (6, signed("subject 0", 1, image="0.000000037")), (7, Settle()), (8, made(0, 2, 2)),
    (8, signed("everything 1", 1)), (8, Settle()), (8, TakeBack()), (9, Settle()),
]  # fmt: skip


def earnings_follow_from_what_was_first_settled(timeline: list[tuple[int, Event]]) -> None:
    """At each run earnings are those by the first price of everything, and what would change one is
    refused, and nothing else; in the end they are those of the same records without any history."""
    world, naive = World(), Naive()
    accepted: list[tuple[int, Event]] = []
    for today, event in timeline:
        forbidden = isinstance(event, Signed | Owned) and naive.would_change(event)
        outcome = world.happen(today, event)
        assert (outcome == "settled_time") <= forbidden, event
        if outcome != "done":
            continue
        assert not forbidden, event
        accepted.append((today, event))
        if isinstance(event, Settle):
            assert world.earned() == naive.settle()
        elif isinstance(event, TakeBack):
            assert world.earned() == naive.take_back()
        else:
            naive.hear(event)
    world.settle(LAST_DAY)
    in_many_runs = world.earned()
    assert in_many_runs == naive.settle()

    without_history, at_once = Naive(), World()
    papers = [(today, event) for today, event in accepted if isinstance(event, Signed | Owned)]
    reports = [(today, event) for today, event in accepted if isinstance(event, Report)]
    for today, event in papers + reports[::-1]:
        assert at_once.happen(today, event) == "done"
        without_history.hear(event)  # type: ignore[arg-type]
    assert without_history.settle() == in_many_runs
    at_once.settle(LAST_DAY)
    assert at_once.earned() == in_many_runs


@settings(PATIENTLY, max_examples=8)
@given(timeline=timelines())
@example(timeline=BACKDATED_IN_BETWEEN)
@example(timeline=DATED_TODAY)
@example(timeline=AGREED_LATER)
@example(timeline=SETTLED_TOO_EARLY)
def test_earnings_never_depend_on_what_was_recorded_after_the_first_rating(
    timeline: list[tuple[int, Event]],
) -> None:
    earnings_follow_from_what_was_first_settled(timeline)


@pytest.mark.faults
@pytest.mark.timeout(900)
@settings(PATIENTLY, max_examples=80)
@given(timeline=timelines())
def test_nor_in_many_more_timelines(timeline: list[tuple[int, Event]]) -> None:
    earnings_follow_from_what_was_first_settled(timeline)

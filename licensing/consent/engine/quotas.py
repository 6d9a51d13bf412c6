"""When a quota's interval begins and ends, and when a rule has room again: the calendar's, in UTC."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from licensing.consent.engine.compiling import CompiledRule
from licensing.consent.engine.deciding import Asked, company_of
from licensing.consent.engine.language import Effect, Interval, Quota, Request

# When a quota without an interval begins to be counted: before there was any rule.
EVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)
# From the first of a month this leads into the next one.
_INTO_NEXT_MONTH: Final = timedelta(days=31)


def begin(per: Interval, at: datetime) -> datetime:
    """The beginning of the interval that `at` lies in."""
    at = at.astimezone(UTC)
    if per is Interval.TOTAL:
        return EVER
    if per is Interval.HOUR:
        return at.replace(minute=0, second=0, microsecond=0)
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if per is Interval.DAY else day.replace(day=1)


def end(per: Interval, at: datetime) -> datetime | None:
    """The end of that interval, which is the beginning of the next; None if there is none."""
    start = begin(per, at)
    if per is Interval.TOTAL:
        return None
    if per is Interval.HOUR:
        return start + _HOUR
    if per is Interval.DAY:
        return start + _DAY
    return (start + _INTO_NEXT_MONTH).replace(day=1)


def without_room(
    quotas: Sequence[Quota], *, used: Callable[[Quota], int], units: int
) -> tuple[Quota, ...]:
    """Those of `quotas` that do not have room for `units` more."""
    return tuple(quota for quota in quotas if used(quota) + units > quota.count)


def room_again(full: Sequence[Quota], *, at: datetime, units: int) -> datetime | None:
    """When quotas that are `full` at `at` all have room for `units` again; None if they never do."""
    latest = at
    for quota in full:
        over = end(quota.per, at)
        if over is None or units > quota.count:
            return None
        latest = max(latest, over)
    return latest


def covering(request: Request, asked: Sequence[Asked]) -> Iterator[CompiledRule]:
    """The rules with a quota that cover `request`: those that an allow may draw on."""
    for subject in asked:
        company = company_of(request, asked, subject)
        for _, book in subject.consents:
            if book.limited:
                for rule in book.speaking(subject.chain, request):
                    if (
                        rule.body.quotas
                        and rule.effect is not Effect.DENY
                        and rule.covers(request, company)
                    ):
                        yield rule

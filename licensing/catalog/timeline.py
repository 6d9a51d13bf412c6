"""Shares over time as a picture of steps: where each owner's part begins and ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction
from typing import Final

WIDTH: Final = 1000
HEIGHT: Final = 100
# How far a picture goes beyond the last day it knows, as a part of all its days.
_BEYOND: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Who owns what from a day on; shares by owner, adding up to 1."""

    since: date
    shares: Mapping[str, Fraction]


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """One owner's part between two steps, in a picture of 1000 by 100."""

    owner: str
    share: Fraction
    since: date
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The picture: its areas, where today lies, and the days at its two ends."""

    areas: tuple[Area, ...]
    today: int
    begins: date
    ends: date


def draw_timeline(steps: Sequence[Step], *, today: date) -> Timeline:
    """The picture of `steps`, at least one, in the order of their days.

    It ends some time after the last step and after today. An owner keeps its height as far as
    shares allow, for owners are stacked in the order in which they first appear.
    """
    begins = min(steps[0].since, today)
    last = max(steps[-1].since, today)
    ends = last + timedelta(days=max(1, (last - begins).days // _BEYOND))
    days = (ends - begins).days

    def place(day: date) -> int:
        return round((day - begins).days * WIDTH / days)

    order = list(dict.fromkeys(owner for step in steps for owner in step.shares))
    areas: list[Area] = []
    for step, following in zip(steps, [*steps[1:], None], strict=True):
        x, end = place(step.since), place(following.since) if following else WIDTH
        covered = Fraction(0)
        for owner in order:
            share = step.shares.get(owner)
            if share is None:
                continue
            top, covered = covered, covered + share
            y = round(top * HEIGHT)
            areas.append(
                Area(
                    owner=owner,
                    share=share,
                    since=step.since,
                    x=x,
                    y=y,
                    width=max(1, end - x),
                    height=round(covered * HEIGHT) - y,
                )
            )
    return Timeline(areas=tuple(areas), today=place(today), begins=begins, ends=ends)

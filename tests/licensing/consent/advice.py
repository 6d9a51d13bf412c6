"""Requests that follow the advice which a refusal gives, to the letter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from licensing.consent.engine.language import LEVEL, Change, Request


def readings(request: Request, changes: Sequence[Change]) -> list[Request]:
    """Requests that follow all of `changes`, at both ends of what each of them offers."""
    ends = [request]
    for change in changes:
        ends = [followed(one, change, last=last) for one in ends for last in (False, True)]
    return ends


def followed(request: Request, change: Change, *, last: bool) -> Request:
    """One that follows `change`: with the first of what it offers, or the last."""
    fact, relation = change.fact, change.relation
    value: Any = change.values[-1 if last else 0] if change.values else ()
    if fact in ("violence", "sexual", "fear", "drugs", "profanity"):
        level = LEVEL[value] if relation == "one_of" or last else 0
        return replace(request, ratings={**request.ratings, fact: level})
    if fact in ("codes", "words"):
        kept = (getattr(request, fact) or frozenset()) - set(change.values)
        return saying(request, fact, kept)
    if fact == "co_subjects":
        others = request.co_subjects or ()
        kept_others = tuple(o for o in others if o.isdisjoint(change.values))
        return saying(request, fact, () if relation == "none" else kept_others)
    if fact == "at":
        return saying(request, fact, datetime.fromisoformat(value))
    if relation == "none_of":
        return saying(request, fact, "something else")
    if relation == "at_least" and last:
        value += 1000
    if relation == "at_most" and not last:
        value = 0
    return saying(request, fact, value)


def saying(request: Request, fact: str, value: Any) -> Request:
    """The request with another value of one fact."""
    said: dict[str, Any] = {fact: value}
    return replace(request, **said)

"""The smallest changes that would have been allowed, found by asking the engine itself.

Values that every rule treats alike are tried once, as a class; one class holds whatever no rule
names. The search is bounded, so it may miss a set of several changes, but never offers a wrong one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations, product
from types import MappingProxyType
from typing import Any, Final

from licensing.consent.compiling import CompiledRule
from licensing.consent.engine import Asked, company_of, decide
from licensing.consent.language import (
    LEVELS,
    Action,
    Audience,
    Axis,
    Change,
    Effect,
    Purpose,
    Request,
    RuleBody,
)

# How often the engine may be asked for one refusal, and how many answers are given.
EVALUATIONS: Final = 160
MOST_FACTS: Final = 3
OPTIONS: Final = 8
# Rule versions whose quota has no room, each with the moment from which it has room again, if ever.
Spent = Mapping[str, datetime | None]
NONE_SPENT: Final[Spent] = MappingProxyType({})
# A value that no rule names. No territory, purpose or model is written so.
_OTHER: Final = "\x00other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Class:
    """Values of one fact that every rule treats alike, by one of them."""

    fact: str
    value: Any
    change: Change
    # Of a stretch of whole numbers that begins with `value`: its end, or none.
    high: int | None = None


def smallest_changes(
    request: Request, asked: Sequence[Asked], *, spent: Spent = NONE_SPENT
) -> tuple[tuple[Change, ...], ...]:
    """Sets of changes, each of which alone turns a refusal of `request` into an allow.

    All single changes if there are any, otherwise the first pairs or triples. Empty if nothing the
    platform could say would help, as when a kill switch is thrown. `spent` has every rule over the
    subjects without room, whatever the action it speaks of.
    """
    if any(subject.holds or not subject.consents for subject in asked):
        return ()
    search = Search(request=request, asked=asked, spent=spent)
    facts = sorted({*search.telling(), "action"})
    classes = {fact: search.classes(fact) for fact in facts}
    singles = [search.single(classes[fact]) for fact in facts]
    found: list[tuple[Change, ...]] = [(change,) for change in singles if change is not None]
    for size in range(2, MOST_FACTS + 1):
        if found:
            break
        for several in combinations(facts, size):
            works = search.several([classes[fact] for fact in several])
            if works is not None:
                found.append(works)
    return tuple(found[:OPTIONS])


class Search:
    """One bounded search over changed requests."""

    def __init__(self, *, request: Request, asked: Sequence[Asked], spent: Spent) -> None:
        self.request = request
        self.asked = asked
        self.spent = spent
        self.left = EVALUATIONS
        self.rules = [
            (rule, company_of(request, asked, subject))
            for subject in asked
            for _, book in subject.consents
            for rule in book.speaking(subject.chain, request)
        ]
        self.bodies = [rule.body for rule, _ in self.rules]

    def telling(self) -> Iterator[str]:
        """The facts that a refusal hangs on: what allows miss, and what a covering deny covers."""
        for rule, company in self.rules:
            for condition in rule.conditions:
                result = condition.test(self.request, company)
                # An allow hangs on what does not hold, any other rule on what does or might.
                if (not result) if rule.effect is Effect.ALLOW else (result is not False):
                    yield condition.fact
            if self.spent.get(rule.version) is not None:
                yield "at"

    def single(self, classes: Sequence[Class]) -> Change | None:
        """The widest change of one fact that is allowed."""
        good = [one for one in classes if self._allowed((one,))]
        return joined(good, classes) if good else None

    def several(self, facts: Sequence[Sequence[Class]]) -> tuple[Change, ...] | None:
        """The first combination of one class of each fact that is allowed."""
        for combination in product(*facts):
            if self._allowed(combination):
                return tuple(one.change for one in combination)
        return None

    def _allowed(self, changed: Iterable[Class]) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        request = self.request
        for one in changed:
            request = with_fact(request, one.fact, one.value)
        spent = _still(self.spent, request.at)
        return decide(request, self.asked, spent=spent).outcome is Effect.ALLOW

    def classes(self, fact: str) -> list[Class]:
        """What could be said of `fact` instead."""
        if fact in _AXES:
            return [_stretch(fact, level, level) for level in range(len(LEVELS))]
        if fact in _LEAST or fact in _MOST:
            return self._stretches(fact)
        if fact == "at":
            return self._later()
        if fact in ("codes", "words"):
            return self._without(fact)
        if fact == "co_subjects":
            return self._company()
        return self._named(fact)

    def _stretches(self, fact: str) -> list[Class]:
        """Whole numbers cut where some rule's bound lies."""
        field, beyond = (_LEAST[fact], 0) if fact in _LEAST else (_MOST[fact], 1)
        bounds = {getattr(body, field) for body in self.bodies} - {None}
        starts = sorted({0, *(bound + beyond for bound in bounds)})
        return [
            _stretch(fact, start, end - 1 if end is not None else None)
            for start, end in zip(starts, [*starts[1:], None], strict=True)
        ]

    def _later(self) -> list[Class]:
        """The moments to come at which some rule begins or ends, or has room again."""
        turns = {body.window_from for body in self.bodies} | {b.window_to for b in self.bodies}
        turns.update(self.spent.values())
        coming = sorted(turn for turn in turns if turn is not None and turn > self.request.at)
        return [
            Class(
                fact="at",
                value=turn,
                change=Change(fact="at", relation="from", values=(turn.isoformat(),)),
            )
            for turn in coming
        ]

    def _without(self, fact: str) -> list[Class]:
        """The same without what some rule forbids."""
        forbidden = frozenset[str]().union(
            *(getattr(body, f"forbidden_{fact}") for body in self.bodies)
        )
        said: frozenset[str] = getattr(self.request, fact) or frozenset()
        change = Change(fact=fact, relation="none_of", values=tuple(sorted(forbidden)))
        return [Class(fact=fact, value=said - forbidden, change=change)]

    def _company(self) -> list[Class]:
        """The same company without those whom some rule does not want, or saying there is none."""
        unwelcome = frozenset[str]().union(*(body.never_with for body in self.bodies))
        lists = [body.only_with for body in self.bodies if body.only_with is not None]
        said = self.request.co_subjects or ()
        kept = tuple(
            other
            for other in said
            if unwelcome.isdisjoint(other) and not any(only.isdisjoint(other) for only in lists)
        )
        gone = unwelcome.union(*(other for other in said if other not in kept))
        values = tuple(sorted(gone.difference(*kept))) if kept else ()
        change = Change(fact="co_subjects", relation="none_of" if kept else "none", values=values)
        return [Class(fact="co_subjects", value=kept, change=change)]

    def _named(self, fact: str) -> list[Class]:
        """Values from lists, one for each way in which all the rules treat them."""
        values: Iterable[str]
        if fact in _CLOSED:
            values = _CLOSED[fact]
        elif fact in _LISTED:
            values = {value for body in self.bodies for value in _values(body, fact)} | {_OTHER}
        else:
            return []
        alike: dict[Hashable, list[str]] = {}
        for value in sorted(str(value) for value in values):
            # Each action is another set of rules, so no two are known to be alike.
            way: Hashable = value if fact == "action" else self._way(fact, value)
            alike.setdefault(way, []).append(value)
        return [
            Class(fact=fact, value=group[0], change=_named_change(fact, group, self.bodies))
            for group in alike.values()
        ]

    def _way(self, fact: str, value: str) -> Hashable:
        changed = with_fact(self.request, fact, value)
        return tuple(_result(rule, fact, changed) for rule, _ in self.rules)


def _still(spent: Spent, at: datetime) -> Spent:
    """Those of `spent` that have no room at `at` either."""
    return {version: until for version, until in spent.items() if until is None or at < until}


def with_fact(request: Request, fact: str, value: Any) -> Request:
    """The request saying `value` of `fact`, whatever it said of it before."""
    if fact in _AXES:
        return replace(request, ratings={**request.ratings, fact: value})
    if fact == "words":
        return replace(request, words=value, unsearched=frozenset())
    said: dict[str, Any] = {fact: value}
    return replace(request, **said)


def _result(rule: CompiledRule, fact: str, request: Request) -> tuple[bool | None, ...]:
    return tuple(
        condition.test(request, ()) for condition in rule.conditions if condition.fact == fact
    )


_AXES: Final = frozenset(str(axis) for axis in Axis)
_LEAST: Final = {"viewer_age": "viewer_age_min", "depicted_age": "depicted_age_min"}
_MOST: Final = {
    "duration": "duration_max",
    "resolution": "resolution_max",
    "remix_depth": "remix_depth_max",
}
_CLOSED: Final[dict[str, Iterable[str]]] = {
    "action": Action,
    "purpose": Purpose,
    "audience": Audience,
}
_LISTED: Final = {
    "territory": "territories",
    "channel": "channels",
    "language": "languages",
    "model": "models",
}


def _values(body: RuleBody, fact: str) -> frozenset[str]:
    said = getattr(body, _LISTED[fact])
    if said is None:
        return frozenset()
    listed: frozenset[str] = said if isinstance(said, frozenset) else said.values
    return listed


def _stretch(fact: str, low: int, high: int | None) -> Class:
    return Class(fact=fact, value=low, change=_between(fact, low, high), high=high)


def _between(fact: str, low: int, high: int | None) -> Change:
    """Whole numbers, or levels of a rating, from `low` to `high`; None is without end."""
    if fact in _AXES:
        names = LEVELS[low : len(LEVELS) if high is None else high + 1]
        if low == 0:
            return Change(fact=fact, relation="at_most", values=names[-1:])
        return Change(fact=fact, relation="one_of", values=names)
    if high is None:
        return Change(fact=fact, relation="at_least", values=(low,))
    if low == 0:
        return Change(fact=fact, relation="at_most", values=(high,))
    return Change(fact=fact, relation="between", values=(low, high))


def _named_change(fact: str, group: Sequence[str], bodies: Sequence[RuleBody]) -> Change:
    if _OTHER not in group:
        return Change(fact=fact, relation="one_of", values=tuple(group))
    listed = {value for body in bodies for value in _values(body, fact)} - set(group)
    return Change(fact=fact, relation="none_of", values=tuple(sorted(listed)))


def joined(good: Sequence[Class], classes: Sequence[Class]) -> Change:
    """One change that says all the good classes, or the first stretch of neighbours among them."""
    first = good[0]
    if first.fact in _AXES or first.fact in _LEAST or first.fact in _MOST:
        last = first
        for one in good[1:]:
            if last.high is None or one.value != last.high + 1:
                break
            last = one
        return _between(first.fact, first.value, last.high)
    if first.fact not in _CLOSED and first.fact not in _LISTED:
        return first.change
    if any(one.change.relation == "none_of" for one in good):
        bad = {
            value
            for one in classes
            if one not in good and one.change.relation == "one_of"
            for value in one.change.values
        }
        return Change(fact=first.fact, relation="none_of", values=tuple(sorted(bad, key=str)))
    values = {value for one in good for value in one.change.values}
    return Change(fact=first.fact, relation="one_of", values=tuple(sorted(values, key=str)))

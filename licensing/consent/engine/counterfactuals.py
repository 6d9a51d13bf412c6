"""The smallest changes that would have been allowed, found by asking the engine itself.

Values that every rule treats alike are tried once, as a class; one class holds whatever no rule
names. In another territory others may have to consent, so there the engine asks those. The search
is bounded, so it may miss a set of several changes, but never offers a wrong one, nor a larger one
where it has found a smaller.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations, product
from types import MappingProxyType
from typing import Any, Final, TypeVar

from licensing.consent.engine.compiling import CompiledRule
from licensing.consent.engine.conditions import Company
from licensing.consent.engine.deciding import Asked, allows, company_of
from licensing.consent.engine.language import (
    LEVELS,
    Action,
    Audience,
    Axis,
    Change,
    Decision,
    Effect,
    Purpose,
    Request,
    RuleBody,
)

# How often the engine may be asked for one refusal, and how many answers are given.
EVALUATIONS: Final = 600
MOST_FACTS: Final = 3
OPTIONS: Final = 8
# Rule versions whose quota has no room, each with the moment from which it has room again, if ever.
Spent = Mapping[str, datetime | None]
NONE_SPENT: Final[Spent] = MappingProxyType({})
# After how many ways of leaving something out no more are made up.
_TOGETHER: Final = 32
_Part = TypeVar("_Part", str, tuple[str, ...])
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

    All single changes if there are any, otherwise the first pairs or triples. Another action is
    proposed by itself: with something else besides it would be another request. Empty if nothing the
    platform could say would help, as when a kill switch is thrown. `spent` has every rule over the
    subjects without room, whatever the action it speaks of and wherever it is asked.
    """
    if any(all(there.stopped for there in subject.everywhere()) for subject in asked):
        return ()
    search = Search(request=request, asked=asked, spent=spent)
    facts = sorted(set(search.telling()))
    classes = {fact: search.classes(fact) for fact in (*facts, "action")}
    singles = [search.single(classes[fact]) for fact in sorted(classes)]
    single: list[tuple[Change, ...]] = [(change,) for change in singles if change is not None]
    if single:
        return tuple(single[:OPTIONS])
    found: list[tuple[Sequence[Sequence[Class]], tuple[Class, ...]]] = []
    for size in range(2, MOST_FACTS + 1):
        for several in combinations(facts, size):
            offered = [classes[fact] for fact in several]
            works = search.several(offered)
            if works is not None:
                found.append((offered, works))
        if found:
            break
    # What is found comes before how wide it is: both are bounded together.
    return tuple(search.widest(offered, works) for offered, works in found[:OPTIONS])


def with_changes(
    decision: Decision, request: Request, asked: Sequence[Asked], spent: Spent
) -> Decision:
    """The decision on `request`, with what would have been allowed if it is a refusal."""
    if decision.outcome is not Effect.DENY:
        return decision
    return replace(decision, would_allow=smallest_changes(request, asked, spent=spent))


class Search:
    """One bounded search over changed requests."""

    def __init__(self, *, request: Request, asked: Sequence[Asked], spent: Spent) -> None:
        self.request = request
        self.asked = asked
        self.spent = spent
        self.left = EVALUATIONS
        self.rules = list(self._rules())
        self.bodies = [rule.body for rule, _ in self.rules]

    def _rules(self) -> Iterator[tuple[CompiledRule, Company]]:
        """The rules over each subject of all who own it anywhere, with whom it would appear."""
        for subject in self.asked:
            company = company_of(self.request, self.asked, subject)
            books = {
                holder: book for there in subject.everywhere() for holder, book in there.consents
            }
            for book in books.values():
                for rule in book.speaking(subject.chain, self.request):
                    yield rule, company

    def telling(self) -> Iterator[str]:
        """The facts that a refusal hangs on: what allows miss, and what a covering deny covers."""
        if any(subject.elsewhere for subject in self.asked):
            yield "territory"
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

    def several(self, facts: Sequence[Sequence[Class]]) -> tuple[Class, ...] | None:
        """The first combination of one class of each fact that is allowed."""
        return next((these for these in product(*facts) if self._allowed(these)), None)

    def widest(
        self, facts: Sequence[Sequence[Class]], works: Sequence[Class]
    ) -> tuple[Change, ...]:
        """`works` with each change as wide as it can be, one after the other: whatever all of them
        leave to be said is allowed together."""
        ways: list[list[Class]] = [[one] for one in works]
        changes = []
        for place, classes in enumerate(facts):
            others = [*ways[:place], *ways[place + 1 :]]
            ways[place] += [
                one
                for one in classes
                if one is not works[place]
                and all(self._allowed((one, *rest)) for rest in product(*others))
            ]
            ways[place].sort(key=classes.index)
            changes.append(joined(ways[place], classes))
        return tuple(changes)

    def _allowed(self, changed: Iterable[Class]) -> bool:
        if self.left <= 0:
            return False
        self.left -= 1
        request, asked = self.request, self.asked
        for one in changed:
            request = with_fact(request, one.fact, one.value)
            if one.fact == "territory":
                asked = [subject.asked_in(one.value) for subject in asked]
        return allows(request, asked, spent=_still(self.spent, request.at))

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
        """The same without what allows forbid, the least first; all that they do if it is not said.

        Without what others forbid nothing more would be allowed: those speak of what is free of it.
        """
        forbidden = [getattr(body, f"forbidden_{fact}") for body in self._allowing()]
        said: frozenset[str] | None = getattr(self.request, fact)
        if said is None or (fact == "words" and self.request.unsearched):
            least = [everything] if (everything := frozenset[str]().union(*forbidden)) else []
        else:
            least = _together([said & those for those in forbidden])
        return [
            Class(
                fact=fact,
                value=(said or frozenset()) - gone,
                change=Change(fact=fact, relation="none_of", values=tuple(sorted(gone))),
            )
            for gone in least
        ]

    def _company(self) -> list[Class]:
        """The same company without those whom allows do not want, the fewest first; at last nobody."""
        said = [tuple(sorted(other)) for other in self.request.co_subjects or ()]
        unwanted = [
            frozenset(other for other in said if not _welcome(body, other))
            for body in self._allowing()
        ]
        found = []
        for gone in _together(unwanted):
            kept = [other for other in said if other not in gone]
            staying = frozenset[str]().union(*kept)
            # Whoever has to go is told by what nobody who stays is called.
            called = [staying.union(other) - staying for other in gone]
            if kept and all(called):
                values = tuple(sorted(frozenset[str]().union(*called)))
                change = Change(fact="co_subjects", relation="none_of", values=values)
                value = tuple(frozenset(other) for other in kept)
                found.append(Class(fact="co_subjects", value=value, change=change))
        if said or self.request.co_subjects is None:
            nobody = Change(fact="co_subjects", relation="none", values=())
            found.append(Class(fact="co_subjects", value=(), change=nobody))
        return found

    def _allowing(self) -> list[RuleBody]:
        return [body for body in self.bodies if body.effect is Effect.ALLOW]

    def _named(self, fact: str) -> list[Class]:
        """Values from lists, one for each way in which all the rules treat them."""
        values: set[str]
        if fact in _CLOSED:
            values = {str(value) for value in _CLOSED[fact]}
        elif fact in _LISTED:
            values = {value for body in self.bodies for value in _values(body, fact)} | {_OTHER}
        else:
            return []
        if fact == "territory":
            values.update(*(subject.elsewhere for subject in self.asked if subject.elsewhere))
            values.discard("")
        alike: dict[Hashable, list[str]] = {}
        for value in sorted(values):
            # Each action is another set of rules, so no two are known to be alike.
            way: Hashable = value if fact == "action" else self._way(fact, value)
            alike.setdefault(way, []).append(value)
        return [
            Class(fact=fact, value=group[0], change=_named_change(fact, group, values))
            for group in alike.values()
        ]

    def _way(self, fact: str, value: str) -> Hashable:
        ways = [
            condition.named.has(value)
            for rule, _ in self.rules
            for condition in rule.conditions
            if condition.fact == fact and condition.named is not None
        ]
        # In another territory it is another matter if others are asked.
        asked = [_whom(subject.asked_in(value)) for subject in self.asked if fact == "territory"]
        return (*asked, *ways)


def _whom(subject: Asked) -> Hashable:
    return subject.holds, tuple(holder for holder, _ in subject.consents)


def _welcome(body: RuleBody, other: Iterable[str]) -> bool:
    return body.never_with.isdisjoint(other) and (
        body.only_with is None or not body.only_with.isdisjoint(other)
    )


def _together(several: Iterable[frozenset[_Part]]) -> list[frozenset[_Part]]:
    """Whatever some of them have together, the smallest first; of very many just the first, and
    what all of them have."""
    parts = sorted(set(several) - {frozenset()}, key=_size)
    found: set[frozenset[_Part]] = set()
    for part in parts:
        found |= {part} | {part | other for other in found}
        if len(found) > _TOGETHER:
            found.add(frozenset().union(*parts))
            break
    return sorted(found, key=_size)


def _size(several: frozenset[Any]) -> tuple[int, list[Any]]:
    return len(several), sorted(several)


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


def _named_change(fact: str, group: Sequence[str], values: Set[str]) -> Change:
    if _OTHER not in group:
        return Change(fact=fact, relation="one_of", values=tuple(group))
    return Change(fact=fact, relation="none_of", values=tuple(sorted(values - set(group))))


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

"""What has to be said besides for a request to be allowed: pure, over what it leaves open.

An unknown fact never satisfies an allow, so a request that says little is refused although the
rules would allow it. This finds what it would have to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from licensing.consent.engine.compiling import CompiledRule
from licensing.consent.engine.counterfactuals import (
    NONE_SPENT,
    Class,
    Search,
    Spent,
    joined,
    with_fact,
)
from licensing.consent.engine.deciding import Asked, allows, company_of
from licensing.consent.engine.language import Change, Effect, Request

# How many ways of saying more are looked at, for one request.
COMPLETIONS: Final = 2000
_Domains = Mapping[str, Sequence[Class]]


def completion(
    request: Request, asked: Sequence[Asked], *, spent: Spent = NONE_SPENT
) -> tuple[Change, ...] | None:
    """What has to be said besides for `request` to be allowed, leaving what it says as it is.

    Empty if it is allowed as it stands; None if nothing that it leaves open would help. Of several
    ways the first that is found; bounded as the smallest changes are, so it may miss one where
    very many rules stand in each other's way.
    """
    if allows(request, asked, spent=spent):
        return ()
    found = _found(request, asked, spent)
    if found is None and request.territory is None:
        return _somewhere(request, asked, spent)
    return found


def _found(request: Request, asked: Sequence[Asked], spent: Spent) -> tuple[Change, ...] | None:
    if any(subject.stopped for subject in asked):
        return None
    return _Completing(request=request, asked=asked, spent=spent).found()


def _somewhere(request: Request, asked: Sequence[Asked], spent: Spent) -> tuple[Change, ...] | None:
    """What would do in one territory, of those in which not everyone is asked."""
    if not any(subject.elsewhere for subject in asked):
        return None
    for place in Search(request=request, asked=asked, spent=spent).classes("territory"):
        said = with_fact(request, "territory", place.value)
        found = _found(said, [subject.asked_in(place.value) for subject in asked], spent)
        if found is not None:
            return tuple(sorted((place.change, *found), key=lambda change: change.fact))
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Goal:
    """That one of a consent's allows covers; or that a rule of it that denies or asks does not, or
    else one of `answering`, which answer for good what it asks, does."""

    consent: int
    subject: Asked
    rules: Sequence[CompiledRule]
    wanted: bool
    answering: Sequence[CompiledRule] = ()


class _Completing:
    """A search through what could be said of each fact that a request leaves open.

    Every condition tests one fact, so each goal narrows what may be said of some facts, and
    whatever is left of all of them will do.
    """

    def __init__(self, *, request: Request, asked: Sequence[Asked], spent: Spent) -> None:
        self.search = Search(request=request, asked=asked, spent=spent)
        self.request, self.asked, self.spent = request, asked, spent
        self.left = COMPLETIONS
        self.open: dict[str, Sequence[Class]] = {}
        consents = [(subject, book) for subject in asked for _, book in subject.consents]
        allowing, others = [], []
        for number, (subject, book) in enumerate(consents):
            rules = book.speaking(subject.chain, request)
            goal = self._allowing(number, subject, rules)
            allowing.append(goal)
            others += [
                _Goal(
                    consent=number,
                    subject=subject,
                    rules=[rule],
                    wanted=False,
                    answering=[
                        allow
                        for allow in goal.rules
                        if rule.effect is Effect.NEEDS_APPROVAL and rule.rule in allow.answers
                    ],
                )
                for rule in rules
                # What asks and has ended gives way to any allow.
                if rule.effect is Effect.DENY
                or (rule.effect is Effect.NEEDS_APPROVAL and rule.notice is None)
            ]
        self.goals = [*allowing, *others]

    def _allowing(self, number: int, subject: Asked, rules: Sequence[CompiledRule]) -> _Goal:
        able = [
            rule for rule in rules if rule.effect is Effect.ALLOW and rule.version not in self.spent
        ]
        # Those first that leave the least to be said.
        able.sort(key=lambda rule: self._unsaid(rule, subject))
        return _Goal(consent=number, subject=subject, rules=able, wanted=True)

    def found(self) -> tuple[Change, ...] | None:
        """The changes, or None."""
        domains = self._meet(0, {}, {})
        if domains is None:
            return None
        return tuple(joined(domains[fact], self._classes(fact)) for fact in sorted(domains))

    def _meet(
        self, place: int, domains: _Domains, chosen: Mapping[int, CompiledRule]
    ) -> _Domains | None:
        """What is left to say once every goal from `place` on is met. `chosen` has the allow of
        each consent."""
        self.left -= 1
        if self.left < 0:
            return None
        if place == len(self.goals):
            return domains if self._holds(domains) else None
        goal = self.goals[place]
        for rule in goal.rules:
            taken = {**chosen, goal.consent: rule} if goal.wanted else chosen
            for way in self._ways(goal, rule, domains, chosen):
                found = self._meet(place + 1, way, taken)
                if found is not None:
                    return found
        return None

    def _ways(
        self,
        goal: _Goal,
        rule: CompiledRule,
        domains: _Domains,
        chosen: Mapping[int, CompiledRule],
    ) -> Iterator[_Domains]:
        """The ways to have `rule` cover the request, or not to: each narrower than `domains`."""
        subject = goal.subject
        if goal.wanted:
            yield from self._all_of(rule, subject, domains)
            return
        said = self._said(rule, subject)
        allow = chosen[goal.consent]
        # An allow that runs on stands in the place of its own rule's later versions.
        replaced = rule.effect is not Effect.DENY and allow.notice and allow.rule == rule.rule
        if replaced or False in said.values():
            yield domains
            return
        # What is to be said anyway may do for this too.
        for fact in sorted(said, key=lambda fact: fact not in domains):
            if said[fact] is None:
                narrowed = self._narrowed(rule, subject, fact, domains, wanted=False)
                if narrowed:
                    yield {**domains, fact: narrowed}
        for answer in goal.answering:
            yield from self._all_of(answer, subject, domains)

    def _all_of(self, rule: CompiledRule, subject: Asked, domains: _Domains) -> Iterator[_Domains]:
        said = self._said(rule, subject)
        if False in said.values():
            return
        narrowed = dict(domains)
        for fact, result in said.items():
            if result is None:
                narrowed[fact] = self._narrowed(rule, subject, fact, narrowed, wanted=True)
        if all(narrowed.values()):
            yield narrowed

    def _narrowed(
        self, rule: CompiledRule, subject: Asked, fact: str, domains: _Domains, *, wanted: bool
    ) -> Sequence[Class]:
        return [
            one
            for one in domains.get(fact, self._classes(fact))
            if self._test(rule, subject, fact, with_fact(self.request, fact, one.value)) is wanted
        ]

    def _said(self, rule: CompiledRule, subject: Asked) -> Mapping[str, bool | None]:
        """What the request says to each fact that `rule` hangs on."""
        return {
            condition.fact: self._test(rule, subject, condition.fact, self.request)
            for condition in rule.conditions
        }

    def _unsaid(self, rule: CompiledRule, subject: Asked) -> tuple[int, str]:
        said = self._said(rule, subject)
        return sum(result is None for result in said.values()), rule.version

    def _test(self, rule: CompiledRule, subject: Asked, fact: str, request: Request) -> bool | None:
        """All that `rule` asks of one fact."""
        company = company_of(request, self.asked, subject)
        results = [
            condition.test(request, company)
            for condition in rule.conditions
            if condition.fact == fact
        ]
        return False if False in results else None if None in results else True

    def _classes(self, fact: str) -> Sequence[Class]:
        """What could be said of a fact; nothing of one that is said already."""
        if fact not in self.open:
            self.open[fact] = [] if fact in _SETTLED else self.search.classes(fact)
        return self.open[fact]

    def _holds(self, domains: _Domains) -> bool:
        """The engine has the last word."""
        request, asked = self.request, self.asked
        for fact, classes in domains.items():
            request = with_fact(request, fact, classes[0].value)
            if fact == "territory":
                asked = [subject.asked_in(classes[0].value) for subject in asked]
        return allows(request, asked, spent=self.spent)


_SETTLED: Final = frozenset({"action", "platform", "at"})

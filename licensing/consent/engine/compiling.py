"""Rules compiled once per published version, and bound into books in which they are found by bits.

A body becomes the few tests that it really makes. The rules over one scope that speak of one action
stand on a shelf. Of each fact a shelf knows which rules every value leaves in question, one bit for
each rule: what a request says, and'ed together, leaves the rules that cover it, and no rule is
touched that does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Final, NamedTuple

from licensing.consent.engine.conditions import Company, Condition, Named, conditions_of
from licensing.consent.engine.language import (
    Action,
    Axis,
    Effect,
    Obligations,
    Price,
    Request,
    RuleBody,
)

# A fact, and whether the request says otherwise (False) or nothing (None).
Missed = tuple[str, bool | None]
_RATED: Final = frozenset(str(axis) for axis in Axis)


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """How the version of that number runs on after its end: until, but without, a moment, for the
    platforms that relied on the rule."""

    number: int
    until: datetime
    platforms: frozenset[str]

    def holds(self, request: Request) -> bool:
        """Whether it still runs for whoever asks."""
        return request.at < self.until and request.platform in self.platforms


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledRule:
    """One published version, ready to be asked. `scope` is a subject or property id, or empty.

    `rule` is what it is a version of: by that its quotas are counted. With a `notice` it has ended,
    and only runs on. `answers` are the rules whose question an allow answers for good. `others` are
    its conditions on more than named values, which have to be tested one by one.
    """

    version: str
    rule: str
    scope: str
    notice: Notice | None
    answers: frozenset[str]
    body: RuleBody
    effect: Effect
    conditions: tuple[Condition, ...]
    others: tuple[Condition, ...]
    obligations: Obligations
    price: Price | None

    def speaks(self, request: Request) -> bool:
        """Whether it has a word for whoever asks: what has ended only where it runs on."""
        if self.notice is None:
            return True
        return self.effect is not Effect.DENY and self.notice.holds(request)

    def covers(self, request: Request, company: Company) -> bool:
        """Whether every field it sets holds; an unknown fact counts for all but an allow.

        Not the action nor the scope: by those a rule is found in its book.
        """
        return self.stands(self.conditions, request, company)

    def others_missed(self, request: Request, company: Company) -> Iterable[Missed]:
        """Those of its other conditions' facts that keep it from covering; each stands here once."""
        missed: dict[str, bool | None] = {}
        for condition in self.others:
            result = condition.test(request, company)
            if not result and missed.get(condition.fact) is not False:
                missed[condition.fact] = result
        return missed.items()

    def stands(self, conditions: Iterable[Condition], request: Request, company: Company) -> bool:
        """Whether it covers the request as far as some of its conditions go."""
        # Plain loops: a generator for each rule would cost more than the tests themselves.
        if self.effect is Effect.ALLOW:
            for condition in conditions:  # noqa: SIM110
                if not condition.test(request, company):
                    return False
            return True
        for condition in conditions:  # noqa: SIM110
            if condition.test(request, company) is False:
                return False
        return True


def compile_rule(
    *,
    version: str,
    scope: str,
    body: RuleBody,
    rule: str = "",
    notice: Notice | None = None,
    answers: Iterable[str] = (),
) -> CompiledRule:
    """The version `version` of `rule`, over `scope`, ready to be asked."""
    conditions = tuple(conditions_of(body))
    return CompiledRule(
        version=version,
        rule=rule,
        scope=scope,
        notice=notice,
        answers=frozenset(answers),
        body=body,
        effect=body.effect,
        conditions=conditions,
        others=tuple(condition for condition in conditions if condition.named is None),
        obligations=body.obligations,
        price=body.price,
    )


# How many facts keep an allow from covering, its version, those facts, and the rule.
Missing = tuple[int, str, list[Missed], CompiledRule]


class Column(NamedTuple):
    """What a shelf knows of one fact: which of its rules are left by each value, as bits.

    `by_value` has every value that some rule names, and None for what is not said; any other value
    leaves `other`. `rated` says that the fact is a rating.
    """

    fact: str
    rated: bool
    by_value: Mapping[object, int]
    other: int


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """The rules over one scope that speak of one action; the one at place n is bit n."""

    rules: tuple[CompiledRule, ...]

    @cached_property
    def everything(self) -> int:
        """All the rules."""
        return (1 << len(self.rules)) - 1

    @cached_property
    def allows(self) -> int:
        """Those that allow."""
        return sum(bit for bit, _ in self.allowing)

    @cached_property
    def allowing(self) -> tuple[tuple[int, CompiledRule], ...]:
        """Those that allow, each with its bit."""
        return tuple(
            (1 << place, rule)
            for place, rule in enumerate(self.rules)
            if rule.effect is Effect.ALLOW
        )

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """One for each fact of which some rule names values. Made when the shelf is first asked."""
        named: dict[str, list[tuple[int, Named]]] = {}
        for place, rule in enumerate(self.rules):
            for condition in rule.conditions:
                if condition.named is not None:
                    named.setdefault(condition.fact, []).append((1 << place, condition.named))
        return tuple(self._column(fact, conditions) for fact, conditions in named.items())

    def _column(self, fact: str, conditions: Iterable[tuple[int, Named]]) -> Column:
        """A rule that names no value is left by all; one that allows is not left by what is unsaid."""
        conditioned, inverted = 0, 0
        listed: dict[object, int] = {}
        for rule, named in conditions:
            conditioned |= rule
            if named.inverted:
                inverted |= rule
            for value in named.values:
                listed[value] = listed.get(value, 0) | rule
        free = self.everything & ~conditioned
        by_value = {value: free | (rules ^ inverted) for value, rules in listed.items()}
        by_value[None] = free | (conditioned & ~self.allows)
        return Column(fact, fact in _RATED, by_value, free | inverted)

    def covering(self, request: Request, company: Company) -> list[CompiledRule]:
        """Those that cover the request."""
        left = self.everything
        for fact, rated, by_value, other in self.columns:
            value = request.ratings.get(fact) if rated else getattr(request, fact)
            left &= by_value.get(value, other)
            if not left:
                return []
        rules = self.rules
        found = []
        while left:
            last = left.bit_length() - 1
            left ^= 1 << last
            rule = rules[last]
            if not rule.others or rule.stands(rule.others, request, company):
                found.append(rule)
        found.reverse()
        return found

    def missing(self, request: Request, company: Company) -> list[Missing]:
        """Each allow with the facts that keep it from covering."""
        gone = []
        for fact, rated, by_value, other in self.columns:
            value = request.ratings.get(fact) if rated else getattr(request, fact)
            rules = self.allows & ~by_value.get(value, other)
            if rules:
                gone.append((rules, (fact, None if value is None else False)))
        missing = []
        for bit, rule in self.allowing:
            facts = [missed for rules, missed in gone if rules & bit]
            if rule.others:
                facts += rule.others_missed(request, company)
            missing.append((len(facts), rule.version, facts, rule))
        return missing


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """All the rules of one holder in force at one moment, findable by scope and action."""

    rules: tuple[CompiledRule, ...]
    # By action and scope.
    shelves: Mapping[str, Mapping[str, Shelf]]
    # Every word that some rule forbids: what a prompt has to be searched for.
    words: frozenset[str]
    # Those with a quota: only where there are any is there something to count.
    limited: tuple[CompiledRule, ...]
    # The rule of each version that promises a notice to whoever relies on it.
    promises: Mapping[str, str]
    # Whether any version has ended and runs on.
    on_notice: bool

    def over(self, chain: Iterable[str], action: str) -> list[CompiledRule]:
        """Those over any id of `chain`, or over all the holder has, that speak of `action`."""
        return [rule for shelf in self.along(chain, action) for rule in shelf.rules]

    def speaking(self, chain: Iterable[str], request: Request) -> list[CompiledRule]:
        """Those of them that speak to whoever asks: what has ended only where it runs on."""
        return [rule for rule in self.over(chain, request.action) if rule.speaks(request)]

    def covering(
        self, chain: Iterable[str], request: Request, company: Company
    ) -> list[CompiledRule]:
        """Those of them that cover the request."""
        found: list[CompiledRule] = []
        for shelf in self.along(chain, request.action):
            found += shelf.covering(request, company)
        if self.on_notice:
            return [rule for rule in found if rule.speaks(request)]
        return found

    def along(self, chain: Iterable[str], action: str) -> list[Shelf]:
        """The shelves over the ids of `chain`, and that over all the holder has."""
        there = self.shelves.get(action)
        if there is None:
            return []
        return [there[scope] for scope in (*chain, "") if scope in there]


def bind(rules: Iterable[CompiledRule]) -> RuleBook:
    """A book of `rules`, in which their order does not matter."""
    ordered = tuple(sorted(rules, key=lambda rule: rule.version))
    index: dict[str, dict[str, list[CompiledRule]]] = {}
    for rule in ordered:
        for action in rule.body.actions or Action:
            index.setdefault(str(action), {}).setdefault(rule.scope, []).append(rule)
    shelves = {
        action: {scope: Shelf(rules=tuple(there)) for scope, there in scopes.items()}
        for action, scopes in index.items()
    }
    words = frozenset[str]().union(*(rule.body.forbidden_words for rule in ordered))
    return RuleBook(
        rules=ordered,
        shelves=MappingProxyType(shelves),
        words=words,
        limited=tuple(rule for rule in ordered if rule.body.quotas),
        promises=MappingProxyType(
            {
                rule.version: rule.rule
                for rule in ordered
                if rule.body.revocation_notice is not None
                and rule.effect is not Effect.DENY
                and rule.notice is None
            }
        ),
        on_notice=any(rule.notice is not None for rule in ordered),
    )

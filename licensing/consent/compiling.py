"""Rules compiled once per published version: a body becomes the few tests that it really makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from licensing.consent.language import Action, Choice, Effect, Obligations, Price, Request, RuleBody

# The ids that each of the others in the picture answers to.
Company = tuple[frozenset[str], ...]
# True: holds. False: does not. None: the request does not say.
Test = Callable[[Request, Company], bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One field of a rule as a test of one fact."""

    fact: str
    test: Test


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
    and only runs on. `answers` are the rules whose question an allow answers for good.
    """

    version: str
    rule: str
    scope: str
    notice: Notice | None
    answers: frozenset[str]
    body: RuleBody
    effect: Effect
    conditions: tuple[Condition, ...]
    tests: tuple[Test, ...]
    obligations: Obligations
    price: Price | None

    def covers(self, request: Request, company: Company) -> bool:
        """Whether every field it sets holds; an unknown fact counts for all but an allow.

        Not the action nor the scope: by those a rule is found in its book.
        """
        # Plain loops: a generator for each rule would cost more than the tests themselves.
        if self.effect is Effect.ALLOW:
            for test in self.tests:  # noqa: SIM110
                if not test(request, company):
                    return False
            return True
        for test in self.tests:  # noqa: SIM110
            if test(request, company) is False:
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
    conditions = tuple(_conditions(body))
    return CompiledRule(
        version=version,
        rule=rule,
        scope=scope,
        notice=notice,
        answers=frozenset(answers),
        body=body,
        effect=body.effect,
        conditions=conditions,
        tests=tuple(condition.test for condition in conditions),
        obligations=body.obligations,
        price=body.price,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBook:
    """All the rules of one holder in force at one moment, findable by scope and action."""

    rules: tuple[CompiledRule, ...]
    by_scope: Mapping[tuple[str, str], tuple[CompiledRule, ...]]
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
        found: list[CompiledRule] = []
        for scope in (*chain, ""):
            found += self.by_scope.get((scope, action), ())
        return found

    def speaking(self, chain: Iterable[str], request: Request) -> list[CompiledRule]:
        """Those of them that speak to whoever asks: what has ended only where it runs on."""
        found = self.over(chain, request.action)
        if not self.on_notice:
            return found
        return [
            rule
            for rule in found
            if rule.notice is None
            or (rule.effect is not Effect.DENY and rule.notice.holds(request))
        ]


def bind(rules: Iterable[CompiledRule]) -> RuleBook:
    """A book of `rules`, in which their order does not matter."""
    ordered = tuple(sorted(rules, key=lambda rule: rule.version))
    index: dict[tuple[str, str], list[CompiledRule]] = {}
    for rule in ordered:
        for action in rule.body.actions or Action:
            index.setdefault((rule.scope, str(action)), []).append(rule)
    found = {place: tuple(there) for place, there in index.items()}
    words = frozenset[str]().union(*(rule.body.forbidden_words for rule in ordered))
    return RuleBook(
        rules=ordered,
        by_scope=MappingProxyType(found),
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


def _conditions(body: RuleBody) -> Iterator[Condition]:
    """The tests of a body; those that most often fail come first. Each open field has none."""
    if body.platforms is not None:
        yield Condition(fact="platform", test=_chosen("platform", body.platforms))
    if body.territories is not None:
        yield Condition(fact="territory", test=_chosen("territory", body.territories))
    for fact, values in (
        ("purpose", body.purposes),
        ("audience", body.audience),
        ("channel", body.channels),
        ("language", body.languages),
        ("model", body.models),
    ):
        if values:
            yield Condition(fact=fact, test=_member(fact, values))
    if body.window_from is not None or body.window_to is not None:
        yield Condition(fact="at", test=_within(body))
    for axis, level in body.ceilings:
        yield Condition(fact=axis, test=_rated(axis, level))
    if body.forbidden_codes:
        yield Condition(fact="codes", test=_free_of_codes(body.forbidden_codes))
    if body.forbidden_words:
        yield Condition(fact="words", test=_free_of_words(body.forbidden_words))
    if body.only_with is not None:
        yield Condition(fact="co_subjects", test=_only_with(body.only_with))
    if body.never_with:
        yield Condition(fact="co_subjects", test=_never_with(body.never_with))
    yield from _bounds(body)


def _bounds(body: RuleBody) -> Iterator[Condition]:
    for fact, least in (
        ("viewer_age", body.viewer_age_min),
        ("depicted_age", body.depicted_age_min),
    ):
        if least is not None:
            yield Condition(fact=fact, test=_at_least(fact, least))
    for fact, most in (
        ("duration", body.duration_max),
        ("resolution", body.resolution_max),
        ("remix_depth", body.remix_depth_max),
    ):
        if most is not None:
            yield Condition(fact=fact, test=_at_most(fact, most))


def _chosen(fact: str, choice: Choice) -> Test:
    values, inverted = choice.values, choice.inverted

    def test(request: Request, company: Company) -> bool | None:
        value = getattr(request, fact)
        return None if value is None else (value in values) is not inverted

    return test


def _member(fact: str, values: frozenset[str]) -> Test:
    def test(request: Request, company: Company) -> bool | None:
        value = getattr(request, fact)
        return None if value is None else value in values

    return test


def _within(body: RuleBody) -> Test:
    start, end = body.window_from, body.window_to

    def test(request: Request, company: Company) -> bool | None:
        at = request.at
        return (start is None or start <= at) and (end is None or at < end)

    return test


def _rated(axis: str, ceiling: int) -> Test:
    def test(request: Request, company: Company) -> bool | None:
        level = request.ratings.get(axis)
        return None if level is None else level <= ceiling

    return test


def _free_of_codes(forbidden: frozenset[str]) -> Test:
    def test(request: Request, company: Company) -> bool | None:
        found = request.codes
        return None if found is None else forbidden.isdisjoint(found)

    return test


def _free_of_words(forbidden: frozenset[str]) -> Test:
    def test(request: Request, company: Company) -> bool | None:
        found = request.words
        if found is None:
            return None
        if not forbidden.isdisjoint(found):
            return False
        return None if request.unsearched and not forbidden.isdisjoint(request.unsearched) else True

    return test


def _only_with(welcome: frozenset[str]) -> Test:
    def test(request: Request, company: Company) -> bool | None:
        if any(welcome.isdisjoint(other) for other in company):
            return False
        # Whoever is known may come, but others may be there that the request does not tell of.
        return None if request.co_subjects is None else True

    return test


def _never_with(unwelcome: frozenset[str]) -> Test:
    def test(request: Request, company: Company) -> bool | None:
        if any(not unwelcome.isdisjoint(other) for other in company):
            return False
        return None if request.co_subjects is None else True

    return test


def _at_least(fact: str, least: int) -> Test:
    def test(request: Request, company: Company) -> bool | None:
        value = getattr(request, fact)
        return None if value is None else value >= least

    return test


def _at_most(fact: str, most: int) -> Test:
    def test(request: Request, company: Company) -> bool | None:
        value = getattr(request, fact)
        return None if value is None else value <= most

    return test

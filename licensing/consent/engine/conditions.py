"""What a rule's fields test: each as a question about one fact of a request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from licensing.consent.engine.language import Choice, Request, RuleBody

# The ids that each of the others in the picture answers to.
Company = tuple[frozenset[str], ...]
# True: holds. False: does not. None: the request does not say.
Test = Callable[[Request, Company], bool | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """Values of a fact of which one has to be said, or, inverted, any other than these.

    A rating is named by its place among the levels, any other fact by a text.
    """

    values: frozenset[str] | frozenset[int]
    inverted: bool = False

    def has(self, value: object) -> bool:
        """Whether saying `value` is enough."""
        return (value in self.values) is not self.inverted


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One field of a rule as a test of one fact.

    `named` is there where the test asks for nothing but which of some values is said: by those a
    rule is found without being tested.
    """

    fact: str
    test: Test
    named: Named | None = None


def conditions_of(body: RuleBody) -> Iterator[Condition]:
    """The conditions of a body: those of named values, then the others. An open field has none."""
    if body.platforms is not None:
        yield _chosen("platform", body.platforms)
    if body.territories is not None:
        yield _chosen("territory", body.territories)
    for fact, values in (
        ("purpose", body.purposes),
        ("audience", body.audience),
        ("channel", body.channels),
        ("language", body.languages),
        ("model", body.models),
    ):
        if values:
            yield _chosen(fact, Choice(values=values))
    for axis, level in body.ceilings:
        yield _rated(axis, level)
    if body.window_from is not None or body.window_to is not None:
        yield Condition(fact="at", test=_within(body))
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


def _chosen(fact: str, choice: Choice) -> Condition:
    values, inverted = choice.values, choice.inverted

    def test(request: Request, company: Company) -> bool | None:
        value = getattr(request, fact)
        return None if value is None else (value in values) is not inverted

    return Condition(fact=fact, test=test, named=Named(values=values, inverted=inverted))


def _within(body: RuleBody) -> Test:
    start, end = body.window_from, body.window_to

    def test(request: Request, company: Company) -> bool | None:
        at = request.at
        return (start is None or start <= at) and (end is None or at < end)

    return test


def _rated(axis: str, ceiling: int) -> Condition:
    def test(request: Request, company: Company) -> bool | None:
        level = request.ratings.get(axis)
        return None if level is None else level <= ceiling

    return Condition(fact=axis, test=test, named=Named(values=frozenset(range(ceiling + 1))))


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

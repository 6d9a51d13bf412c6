"""What holds for every set of rules and every request."""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from licensing.consent import facts
from licensing.consent.bodies import canonical, content_hash, read_body
from licensing.consent.counterfactuals import smallest_changes
from licensing.consent.engine import decide
from licensing.consent.language import LEVEL, Action, Change, Decision, Effect, Purpose, Request
from licensing.consent.terms import write_obligations
from tests.licensing.consent import generated, naive

Json = dict[str, Any]
RANK = {"allow": 0, "needs_approval": 1, "deny": 2}
thoroughly = settings(max_examples=250, deadline=None)
fairly = settings(max_examples=80, deadline=None)


def decided(request: Json, world: list[Json], spent: Collection[str] = ()) -> Decision:
    return decide(generated.as_request(request), generated.as_asked(world), spent=spent)


@thoroughly
@given(
    generated.requests, st.lists(st.sampled_from(generated.WORDS), max_size=1), generated.worlds()
)
def test_the_engine_and_the_naive_reading_of_the_specification_agree(
    request: Json, unsearched: list[str], world: list[Json]
) -> None:
    request = {**request, "unsearched": unsearched}
    decision = decided(request, world)
    expected = naive.decide(request, world)
    assert decision.outcome == expected["outcome"]
    assert [verdict.outcome for verdict in decision.verdicts] == expected["verdicts"]
    if expected["deciding"]:
        assert expected["deciding"] <= set(decision.rule_versions)
    if decision.outcome is not Effect.DENY:
        assert set(decision.rule_versions) == expected["deciding"]
        assert write_obligations(decision.obligations) == expected["obligations"]
        prices = {(p.currency, str(p.per)): Fraction(p.amount) for p in decision.prices}
        assert prices == expected["prices"]


@thoroughly
@given(generated.requests, generated.worlds(), st.data())
def test_they_agree_on_spent_quotas_too(
    request: Json, world: list[Json], data: st.DataObject
) -> None:
    spent = set(data.draw(generated.spent_of(world)))
    decision = decided(request, world, spent)
    expected = naive.decide(request, world, spent)
    assert decision.outcome == expected["outcome"]
    assert [verdict.outcome for verdict in decision.verdicts] == expected["verdicts"]
    assert expected["deciding"] <= set(decision.rule_versions)
    if decision.outcome is not Effect.DENY:
        assert set(decision.rule_versions) == expected["deciding"]
    told = {r.rule_version for r in decision.reasons if r.code == "quota_spent"}
    assert told <= spent


@thoroughly
@given(generated.requests, generated.worlds(), st.data())
def test_a_spent_quota_never_opens_anything(
    request: Json, world: list[Json], data: st.DataObject
) -> None:
    some = set(data.draw(generated.spent_of(world)))
    more = some | set(data.draw(generated.spent_of(world)))
    assert (
        RANK[decided(request, world, more).outcome] >= RANK[decided(request, world, some).outcome]
    )


@thoroughly
@given(generated.requests, generated.worlds())
def test_what_runs_on_never_closes_anything(request: Json, world: list[Json]) -> None:
    cut = copy.deepcopy(world)
    for subject in cut:
        for holder, said in subject["owners"].items():
            subject["owners"][holder] = [rule for rule in said if "notice" not in rule]
    assert RANK[decided(request, world).outcome] <= RANK[decided(request, cut).outcome]


@thoroughly
@given(generated.requests, generated.worlds(), generated.bodies(), st.data())
def test_one_more_allow_never_closes_anything(
    request: Json, world: list[Json], body: Json, data: st.DataObject
) -> None:
    subject = data.draw(st.sampled_from(world))
    holder = data.draw(st.sampled_from(sorted(subject["owners"])))
    before = decided(request, world)
    subject["owners"][holder].append(
        {"version": "rlv_new", "rule": "rul_new", "scope": "", "body": {**body, "effect": "allow"}}
    )
    assert RANK[decided(request, world).outcome] <= RANK[before.outcome]


@thoroughly
@given(generated.requests, generated.worlds(), generated.bodies(), st.data())
def test_one_more_deny_never_opens_anything(
    request: Json, world: list[Json], body: Json, data: st.DataObject
) -> None:
    subject = data.draw(st.sampled_from(world))
    holder = data.draw(st.sampled_from(sorted(subject["owners"])))
    before = decided(request, world)
    subject["owners"][holder].append(
        {"version": "rlv_new", "rule": "rul_new", "scope": "", "body": {**body, "effect": "deny"}}
    )
    assert RANK[decided(request, world).outcome] >= RANK[before.outcome]


@fairly
@given(generated.requests, generated.worlds(), st.randoms(use_true_random=False))
def test_the_order_of_rules_does_not_matter(
    request: Json, world: list[Json], random: Random
) -> None:
    shuffled = copy.deepcopy(world)
    for subject in shuffled:
        for rules in subject["owners"].values():
            random.shuffle(rules)
    assert decided(request, shuffled) == decided(request, world)


@fairly
@given(generated.requests, generated.worlds())
def test_the_order_of_subjects_changes_nothing_but_the_order_of_the_answer(
    request: Json, world: list[Json]
) -> None:
    one, other = decided(request, world), decided(request, world[::-1])
    assert (one.outcome, one.rule_versions, one.obligations, one.prices) == (
        other.outcome,
        other.rule_versions,
        other.obligations,
        other.prices,
    )
    assert sorted(one.reasons, key=repr) == sorted(other.reasons, key=repr)


@fairly
@given(generated.requests, generated.worlds(), st.data())
def test_saying_less_never_helps(request: Json, world: list[Json], data: st.DataObject) -> None:
    """An unknown fact satisfies a deny and a needs-approval, never an allow."""
    optional = sorted(set(request) - {"action", "platform", "at"})
    assume(optional)
    left_out = data.draw(st.sampled_from(optional))
    less = {name: value for name, value in request.items() if name != left_out}
    assert RANK[decided(less, world).outcome] >= RANK[decided(request, world).outcome]


@fairly
@given(generated.requests, generated.worlds())
def test_a_refusal_says_why_and_an_answer_names_its_rules(request: Json, world: list[Json]) -> None:
    decision = decided(request, world)
    assert decision.reasons
    named = {reason.rule_version for reason in decision.reasons} - {""}
    assert named <= set(decision.rule_versions)
    if decision.outcome is not Effect.DENY:
        assert named == set(decision.rule_versions) != set()


@fairly
@given(generated.requests, generated.worlds())
def test_what_is_said_to_be_allowed_would_have_been(request: Json, world: list[Json]) -> None:
    asked = generated.as_asked(world)
    wanted = generated.as_request(request)
    assume(decide(wanted, asked).outcome is Effect.DENY)
    for changes in smallest_changes(wanted, asked):
        for changed in readings(wanted, changes):
            assert decide(changed, asked).outcome is Effect.ALLOW, changes


@fairly
@given(generated.requests, generated.worlds(), st.data())
def test_so_it_is_where_quotas_are_spent(
    request: Json, world: list[Json], data: st.DataObject
) -> None:
    asked = generated.as_asked(world)
    wanted = generated.as_request(request)
    drawn = data.draw(generated.spent_of(world))
    spent = {v: until for v, until in drawn.items() if until is None or until > wanted.at}
    assume(decide(wanted, asked, spent=spent).outcome is Effect.DENY)
    for changes in smallest_changes(wanted, asked, spent=spent):
        for changed in readings(wanted, changes):
            still = [v for v, until in spent.items() if until is None or until > changed.at]
            assert decide(changed, asked, spent=still).outcome is Effect.ALLOW, changes


@fairly
@given(generated.requests, generated.worlds(most=1))
def test_every_single_fact_that_would_help_is_told(request: Json, world: list[Json]) -> None:
    asked = generated.as_asked(world)
    wanted = generated.as_request(request)
    assume(decide(wanted, asked).outcome is Effect.DENY)
    helpful = {
        fact
        for fact, values in (
            ("territory", (*generated.TERRITORIES, "JP")),
            ("purpose", Purpose),
            ("action", Action),
            ("channel", ("app", "web", "tv")),
            ("duration", (0, 5, 10, 60)),
            ("viewer_age", (0, 13, 18)),
            ("resolution", (0, 720, 1080, 9000)),
        )
        for value in values
        if decide(changed_to(wanted, fact, value), asked).outcome is Effect.ALLOW
    }
    options = smallest_changes(wanted, asked)
    if helpful:
        assert all(len(changes) == 1 for changes in options)
        told = {changes[0].fact for changes in options}
        assert helpful <= told or len(options) == 8


@fairly
@given(generated.requests)
def test_a_requests_facts_survive_being_stored(request: Json) -> None:
    wanted = generated.as_request(request)
    assert facts.read_request(facts.write_request(wanted)) == wanted


@fairly
@given(generated.bodies(), st.randoms(use_true_random=False))
def test_a_body_has_one_canonical_form(body: Json, random: Random) -> None:
    names = list(body)
    random.shuffle(names)
    shuffled = {name: body[name] for name in names}
    shuffled |= {name: v[::-1] for name, v in shuffled.items() if isinstance(v, list)}
    assert canonical(shuffled) == canonical(body)
    assert content_hash(shuffled) == content_hash(body)
    assert read_body(canonical(body)) == read_body(body)
    assert canonical(canonical(body)) == canonical(body)


def changed_to(request: Request, fact: str, value: Any) -> Request:
    said: Json = {fact: value}
    return replace(request, **said)


def readings(request: Request, changes: tuple[Change, ...]) -> list[Request]:
    """Requests that follow the advice to the letter: at both ends of what it offers."""
    ends = [request]
    for change in changes:
        ends = [followed(one, change, last=last) for one in ends for last in (False, True)]
    return ends


def followed(request: Request, change: Change, *, last: bool) -> Request:
    fact, relation = change.fact, change.relation
    value: Any = change.values[-1 if last else 0] if change.values else ()
    if fact in ("violence", "sexual", "fear", "drugs", "profanity"):
        level = LEVEL[value] if relation == "one_of" or last else 0
        return replace(request, ratings={**request.ratings, fact: level})
    if fact in ("codes", "words"):
        kept = (getattr(request, fact) or frozenset()) - set(change.values)
        return changed_to(request, fact, kept)
    if fact == "co_subjects":
        others = request.co_subjects or ()
        kept_others = tuple(o for o in others if o.isdisjoint(change.values))
        return changed_to(request, fact, () if relation == "none" else kept_others)
    if fact == "at":
        return changed_to(request, fact, datetime.fromisoformat(value))
    if relation == "none_of":
        return changed_to(request, fact, "something else")
    if relation == "at_least" and last:
        value += 1000
    if relation == "at_most" and not last:
        value = 0
    return changed_to(request, fact, value)

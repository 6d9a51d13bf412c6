"""What holds for every set of rules and every request."""

from __future__ import annotations

import copy
from collections.abc import Collection
from fractions import Fraction
from random import Random
from typing import Any

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from licensing.consent import facts
from licensing.consent.engine.bodies import canonical, content_hash, read_body
from licensing.consent.engine.deciding import decide
from licensing.consent.engine.language import Decision, Effect
from licensing.consent.terms import write_obligations
from tests.licensing.consent import generated, naive

Json = dict[str, Any]
RANK = {"allow": 0, "needs_approval": 1, "deny": 2}
# Some requests are not of the kind that is looked for, and how long making a world takes says how
# busy the machine is: neither says anything about the engine.
_UNCHECKED = [HealthCheck.too_slow, HealthCheck.filter_too_much]
thoroughly = settings(max_examples=250, deadline=None, suppress_health_check=_UNCHECKED)
fairly = settings(max_examples=80, deadline=None, suppress_health_check=_UNCHECKED)


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
def test_saying_less_never_gets_an_allow(
    request: Json, world: list[Json], data: st.DataObject
) -> None:
    """An unknown fact satisfies a deny and a needs-approval, never an allow. So of what is refused
    for want of a rule it may have to be asked whether it is allowed, and no more."""
    optional = sorted(set(request) - {"action", "platform", "at"})
    assume(optional)
    left_out = data.draw(st.sampled_from(optional))
    less = {name: value for name, value in request.items() if name != left_out}
    silent, said = decided(less, world), decided(request, world)
    if silent.outcome is not said.outcome:
        assert silent.outcome is not Effect.ALLOW
    if "denied" in {reason.code for reason in said.reasons}:
        assert silent.outcome is Effect.DENY


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

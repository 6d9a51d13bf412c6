"""Decisions in process against Cedar: the same rules, the same requests, and the same answers.

Both engines are given their rules and entities ready to be asked: Cedar a parsed policy set and
parsed entities, ours a bound book. Each request comes in the shape that its engine takes: Cedar's a
dict of its JSON form, which its binding reads on every call, as it takes no other; ours a `Request`.
As one may hold the reading to be part of the matter, ours is timed once more with it, from the dict
of what a platform says. Both answer with the outcome and with the rules that decided, and both are
held to the same ones. Cedar knows permit and forbid; a rule that wants to be asked is a forbid
there, told apart by its id among those that decided.

Ours answers with more, and all of it is in its time: obligations and prices, who has to be asked, a
verdict for each subject, and for what no rule allows the facts that the nearest rules miss. The
smallest changes that would have been allowed are asked for separately, where there is a refusal:
Cedar has no such thing, so these are timed on their own, beside no reference.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import cycle
from typing import Any, Final

import cedarpy

from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import bind, compile_rule
from licensing.consent.engine.counterfactuals import smallest_changes
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import (
    LEVEL,
    LEVELS,
    Action,
    Decision,
    Effect,
    Purpose,
    Request,
)

RULES: Final = 200
REQUESTS: Final = 500
TERRITORIES: Final = ("DE", "US", "FR", "GB", "JP", "BR")
SCOPES: Final = ("", "prp_1", "chr_1", "chr_2", "chr_3")
_SEED: Final = 20261001
_AT: Final = datetime(2026, 10, 1, tzinfo=UTC)
# Both engines take turns in rounds, so that a busy moment of the machine meets both.
_ROUNDS: Final = 5
_HOLDER: Final = "hld_1"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The processor's seconds for one decision, of the fastest round: ours; ours with reading the
    request; Cedar's one by one; Cedar's in one batch. And for the smallest changes of one refusal."""

    ours: float
    reading: float
    cedar: float
    batch: float
    changes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One rule: its version, what it is over, and its body in JSON."""

    version: str
    scope: str
    body: Json


def mixed(*, seed: int = _SEED) -> tuple[list[Ruling], list[Json]]:
    """Two hundred rules of every effect and scope, and requests of every kind."""
    chance = random.Random(seed)
    rulings = [
        Ruling(version=f"rlv_{number}", scope=chance.choice(SCOPES), body=_body(chance))
        for number in range(RULES)
    ]
    return rulings, [_request(chance) for _ in range(REQUESTS)]


def simple() -> tuple[list[Ruling], list[Json]]:
    """One allow that covers, and nothing else."""
    body = {"effect": "allow", "actions": ["index"], "territories": {"only": ["US"]}}
    said = {"action": "index", "platform": "plt_1", "territory": "US"}
    return [Ruling(version="rlv_1", scope="chr_1", body=body)], [said] * REQUESTS


def compare(rulings: Sequence[Ruling], requests: Sequence[Json]) -> Compared:
    """Times both on the same. Raises AssertionError where they answer differently."""
    asked = ours_of(rulings)
    policies, entities = cedars_of(rulings)
    effects = effects_of(rulings)
    read = [as_request(said) for said in requests]
    written = [as_cedar(said) for said in requests]
    for each, query in zip(read, written, strict=True):
        answer = cedarpy.is_authorized(query, policies, entities)
        decision = decide(each, asked)
        assert str(decision.outcome) == outcome_of(answer, effects), query
        assert deciding(decision) == deciding_of(answer, rulings), query
    refused = [each for each in read if decide(each, asked).outcome is Effect.DENY]
    rounds = [
        (
            _seconds(lambda: [decide(each, asked) for each in read]) / len(requests),
            _seconds(lambda: [decide(as_request(said), asked) for said in requests])
            / len(requests),
            _seconds(
                lambda: [cedarpy.is_authorized(query, policies, entities) for query in written]
            )
            / len(requests),
            _seconds(lambda: cedarpy.is_authorized_batch(written, policies, entities))
            / len(requests),
            _seconds(lambda: [smallest_changes(each, asked) for each in refused])
            / max(len(refused), 1),
        )
        for _ in range(_ROUNDS)
    ]
    ours, reading, cedar, batch, changes = map(min, zip(*rounds, strict=True))
    return Compared(ours=ours, reading=reading, cedar=cedar, batch=batch, changes=changes)


def growing(few: int = 10, many: int = 10_000) -> tuple[float, float]:
    """The processor's seconds for one decision beside that few rules of other subjects of the same
    holder, and beside that many."""
    rulings, requests = mixed()
    read = [as_request(said) for said in requests]
    beside = [
        ours_of(
            [*rulings, *(replace(one, version=f"rlv_o{n}", scope=f"chr_o{n}") for n, one in others)]
        )
        for others in (
            list(zip(range(number), cycle(rulings), strict=False)) for number in (few, many)
        )
    ]
    rounds = [
        [_seconds(lambda asked=asked: [decide(each, asked) for each in read]) for asked in beside]  # type: ignore[misc]
        for _ in range(_ROUNDS)
    ]
    less, more = (min(column) / len(read) for column in zip(*rounds, strict=True))
    return less, more


def ours_of(rulings: Sequence[Ruling]) -> list[Asked]:
    """One subject in one property of one holder, with these rules in force."""
    book = bind(
        compile_rule(version=one.version, scope=one.scope, body=read_body(one.body))
        for one in rulings
    )
    return [Asked(subject="chr_1", chain=("chr_1", "prp_1"), consents=((_HOLDER, book),))]


def cedars_of(rulings: Sequence[Ruling]) -> tuple[cedarpy.PolicySet, cedarpy.Entities]:
    """The same rules as parsed policies, and the same things as parsed entities."""
    policies = cedarpy.PolicySet.from_str("\n".join(map(policy, rulings)))
    parents = {"chr_1": "prp_1", "chr_2": _HOLDER, "chr_3": _HOLDER, "prp_1": _HOLDER}
    entities = [
        {"uid": _uid(name), "attrs": {}, "parents": [_uid(parent)]}
        for name, parent in parents.items()
    ]
    entities.append({"uid": _uid(_HOLDER), "attrs": {}, "parents": []})
    return policies, cedarpy.Entities.from_json_str(json.dumps(entities))


def effects_of(rulings: Sequence[Ruling]) -> Mapping[str, str]:
    """What each policy is, by the name that Cedar gives it: its place."""
    return {f"policy{place}": one.body["effect"] for place, one in enumerate(rulings)}


def outcome_of(answer: cedarpy.AuthzResult, effects: Mapping[str, str]) -> str:
    """Cedar's answer in our words."""
    assert not answer.diagnostics.errors, answer.diagnostics.errors
    if answer.allowed:
        return "allow"
    decided = {effects[name] for name in answer.diagnostics.reasons}
    return "needs_approval" if decided == {"needs_approval"} else "deny"


def deciding(decision: Decision) -> set[str]:
    """The rules that decided, as ours names them; of what no rule allows, none."""
    return {each.rule_version for each in decision.reasons if each.rule_version and not each.fact}


def deciding_of(answer: cedarpy.AuthzResult, rulings: Sequence[Ruling]) -> set[str]:
    """The same of Cedar's answer. Where one denies it names those too that would only have asked."""
    named = [rulings[int(name.removeprefix("policy"))] for name in answer.diagnostics.reasons]
    denying = {one.version for one in named if one.body["effect"] == "deny"}
    return denying or {one.version for one in named}


def policy(one: Ruling) -> str:
    """A rule as a policy. What the request does not say is unknown: it satisfies a forbid, never a
    permit."""
    permits = one.body["effect"] == "allow"
    actions = ", ".join(f'Action::"{action}"' for action in one.body["actions"])
    resource = f"resource in {_literal(one.scope or _HOLDER)}"
    tests = list(_tests(one.body, permits=permits))
    when = f" when {{ {' && '.join(tests)} }}" if tests else ""
    verb = "permit" if permits else "forbid"
    return f"{verb}({_principal(one.body)}, action in [{actions}], {resource}){when};"


def _principal(body: Json) -> str:
    named = (body.get("platforms") or {}).get("only")
    return f"principal == {_literal(named[0])}" if named else "principal"


def _tests(body: Json, *, permits: bool) -> Iterator[str]:
    def test(fact: str, holds: str) -> str:
        said = f"context has {fact}"
        return f"({said} && {holds})" if permits else f"(!({said}) || {holds})"

    for kind, values in (body.get("territories") or {}).items():
        listed = f"{json.dumps(values)}.contains(context.territory)"
        yield test("territory", listed if kind == "only" else f"!({listed})")
    if "purposes" in body:
        yield test("purpose", f"{json.dumps(body['purposes'])}.contains(context.purpose)")
    for axis, level in (body.get("content") or {}).items():
        yield test(axis, f"context.{axis} <= {LEVEL[level]}")


def as_request(said: Json) -> Request:
    """What our engine reads."""
    return Request(
        action=said["action"],
        platform=said["platform"],
        at=_AT,
        territory=said.get("territory"),
        purpose=said.get("purpose"),
        ratings=said.get("ratings", {}),
    )


def as_cedar(said: Json) -> Json:
    """What Cedar reads; in JSON, which it reads faster than its own words."""
    context = {name: said[name] for name in ("territory", "purpose") if name in said}
    return {
        "principal": _uid(said["platform"]),
        "action": {"type": "Action", "id": said["action"]},
        "resource": _uid("chr_1"),
        "context": {**context, **said.get("ratings", {})},
    }


def _body(chance: random.Random) -> Json:
    body: Json = {
        "effect": chance.choice(("allow",) * 6 + ("deny",) * 3 + ("needs_approval",)),
        "actions": [str(action) for action in chance.sample(list(Action), 2)],
        "territories": {chance.choice(("only", "except")): chance.sample(TERRITORIES, 3)},
        "purposes": [str(purpose) for purpose in chance.sample(list(Purpose), 3)],
    }
    if chance.random() < 0.5:
        body["content"] = {"violence": chance.choice(LEVELS)}
    if chance.random() < 0.5:
        body["platforms"] = {"only": [f"plt_{chance.randrange(20)}"]}
    return body


def _request(chance: random.Random) -> Json:
    """One in ten leaves something unsaid."""
    said: Json = {
        "action": str(chance.choice(list(Action))),
        "platform": f"plt_{chance.randrange(20)}",
        "territory": chance.choice(TERRITORIES),
        "purpose": str(chance.choice(list(Purpose))),
        "ratings": {"violence": chance.randrange(4)},
    }
    if chance.random() < 0.1:
        del said[chance.choice(("territory", "purpose", "ratings"))]
    return said


_TYPES: Final = {"plt": "Platform", "chr": "Subject", "prp": "Property", "hld": "Holder"}


def _uid(name: str) -> Json:
    return {"type": _TYPES[name[:3]], "id": name}


def _literal(name: str) -> str:
    return f'{_TYPES[name[:3]]}::"{name}"'


def _seconds(act: Callable[[], object]) -> float:
    """Of the processor's time: neither engine waits for anything."""
    start = time.process_time()
    act()
    return time.process_time() - start

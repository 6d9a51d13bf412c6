"""A simulation counts what a loop over every stored check would count that takes `decide` twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger import ids
from licensing.catalog.models import RightsHolder, Subject
from licensing.consent import facts, rules
from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import bind, compile_rule
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import Decision, Effect
from licensing.consent.models import ConsentCheck, ConsentRule, RuleVersion
from licensing.simulation import working
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent import generated
from tests.licensing.consent.builders import (
    NOW,
    Generator,
    Studio,
    ask,
    build_generator,
    build_studio,
)
from tests.licensing.simulation.builders import LATER, redraft, start

pytestmark = pytest.mark.django_db

Json = dict[str, Any]
UNASKED = ("platform", "at", "action", "words", "co_subjects")


class World:
    """Two studios, one shared character, one below a property, and two platforms."""

    def __init__(self) -> None:
        self.studio, self.partner = build_studio(), build_studio()
        self.generators: list[Generator] = [build_generator(), build_generator()]
        self.franchise = build_property(self.studio.holder)
        self.hero = build_subject(self.studio.holder, property=self.franchise)
        self.shared = build_subject(
            self.studio.holder, owners={self.studio.holder: 1, self.partner.holder: 1}
        )
        self.names = {
            "plt_a": self.generators[0].platform.shown_id,
            "plt_b": self.generators[1].platform.shown_id,
            "chr_1": self.hero.shown_id,
            "chr_2": self.shared.shown_id,
            "prp_1": self.franchise.shown_id,
            "prp_2": self.franchise.shown_id,
            "hld_1": self.studio.holder.shown_id,
            "hld_2": self.partner.holder.shown_id,
            "chr_9": self.hero.shown_id,
        }

    def body(self, drawn: Json) -> Json:
        """A drawn body with the ids of things that are here."""
        body = {name: value for name, value in drawn.items() if name != "window"}
        for kind in ("platforms", "co_appearance"):
            for name, values in (body.get(kind) or {}).items():
                body[kind] = {name: sorted({self.names[value] for value in values})}
        return body

    def draft(self, studio: Studio, drawn: Json, scope: str) -> ConsentRule:
        scopes = {
            "subject": rules.Scope(subject=self.hero if studio is self.studio else self.shared),
            "property": rules.Scope(property=self.franchise),
        }
        return rules.create_rule(
            actor=studio.actor,
            now=NOW,
            holder=studio.holder,
            scope=scopes.get(scope, rules.ALL) if studio is self.studio else rules.ALL,
            body=self.body(drawn),
        )

    def ask(self, drawn: Json, subjects: list[Subject], platform: int, generations: int) -> None:
        said = {name: value for name, value in drawn.items() if name not in UNASKED}
        ask(
            self.generators[platform],
            *subjects,
            action=drawn["action"],
            prompt=" and ".join(drawn["words"]) if "words" in drawn else None,
            co_subjects=() if "co_subjects" in drawn else None,
            generations=generations,
            **said,
        )


def naively(world: World, rule: ConsentRule, draft: Json) -> tuple[Counter[tuple[str, str]], Json]:
    """Each check by itself, with books bound anew for each, and money added up as it comes."""
    ways: Counter[tuple[str, str]] = Counter()
    money: Json = {"lost": Counter(), "gained": Counter(), "repriced": Counter()}
    for check in _concerning(rule, world):
        now, then = (_decided(check, rule, body, world.studio) for body in (None, draft))
        ways[str(now.outcome), str(then.outcome)] += 1
        before, after = _worth(now, check), _worth(then, check)
        if now.outcome is Effect.ALLOW and then.outcome is not Effect.ALLOW:
            recorded = check.outcome == "allow" and len(_owners(check)) == 1
            money["lost"].update(_recorded(check) if recorded else before)
        elif now.outcome is not Effect.ALLOW and then.outcome is Effect.ALLOW:
            money["gained"].update(after)
        elif now.outcome is Effect.ALLOW:
            money["repriced"].update(after)
            money["repriced"].subtract(before)
    return ways, money


def _owners(check: ConsentCheck) -> set[str]:
    return {holder for asked in check.facts["asked"] for holder in asked["consents"]}


def _decided(
    check: ConsentCheck, rule: ConsentRule, draft: Json | None, studio: Studio
) -> Decision:
    request = replace(facts.read_request(check.facts["request"]), at=LATER)
    searched, wanted = set[str](), set[str]()
    asked = []
    for one in check.facts["asked"]:
        consents = []
        for shown in one["consents"]:
            holder = RightsHolder.objects.get(pk=ids.read("hld", shown))
            versions = list(RuleVersion.objects.filter(holder=holder).order_by("pk"))
            epoch = check.facts["epochs"][shown]
            for version in versions:
                if _in_force(version, epoch):
                    searched |= read_body(version.body).forbidden_words
            bodies = [
                (version, version.body)
                for version in versions
                if version.state == "published" and (draft is None or version.rule_id != rule.pk)
            ]
            if draft is not None and holder == rule.holder:
                bodies.append((versions[0], draft))
            compiled = []
            for version, body in bodies:
                of = rule if body is draft else version.rule
                scope = of.subject or of.property
                read = read_body(body)
                if holder != studio.holder:
                    read = replace(read, price=None)
                compiled.append(
                    compile_rule(
                        version=version.shown_id, scope=scope.shown_id if scope else "", body=read
                    )
                )
            wanted |= bind(compiled).words
            consents.append((shown, bind(compiled)))
        asked.append(
            Asked(subject=one["subject"], chain=tuple(one["chain"]), consents=tuple(consents))
        )
    return decide(replace(request, unsearched=frozenset(wanted - searched)), asked)


def _in_force(version: RuleVersion, epoch: int) -> bool:
    if version.published_epoch is None or version.published_epoch > epoch:
        return False
    return version.ended_epoch is None or version.ended_epoch > epoch


def _worth(decision: Decision, check: ConsentCheck) -> Counter[str]:
    parts = [(part.amount, part.currency, str(part.per)) for part in decision.prices]
    return _times(parts, check)


def _recorded(check: ConsentCheck) -> Counter[str]:
    parts = [(Decimal(p["amount"]), p["currency"], p["per"]) for p in check.price["parts"]]
    return _times(parts, check)


def _times(parts: list[tuple[Decimal, str, str]], check: ConsentCheck) -> Counter[str]:
    seconds = check.facts["request"].get("duration_seconds")
    worth: Counter[str] = Counter()
    for amount, currency, per in parts:
        if per == "generation" or seconds is not None:
            times = (check.generations or 1) * (1 if per == "generation" else seconds)
            worth[currency] += amount * times  # type: ignore[assignment]
    return worth


def _sums(stream: Json) -> dict[str, Decimal]:
    sums = {each["currency"]: Decimal(each["amount"]) for each in stream["amounts"]}
    return {currency: amount for currency, amount in sums.items() if amount}


def _without_zeros(counter: Counter[str]) -> dict[str, Decimal]:
    return {currency: Decimal(amount) for currency, amount in counter.items() if amount}


def _concerning(rule: ConsentRule, world: World) -> Iterator[ConsentCheck]:
    """Checks about a character the rule is over."""
    concerned = {world.hero.pk}
    if rule.property_id is None and rule.subject_id is None:
        concerned.add(world.shared.pk)
    for check in ConsentCheck.objects.order_by("pk"):
        if concerned.intersection(check.subject_ids):
            yield check


@dataclass(frozen=True, kw_only=True)
class History:
    """Rules published first, and later; a rule with its draft; what was asked before and after."""

    before: list[tuple[Json, str, bool]]
    after: list[tuple[Json, str, bool]]
    first: Json
    published: bool
    scope: str
    draft: Json
    early: list[tuple[Json, int, int, int]]
    late: list[tuple[Json, int, int, int]]


SCOPES = st.sampled_from(("subject", "property", "all"))
RULES = st.lists(st.tuples(generated.bodies(), SCOPES, st.booleans()), max_size=2)
ASKINGS = st.lists(
    st.tuples(generated.requests, st.integers(0, 2), st.integers(0, 1), st.sampled_from((1, 1, 3))),
    min_size=1,
    max_size=4,
)
HISTORIES = st.builds(
    History,
    before=RULES,
    after=RULES,
    first=generated.bodies(),
    published=st.booleans(),
    scope=SCOPES,
    draft=generated.bodies(),
    early=ASKINGS,
    late=ASKINGS,
)


@settings(max_examples=40, deadline=None)
@given(history=HISTORIES, chunk=st.integers(1, 4))
def test_it_counts_what_a_naive_loop_counts(history: History, chunk: int) -> None:
    with undone():
        world = World()
        publish_all(world, history.before)
        rule = world.draft(world.studio, history.first, history.scope)
        if history.published:
            rules.publish(actor=world.studio.actor, now=NOW, rule=rule)
        ask_all(world, history.early)
        publish_all(world, history.after)
        ask_all(world, history.late)
        draft = world.body(history.draft)
        redraft(world.studio, rule, draft)
        simulation = start(world.studio, rule)
        in_turns(simulation.pk, chunk)
        simulation.refresh_from_db()
        assert simulation.state == "done", simulation.error

        counted, money = naively(world, rule, draft)
        ways = simulation.result["ways"]
        assert {(way["was"], way["becomes"]): way["requests"] for way in ways} == dict(counted)
        for name, sums in money.items():
            told = simulation.result["money"][name]
            assert _sums(told) == _without_zeros(sums), name


@contextmanager
def undone() -> Iterator[None]:
    """A story that leaves nothing behind, and in which verbs may insist on a transaction of their
    own, as in any test."""
    whole = transaction.atomic()
    whole._from_testcase = True  # type: ignore[attr-defined]
    with whole:
        yield
        transaction.set_rollback(True)


def publish_all(world: World, drawn: list[tuple[Json, str, bool]]) -> None:
    for body, scope, own in drawn:
        studio = world.studio if own else world.partner
        rule = world.draft(studio, body, scope)
        rules.publish(actor=studio.actor, now=NOW, rule=rule)


def ask_all(world: World, drawn: list[tuple[Json, int, int, int]]) -> None:
    subjects = [[world.hero], [world.shared], [world.hero, world.shared]]
    for said, which, platform, generations in drawn:
        world.ask(said, subjects[which], platform, generations)


def in_turns(simulation_id: UUID, chunk: int) -> None:
    """Works a chunk at a time, each by another worker, who goes on where the last one stopped."""
    clock = iter(LATER + timedelta(seconds=10 * tick) for tick in range(1000))
    while working.work(
        simulation_id=simulation_id,
        clock=lambda: next(clock),
        shift=timedelta(seconds=5),
        chunk=chunk,
    ):
        pass

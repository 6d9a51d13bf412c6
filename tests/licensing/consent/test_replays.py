"""Whatever has happened since, a stored decision taken again gives the same answer."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger.errors import Invalid, Refused
from ledger.ids import new_id, show
from licensing.catalog.models import Subject
from licensing.consent import approvals, decisions, facts, keys, rules, standing, switches
from licensing.consent.memory import Memory
from licensing.consent.models import (
    ApprovalRequest,
    ConsentCheck,
    ConsentRule,
    KillSwitch,
    RuleVersion,
)
from licensing.consent.replays import replay
from licensing.consent.terms import write_obligations, write_price
from tests.licensing.builders import build_ownership, build_property, build_subject
from tests.licensing.consent import generated
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    asking,
    build_generator,
    build_studio,
)

pytestmark = pytest.mark.django_db
Json = dict[str, Any]
# Before any window of a generated rule begins.
BEGIN = datetime(2026, 8, 25, tzinfo=UTC)

# What many stories have to have in them, or else they tell nothing of it.
EVERYTHING = (
    *("allow", "deny", "needs_approval", "granted"),
    *("on notice", "with changes", "with a spent quota"),
)
# Most generated rules are too narrow to be drawn on or relied on: these are not.
open_bodies = st.builds(
    lambda effect, more: {"effect": effect, **more},
    st.sampled_from(("allow", "allow", "needs_approval")),
    st.sampled_from(
        (
            {},
            {"quotas": [{"count": 1, "per": "day", "of": "everyone"}]},
            {"quotas": [{"count": 1, "per": "total", "of": "platform"}]},
            {"revocation_notice_days": 7},
            {"revocation_notice_days": 7, "obligations": {"watermark": True}},
        )
    ),
)
bodies = st.one_of(generated.bodies(), open_bodies)
requests = st.one_of(
    generated.requests,
    st.fixed_dictionaries(
        {
            "action": st.just("generate_video"),
            "platform": st.sampled_from(generated.PLATFORMS),
            "territory": st.sampled_from(generated.TERRITORIES),
        }
    ),
)
# What may happen next, each with what it takes; a number chooses among whatever is there.
number = st.integers(0, 9)
happenings = st.one_of(
    st.tuples(st.just("ask"), requests, number),
    st.tuples(st.just("ask"), requests, number),
    st.tuples(st.just("ask together"), requests, requests),
    st.tuples(st.just("publish"), bodies, number),
    st.tuples(st.just("publish anew"), bodies, number),
    st.tuples(st.just("revoke"), number),
    st.tuples(st.just("stop"), number),
    st.tuples(st.just("lift"), number),
    st.tuples(st.just("approve"), st.booleans(), number),
    st.tuples(st.just("wait"), st.sampled_from((1, 24, 24 * 8, 24 * 31))),
    st.tuples(st.just("hand over"), number),
)


@dataclass(kw_only=True)
class Story:
    """Two holders, two platforms and two characters, to which one thing happens after the other."""

    now: datetime = BEGIN
    studios: list[Studio] = field(default_factory=lambda: [build_studio(), build_studio()])
    generators: list[Generator] = field(
        default_factory=lambda: [build_generator(), build_generator()]
    )
    heroes: list[Subject] = field(init=False)
    names: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        first, second = (studio.holder for studio in self.studios)
        franchise = build_property(first)
        series = build_property(first, parent=franchise)
        self.heroes = [
            build_subject(first, property=series),
            build_subject(second, owners={first: 1, second: 1}),
        ]
        build_ownership(self.heroes[0], {second: 1}, territory="DE")
        things = [*self.heroes, series, franchise, first, second]
        self.names = dict(
            zip(
                (*generated.SUBJECTS, *generated.PROPERTIES, *generated.HOLDERS),
                (thing.shown_id for thing in things),
                strict=True,
            )
        )
        self.names["chr_9"] = show("chr", new_id())
        for name, generator in zip(generated.PLATFORMS, self.generators, strict=True):
            self.names[name] = generator.platform.shown_id

    def happen(self, what: str, *terms: Any) -> None:
        """One thing happens, or is refused, which changes nothing."""
        with suppress(Invalid, Refused):
            getattr(self, "_" + what.replace(" ", "_"))(*terms)

    def _ask(self, said: Json, choice: int) -> None:
        heroes = [self.heroes[:1], self.heroes[1:], self.heroes][choice % 3]
        self._check([self._asking(said, heroes)], said)

    def _ask_together(self, said: Json, other: Json) -> None:
        askings = [self._asking(each, self.heroes[:1]) for each in (said, other, said)]
        self._check(askings, said)

    def _check(self, askings: list[decisions.Asking], said: Json) -> None:
        generator = self._generator(said)
        decisions.check_all(
            actor=generator.actor, now=self.now, platform=generator.platform, askings=askings
        )

    def _asking(self, said: Json, heroes: list[Subject]) -> decisions.Asking:
        known = {
            name: value
            for name, value in said.items()
            if name not in ("platform", "at", "words", "co_subjects")
        }
        # Whoever else appears is somebody that is there.
        others = [hero for hero in self.heroes if hero not in heroes]
        company = tuple(others[: len(said["co_subjects"])]) if "co_subjects" in said else None
        return asking(
            self._generator(said).platform,
            *heroes,
            now=self.now,
            co_subjects=company,
            prompt=" and ".join(said["words"]) if "words" in said else None,
            **known,
        )

    def _publish(self, body: Json, choice: int) -> None:
        studio = self.studios[choice % 2]
        scope = rules.ALL
        if choice % 5 == 1:
            scope = rules.Scope(subject=self.heroes[1])
        elif choice % 5 == 2:
            scope = rules.Scope(property=self.heroes[0].property)
            studio = self.studios[0]
        rule = rules.create_rule(
            actor=studio.actor,
            now=self.now,
            holder=studio.holder,
            scope=scope,
            body=self._real(body),
        )
        rules.publish(actor=studio.actor, now=self.now, rule=rule)

    def _publish_anew(self, body: Json, choice: int) -> None:
        rule = self._one_of(ConsentRule.objects.all(), choice)
        if rule is not None:
            seen = rules.etag_of(rule.latest())
            studio = self._studio(rule)
            rules.edit_draft(
                actor=studio.actor, now=self.now, rule=rule, seen=seen, body=self._real(body)
            )
            rules.publish(actor=studio.actor, now=self.now, rule=rule)

    def _revoke(self, choice: int) -> None:
        version = self._one_of(RuleVersion.objects.filter(state="published"), choice)
        if version is not None:
            rules.revoke(actor=self._studio(version).actor, now=self.now, rule=version.rule)

    def _stop(self, choice: int) -> None:
        studio = self.studios[choice % 2]
        switches.throw(
            actor=studio.actor,
            now=self.now,
            holder=studio.holder,
            scope=rules.Scope(subject=self.heroes[1]) if choice % 3 else rules.ALL,
            platform=self.generators[0].platform if choice % 5 > 1 else None,
        )

    def _lift(self, choice: int) -> None:
        switch = self._one_of(KillSwitch.objects.thrown(), choice)
        if switch is not None:
            switches.lift(actor=self._studio(switch).actor, now=self.now, switch=switch)

    def _approve(self, always: bool, choice: int) -> None:
        asked = self._one_of(ApprovalRequest.objects.open_at(self.now), choice)
        if asked is not None:
            actor = self._studio(asked).actor
            approvals.approve(actor=actor, now=self.now, approval=asked, always=always)
            asked.refresh_from_db()
            for rule in ConsentRule.objects.filter(pk__in=asked.drafted_rules):
                rules.publish(actor=actor, now=self.now, rule=rule)

    def _wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    def _hand_over(self, choice: int) -> None:
        """From now on the second character is another's alone."""
        day = self.now.date()
        if not self.heroes[1].ownership_steps.filter(effective_on=day).exists():
            build_ownership(self.heroes[1], {self.studios[choice % 2].holder: 1}, effective_on=day)

    def _generator(self, said: Json) -> Generator:
        return self.generators[generated.PLATFORMS.index(said["platform"])]

    def _studio(self, thing: Any) -> Studio:
        return next(each for each in self.studios if each.holder.pk == thing.holder_id)

    def _one_of(self, rows: Any, choice: int) -> Any:
        found = list(rows.filter(holder__in=[each.holder for each in self.studios]).order_by("pk"))
        return found[choice % len(found)] if found else None

    def _real(self, body: Json) -> Json:
        """A generated body with the ids of what is here, and with quotas that are soon spent."""
        written = json.dumps(body)
        for name, shown in self.names.items():
            written = written.replace(f'"{name}"', f'"{shown}"')
        real: Json = json.loads(written)
        for quota in real.get("quotas", ()):
            quota["count"] = 1 + quota["count"] % 3
        return real


def told(check: ConsentCheck) -> Json:
    """All that a decision answered, as it was stored."""
    return {
        "outcome": check.outcome,
        "reasons": check.reasons,
        "verdicts": check.facts["verdicts"],
        "rule_versions": {show("rlv", version) for version in check.rule_versions},
        "obligations": check.obligations,
        "price": check.price,
        "would_allow": check.would_allow,
    }


def told_again(check: ConsentCheck) -> Json:
    """The same of its replay, by a process that remembers nothing."""
    again = replay(check)
    return {
        "outcome": str(again.outcome),
        "reasons": facts.write_reasons(again.reasons),
        "verdicts": facts.write_verdicts(again),
        "rule_versions": set(again.rule_versions),
        "obligations": write_obligations(again.obligations),
        "price": write_price(again.prices, by_agreement=again.by_agreement),
        "would_allow": facts.write_changes(again.would_allow),
    }


def runs_on(check: ConsentCheck) -> bool:
    """Whether it was allowed by a version that had ended before."""
    epochs = check.facts["epochs"]
    versions = RuleVersion.objects.filter(pk__in=check.rule_versions).select_related("holder")
    return check.outcome == "allow" and any(
        version.ended_epoch is not None and version.ended_epoch <= epochs[version.holder.shown_id]
        for version in versions
    )


def tell(begun: tuple[Json, ...], course: list[tuple[Any, ...]], seen: Counter[str]) -> None:
    """Lets all of it happen, replays every decision, and leaves nothing."""
    with transaction.atomic():
        story = Story()
        # Each holder begins with a rule over everything.
        for studio, body in enumerate(begun):
            story.happen("publish", body, 3 * studio)
        for what, *terms in course:
            story.happen(what, *terms)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(standing, "_rules", Memory(1000))
            for check in ConsentCheck.objects.order_by("pk"):
                assert told_again(check) == told(check)
                seen[check.outcome] += 1
                seen["with changes"] += bool(check.would_allow)
                seen["with a spent quota"] += "spent" in check.facts
                seen["granted"] += check.approves_id is not None
                seen["on notice"] += runs_on(check)
        transaction.set_rollback(True)


def replays(examples: int) -> Counter[str]:
    """Tells so many stories; how often there was what."""
    keys.current(now=BEGIN)
    seen: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.tuples(open_bodies, open_bodies), st.lists(happenings, min_size=10, max_size=40))
    def each(begun: tuple[Json, ...], course: list[tuple[Any, ...]]) -> None:
        tell(begun, course, seen)

    each()
    return seen


def test_every_stored_decision_replays_to_the_same_answer() -> None:
    seen = replays(20)
    assert seen["allow"]
    assert seen["deny"]


@pytest.mark.faults
def test_so_do_those_of_many_longer_stories() -> None:
    seen = replays(200)
    assert [name for name in EVERYTHING if not seen[name]] == []

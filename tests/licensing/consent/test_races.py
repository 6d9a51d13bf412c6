"""What holds when everything happens at once, on real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from ledger.errors import Refused
from licensing.catalog.models import Subject
from licensing.consent import approvals, keys, rules, switches
from licensing.consent.models import (
    ApprovalRequest,
    ConsentCheck,
    RuleVersion,
    SigningKey,
)
from tests.client import ApiClient
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)

pytestmark = pytest.mark.django_db(transaction=True)
SERVERS = 4
# Of a machine with much else to do.
PATIENCE = 60


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Runs `acts` each on a connection of its own, all let go together; a refusal is an answer."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            gate.wait(10)
            return act()
        except Refused as refusal:
            return refusal.code
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def hammer(generator: Generator, hero: Subject, change: Callable[[], Any]) -> list[ConsentCheck]:
    """Checks without pause from several threads of one server while `change` is made; returns the
    checks that began after its answer. What breaks in a thread breaks the story."""
    stop = threading.Event()
    answered = threading.Event()
    checks: list[ConsentCheck] = []
    after: list[ConsentCheck] = []

    def serve() -> None:
        try:
            while not stop.is_set():
                late = answered.is_set()
                check = ask(generator, hero, now=timezone.now())
                (after if late else checks).append(check)
        finally:
            connection.close()

    with ThreadPoolExecutor(SERVERS) as pool:
        servers = [pool.submit(serve) for _ in range(SERVERS)]
        try:
            _fill(checks, servers)
            change()
            answered.set()
            _fill(after, servers)
        finally:
            stop.set()
        for server in servers:
            server.result()
    return after


def _fill(checks: list[ConsentCheck], servers: list[Future[None]]) -> None:
    """Waits for enough checks, as long as every server goes on."""
    deadline = time.monotonic() + PATIENCE
    while len(checks) < SERVERS * 5 and not any(server.done() for server in servers):
        assert time.monotonic() < deadline, f"only {len(checks)} checks"
        time.sleep(0.01)


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def generator() -> Generator:
    return build_generator()


def test_no_check_that_starts_after_a_revocations_answer_is_allowed(
    studio: Studio, generator: Generator
) -> None:
    hero = build_subject(studio.holder)
    for _ in range(3):
        rule = publish_rule(studio, now=timezone.now())
        path = f"/consent-rules/{rule.shown_id}"
        client = ApiClient(studio.actor)
        seen = client.get(path)["ETag"]

        def revoke(client: ApiClient = client, path: str = path, seen: str = seen) -> None:
            assert client.post(f"{path}/revoke", If_Match=seen).status_code == 200

        after = hammer(generator, hero, revoke)
        assert {check.outcome for check in after} == {"deny"}
    assert ConsentCheck.objects.filter(outcome="allow").exists()


def test_no_check_that_starts_after_a_kill_switch_is_allowed(
    studio: Studio, generator: Generator
) -> None:
    hero = build_subject(studio.holder)
    publish_rule(studio, now=timezone.now())
    after = hammer(
        generator,
        hero,
        lambda: switches.throw(actor=studio.actor, now=timezone.now(), holder=studio.holder),
    )
    assert {check.outcome for check in after} == {"deny"}


def test_a_published_deny_holds_for_every_check_after_it(
    studio: Studio, generator: Generator
) -> None:
    hero = build_subject(studio.holder)
    publish_rule(studio, now=timezone.now())
    after = hammer(generator, hero, lambda: publish_rule(studio, effect="deny", now=timezone.now()))
    assert {check.outcome for check in after} == {"deny"}


def test_two_publish_at_once_and_one_does(studio: Studio) -> None:
    now = timezone.now()
    rule = rules.create_rule(
        actor=studio.actor, now=now, holder=studio.holder, body={"effect": "allow"}
    )

    def publish() -> str:
        return str(rules.publish(actor=studio.actor, now=now, rule=rule).state)

    assert sorted(at_once(publish, publish)) == ["no_draft", "published"]
    assert RuleVersion.objects.filter(rule=rule).count() == 1


def test_two_edit_at_once_and_one_has_not_seen_the_other(studio: Studio) -> None:
    now = timezone.now()
    rule = publish_rule(studio, now=now)
    seen = rules.etag_of(rule.latest())

    def edit() -> str:
        version = rules.edit_draft(
            actor=studio.actor, now=now, rule=rule, seen=seen, body={"effect": "deny"}
        )
        return str(version.state)

    assert sorted(at_once(edit, edit)) == ["draft", "stale"]


def test_a_switch_is_thrown_once_and_lifted_once(studio: Studio) -> None:
    now = timezone.now()

    def throw() -> str:
        return switches.throw(actor=studio.actor, now=now, holder=studio.holder).PREFIX

    assert sorted(at_once(throw, throw)) == ["already_thrown", "kls"]
    switch = studio.holder.kill_switches.get()

    def lift() -> str:
        return switches.lift(actor=studio.actor, now=now, switch=switch).PREFIX

    assert sorted(at_once(lift, lift)) == ["kls", "not_thrown"]


def test_approve_and_refuse_at_once_and_one_counts(studio: Studio, generator: Generator) -> None:
    now = timezone.now()
    publish_rule(studio, effect="needs_approval", now=now)
    ask(generator, build_subject(studio.holder), now=now)
    asked = ApprovalRequest.objects.get()

    def yes() -> str:
        return approvals.approve(actor=studio.actor, now=now, approval=asked).state

    def no() -> str:
        return approvals.refuse(actor=studio.actor, now=now, approval=asked).state

    answers = at_once(yes, no)
    assert answers.count("already_answered") == 1
    asked.refresh_from_db()
    granted = ConsentCheck.objects.filter(outcome="allow").count()
    assert granted == (1 if asked.state == "approved" else 0)


def test_the_last_of_two_holders_who_approve_at_once_grants(generator: Generator) -> None:
    now = timezone.now()
    houses = [build_studio(), build_studio()]
    shared = build_subject(houses[0].holder, owners={house.holder: 1 for house in houses})
    for house in houses:
        publish_rule(house, effect="needs_approval", now=now)
    ask(generator, shared, now=now)

    def yes(house: Studio) -> str:
        asked = ApprovalRequest.objects.get(holder=house.holder)
        return approvals.approve(actor=house.actor, now=now, approval=asked).state

    answers = at_once(lambda: yes(houses[0]), lambda: yes(houses[1]))
    assert answers == ["approved", "approved"]
    assert ConsentCheck.objects.filter(outcome="allow").count() == 1


def test_the_first_checks_ever_make_one_key(studio: Studio, generator: Generator) -> None:
    hero = build_subject(studio.holder)
    publish_rule(studio, now=timezone.now())

    def check() -> str:
        return ask(generator, hero, now=timezone.now()).outcome

    assert at_once(*[check] * SERVERS) == ["allow"] * SERVERS
    assert sorted(SigningKey.objects.values_list("state", flat=True)) == ["current", "next"]
    assert len(keys.published(now=timezone.now())) == 2


def test_whoever_waits_for_the_first_key_holds_up_nobody() -> None:
    now = timezone.now()
    everyone = threading.Barrier(SERVERS)

    def check() -> str:
        try:
            with transaction.atomic():
                kid = keys.current(now=now).kid
                # A check that takes long: none of them ends before each has its key.
                everyone.wait(10)
                return kid
        finally:
            connection.close()

    with ThreadPoolExecutor(SERVERS) as pool:
        with transaction.atomic():
            key = keys.current(now=now)
            checks = [pool.submit(check) for _ in range(SERVERS)]
            time.sleep(0.3)
        assert {each.result(30) for each in checks} == {key.kid}


def test_a_key_that_is_there_is_found_whoever_is_making_or_moving_one() -> None:
    now = timezone.now()
    key = keys.current(now=now)
    with transaction.atomic():
        keys._lock()
        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(at_once, lambda: keys.current(now=now).kid).result(30)
    assert found == [key.kid]

"""What holds when everything happens at once, on real connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
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
from tests.licensing.consent.servers import end_server, start_server

pytestmark = pytest.mark.django_db(transaction=True)
SERVERS = 4


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
    """Checks without pause from several servers while `change` is made; returns the checks that
    began after its answer."""
    stop = threading.Event()
    answered = threading.Event()
    after: list[ConsentCheck] = []
    began = threading.Semaphore(0)

    def server() -> None:
        try:
            while not stop.is_set():
                late = answered.is_set()
                check = ask(generator, hero, now=timezone.now())
                began.release()
                if late:
                    after.append(check)
        finally:
            connection.close()

    servers = [threading.Thread(target=server) for _ in range(SERVERS)]
    for one in servers:
        one.start()
    try:
        for _ in range(SERVERS * 5):
            assert began.acquire(timeout=20)
        change()
        answered.set()
        deadline = time.monotonic() + 20
        while len(after) < SERVERS * 5 and time.monotonic() < deadline:
            time.sleep(0.01)
    finally:
        stop.set()
        for one in servers:
            one.join()
    assert len(after) >= SERVERS * 5
    return after


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


def test_it_holds_on_every_server_process_whatever_it_remembers(
    studio: Studio, generator: Generator
) -> None:
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, now=timezone.now())
    servers = [start_server(generator, hero) for _ in range(2)]
    lines: list[str] = []
    try:
        for server in servers:
            assert server.stdout is not None
            lines += [server.stdout.readline() for _ in range(5)]
        rules.revoke(actor=studio.actor, now=timezone.now(), rule=rule)
        answered = time.monotonic_ns()
        time.sleep(0.5)
    finally:
        lines += [line for server in servers for line in end_server(server)]
    checks = [(int(began), outcome) for began, outcome in map(str.split, lines)]
    assert {outcome for _, outcome in checks[:10]} == {"allow"}
    late = [outcome for began, outcome in checks if began > answered]
    assert len(late) >= 10
    assert set(late) == {"deny"}


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

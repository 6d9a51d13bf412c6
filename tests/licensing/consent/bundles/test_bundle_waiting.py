"""Platforms that wait for a change: woken at once, holding nothing, and never too many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from licensing.consent import rules, switches
from tests.client import ApiClient
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import Studio, build_generator, build_studio, publish_rule
from tests.servers import WebServer, web_server

pytestmark = pytest.mark.django_db(transaction=True)

PATH = "/api/v1/consent-bundles/current"
# What a change takes at most to be noticed, on a machine that has nothing else to do.
NOTICED = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An answer, and how long after the machine's start it came."""

    answer: httpx.Response
    at: float


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[WebServer]:
    with web_server("--threads", "4", BUNDLE_WAITERS="2") as server:
        yield server


@pytest.fixture
def people() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as pool:
        yield pool


@pytest.fixture
def studio() -> Studio:
    studio = build_studio()
    build_subject(studio.holder)
    return studio


@pytest.fixture
def get(server: WebServer) -> Callable[..., Waiting]:
    """Asks for a platform's bundle, as its own program would."""
    secret = ApiClient(build_generator().actor).secret

    def get(etag: str = "", wait: int = 0) -> Waiting:
        headers = {"Authorization": f"Bearer {secret}"}
        if etag:
            headers["If-None-Match"] = etag
        answer = httpx.get(
            f"{server.base}{PATH}", params={"wait": wait}, headers=headers, timeout=40
        )
        return Waiting(answer=answer, at=time.monotonic())

    return get


def until_waiting(waiting: Future[Any]) -> None:
    """Gives the server the time to have begun to wait."""
    time.sleep(0.5)
    assert not waiting.done()


def test_a_revocation_and_a_stop_wake_who_waits(
    get: Callable[..., Waiting], people: ThreadPoolExecutor, studio: Studio
) -> None:
    etag = get().answer.headers["ETag"]
    took = []
    rule = None
    for change in ("publish", "revoke", "throw"):
        waiting = people.submit(get, etag, 15)
        until_waiting(waiting)
        now = timezone.now()
        if change == "publish":
            rule = publish_rule(studio, now=now)
        elif change == "revoke":
            assert rule is not None
            rules.revoke(actor=studio.actor, now=now, rule=rule)
        else:
            switches.throw(actor=studio.actor, now=now, holder=studio.holder)
        changed = time.monotonic()
        woken = waiting.result(30)
        assert woken.answer.status_code == 200, change
        assert woken.answer.headers["ETag"] != etag
        etag = woken.answer.headers["ETag"]
        took.append(woken.at - changed)
    # The quickest of three: how busy the machine is besides is not what this is about.
    assert min(took) < NOTICED, took


def test_who_waits_in_vain_is_told_that_nothing_has_changed(get: Callable[..., Waiting]) -> None:
    etag = get().answer.headers["ETag"]
    began = time.monotonic()
    found = get(etag, 1)
    assert (found.answer.status_code, found.answer.content) == (304, b"")
    assert found.at - began >= 1


def test_a_change_for_others_alone_wakes_nobody(
    get: Callable[..., Waiting], people: ThreadPoolExecutor, studio: Studio
) -> None:
    """Of another mode nothing is in the bundle, so the one there is stays good."""
    etag = get().answer.headers["ETag"]
    waiting = people.submit(get, etag, 2)
    until_waiting(waiting)
    publish_rule(build_studio(mode="live"), now=timezone.now())
    assert waiting.result(30).answer.status_code == 304


def test_there_is_room_for_a_few_who_wait_and_for_everybody_else(
    get: Callable[..., Waiting], people: ThreadPoolExecutor, server: WebServer, studio: Studio
) -> None:
    etag = get().answer.headers["ETag"]
    # Of three at once one finds no room, whoever comes last.
    three = [people.submit(get, etag, 15) for _ in range(3)]
    done, waiting = wait(three, timeout=30, return_when=FIRST_COMPLETED)
    (refused,) = [one.result().answer for one in done]
    assert refused.status_code == 503
    assert refused.json()["code"] == "too_many_waiting"
    assert int(refused.headers["Retry-After"]) > 0
    # Who does not wait is served as ever.
    assert get(etag).answer.status_code == 304
    assert get().answer.status_code == 200
    publish_rule(studio, now=timezone.now())
    assert [one.result(30).answer.status_code for one in waiting] == [200, 200]
    # Their places are free again.
    last = people.submit(get, get().answer.headers["ETag"], 1)
    assert last.result(30).answer.status_code == 304


def test_who_waits_holds_no_connection_and_no_transaction(
    get: Callable[..., Waiting], people: ThreadPoolExecutor
) -> None:
    etag = get().answer.headers["ETag"]
    waiting = people.submit(get, etag, 3)
    until_waiting(waiting)
    counts, states = [], set()
    while not waiting.done():
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT state, xact_start IS NOT NULL FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            rows = cursor.fetchall()
        counts.append(len(rows))
        states.update(rows)
        time.sleep(0.02)
    # Between two looks there is nobody at the database at all.
    assert min(counts) == 0
    assert counts.count(0) > len(counts) / 2
    assert ("idle in transaction", True) not in states
    assert waiting.result().answer.status_code == 304

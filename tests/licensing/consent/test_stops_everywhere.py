"""Once a change has been answered it holds on every server process, whatever that remembers."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from django.utils import timezone

from ledger.ids import show
from licensing.access.models import ApiKey
from licensing.catalog.models import Property, Subject
from licensing.consent import rules, switches
from licensing.consent.models import ConsentRule
from tests.client import ApiClient
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.servers import WebServer, web_servers

pytestmark = pytest.mark.django_db(transaction=True)
# How many answers each client has before the change, and how many that it asked for after it.
ENOUGH = 3
PATIENCE = 60


@pytest.fixture(scope="module")
def servers(django_db_setup: None) -> Iterator[list[WebServer]]:
    with web_servers(2) as running:
        yield running


@dataclass(kw_only=True)
class Scene:
    """A character that a platform may use, a holder with a key, and servers to reach them by."""

    servers: list[WebServer]
    studio: Studio
    generator: Generator
    franchise: Property
    hero: Subject
    rule: ConsentRule
    holder: ApiClient
    platform: ApiClient
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def post(
        self, path: str, body: Any = None, *, by: ApiClient | None = None, seen: str = ""
    ) -> Any:
        """A call by the holder, or by another, to the first of the servers; its answer."""
        answer = httpx.post(
            f"{self.servers[0].base}/api/v1{path}",
            json={} if body is None else body,
            headers=(by or self.holder).headers({"If-Match": seen} if seen else {}),
            timeout=PATIENCE,
        )
        assert answer.status_code in (200, 201), answer.text
        return answer.json()

    def ask(self, client: httpx.Client) -> str:
        """A consent check: its outcome, or why there is none. Every other one may be repeated."""
        number = next(self.numbers)
        key = {"Idempotency-Key": f"check-{number}"} if number % 2 else {}
        body = {"subjects": [self.hero.shown_id], "action": "generate_video"}
        answer = client.post(
            "/api/v1/consent-checks", json=body, headers=self.platform.headers(key)
        )
        said = answer.json()
        return str(said["outcome"] if answer.status_code == 201 else said["code"])

    def around(self, change: Callable[[], Any]) -> tuple[set[str], set[str]]:
        """What is answered to clients who ask without pause through every server: before `change`
        was begun, and to what was asked after it was answered."""
        began = answered = 0
        stop = threading.Event()
        told: list[list[tuple[int, int, str]]] = [[] for _ in range(2 * len(self.servers))]
        broken: list[Exception] = []

        def client(place: int) -> None:
            base = self.servers[place % len(self.servers)].base
            try:
                with httpx.Client(base_url=base, timeout=PATIENCE) as http:
                    while not stop.is_set():
                        asked = time.monotonic_ns()
                        answer = self.ask(http)
                        # A server that has too much to do says so, and is asked again.
                        if answer != "unavailable":
                            told[place].append((asked, time.monotonic_ns(), answer))
            except Exception as error:
                broken.append(error)

        def until(enough: Callable[[list[tuple[int, int, str]]], bool]) -> None:
            deadline = time.monotonic() + PATIENCE
            while not all(map(enough, told)):
                assert not broken, broken
                assert time.monotonic() < deadline, [len(each) for each in told]
                time.sleep(0.005)

        clients = [threading.Thread(target=client, args=(n,)) for n in range(len(told))]
        for one in clients:
            one.start()
        try:
            until(lambda answers: len(answers) >= ENOUGH)
            began = time.monotonic_ns()
            change()
            answered = time.monotonic_ns()
            until(lambda answers: len(answers) >= ENOUGH and answers[-ENOUGH][0] > answered)
        finally:
            stop.set()
            for one in clients:
                one.join()
        everything = list(itertools.chain(*told))
        return (
            {answer for _, heard, answer in everything if heard < began},
            {answer for asked, _, answer in everything if asked > answered},
        )


@pytest.fixture
def scene(servers: list[WebServer]) -> Scene:
    now = timezone.now()
    studio, generator = build_studio(), build_generator()
    franchise = build_property(studio.holder)
    series = build_property(studio.holder, parent=franchise)
    return Scene(
        servers=servers,
        studio=studio,
        generator=generator,
        franchise=franchise,
        hero=build_subject(studio.holder, property=series),
        rule=publish_rule(studio, now=now),
        holder=ApiClient(studio.actor),
        platform=ApiClient(generator.actor),
    )


def revoke(scene: Scene) -> Callable[[], Any]:
    seen = rules.etag_of(scene.rule.latest())
    return lambda: scene.post(f"/consent-rules/{scene.rule.shown_id}/revoke", seen=seen)


def publish_a_deny(scene: Scene) -> Callable[[], Any]:
    rule = draft_rule(scene.studio, effect="deny", subject=scene.hero, now=timezone.now())
    seen = rules.etag_of(rule.latest())
    return lambda: scene.post(f"/consent-rules/{rule.shown_id}/publish", seen=seen)


def publish_something_narrower(scene: Scene) -> Callable[[], Any]:
    draft = rules.edit_draft(
        actor=scene.studio.actor,
        now=timezone.now(),
        rule=scene.rule,
        seen=rules.etag_of(scene.rule.latest()),
        body={"effect": "allow", "actions": ["train"]},
    )
    seen = rules.etag_of(draft)
    return lambda: scene.post(f"/consent-rules/{scene.rule.shown_id}/publish", seen=seen)


def stop(**over: Callable[[Scene], str]) -> Callable[[Scene], Callable[[], Any]]:
    """Throws the kill switch over these."""

    def begin(scene: Scene) -> Callable[[], Any]:
        body = {name: of(scene) for name, of in over.items()}
        return lambda: scene.post("/kill-switches", body)

    return begin


def revoke_the_key(scene: Scene) -> Callable[[], Any]:
    key = ApiKey.objects.get(organisation=scene.generator.organisation)
    # By another of the person's own, for it cannot answer once it is revoked.
    other = ApiClient(scene.generator.actor)
    return lambda: scene.post(f"/api-keys/{show('key', key.pk)}/revoke", by=other)


CHANGES: dict[str, tuple[Callable[[Scene], Callable[[], Any]], str]] = {
    "revoking the rule": (revoke, "deny"),
    "publishing a deny": (publish_a_deny, "deny"),
    "publishing something narrower": (publish_something_narrower, "deny"),
    "stopping the character": (stop(subject=lambda scene: scene.hero.shown_id), "deny"),
    "stopping the franchise": (stop(property=lambda scene: scene.franchise.shown_id), "deny"),
    "stopping the platform": (
        stop(platform=lambda scene: scene.generator.platform.shown_id),
        "deny",
    ),
    "stopping everything": (stop(), "deny"),
    "revoking the platform's key": (revoke_the_key, "not_authenticated"),
}


@pytest.mark.parametrize(("begin", "after"), CHANGES.values(), ids=CHANGES)
def test_nothing_that_is_asked_after_its_answer_is_allowed(
    scene: Scene, begin: Callable[[Scene], Callable[[], Any]], after: str
) -> None:
    assert scene.around(begin(scene)) == ({"allow"}, {after})


def test_nothing_that_is_asked_after_a_stop_is_lifted_is_still_denied(scene: Scene) -> None:
    switch = switches.throw(
        actor=scene.studio.actor, now=timezone.now(), holder=scene.studio.holder
    )
    lift = f"/kill-switches/{switch.shown_id}/lift"
    assert scene.around(lambda: scene.post(lift)) == ({"deny"}, {"allow"})

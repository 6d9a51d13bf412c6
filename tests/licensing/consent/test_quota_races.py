"""The last units of a quota go to exactly as many, whoever asks, and through whichever server."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from licensing.catalog.models import Subject
from licensing.consent import approvals, decisions
from licensing.consent.models import ApprovalRequest, ConsentCheck, QuotaUse
from tests.client import ApiClient
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    ask,
    asking,
    build_generator,
    build_studio,
    publish_rule,
)
from tests.servers import web_servers

pytestmark = pytest.mark.django_db(transaction=True)
CLIENTS = 50
LEFT = 10


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def generator() -> Generator:
    return build_generator()


@pytest.fixture
def hero(studio: Studio) -> Subject:
    return build_subject(studio.holder)


def all_together(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    """Runs `acts` each in a thread of its own, all let go at the same moment."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            gate.wait(30)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def all_but_the_last(studio: Studio, generator: Generator, hero: Subject) -> None:
    """A rule of which all but the last ten units are drawn."""
    quota = {"count": 3 + LEFT, "per": "month", "of": "everyone"}
    publish_rule(studio, now=timezone.now(), quotas=[quota])
    for _ in range(3):
        assert ask(generator, hero, now=timezone.now()).outcome == "allow"


def receipts() -> int:
    return ConsentCheck.objects.filter(outcome="allow").values("receipt").distinct().count()


def test_fifty_threads_race_for_the_last_ten(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    all_but_the_last(studio, generator, hero)
    now = timezone.now()
    checks = all_together([lambda: ask(generator, hero, now=now).outcome] * CLIENTS)
    assert Counter(checks) == {"allow": LEFT, "deny": CLIENTS - LEFT}
    assert receipts() == 3 + LEFT
    assert QuotaUse.objects.get().used == 3 + LEFT


def test_fifty_clients_race_for_the_last_ten_through_several_servers(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    all_but_the_last(studio, generator, hero)
    headers = ApiClient(generator.actor).headers()
    body = {"subjects": [hero.shown_id], "action": "generate_video"}
    with web_servers(3) as servers:

        def client(number: int) -> Callable[[], str]:
            base = servers[number % len(servers)].base

            def call() -> str:
                answer = httpx.post(
                    f"{base}/api/v1/consent-checks",
                    json=body,
                    headers={**headers, "Idempotency-Key": f"client-{number}"},
                    timeout=60,
                )
                assert answer.status_code == 201, answer.text
                said = answer.json()
                assert (said["receipt"] is not None) == (said["outcome"] == "allow")
                return str(said["outcome"])

            return call

        outcomes = all_together([client(number) for number in range(CLIENTS)])
        # Sent again with their keys, they get the same answers and draw nothing.
        again = all_together([client(number) for number in range(CLIENTS)])
    assert Counter(outcomes) == {"allow": LEFT, "deny": CLIENTS - LEFT}
    assert again == outcomes
    assert receipts() == 3 + LEFT
    assert QuotaUse.objects.get().used == 3 + LEFT


def test_batches_over_many_rules_never_wait_for_one_another_in_a_circle(
    studio: Studio, generator: Generator
) -> None:
    heroes = [build_subject(studio.holder) for _ in range(6)]
    for hero in heroes:
        for of in ("platform", "everyone"):
            quotas = [{"count": 40, "per": per, "of": of} for per in ("hour", "total")]
            publish_rule(studio, subject=hero, now=timezone.now(), quotas=quotas)
    now = timezone.now()

    def batch(seed: int) -> Callable[[], int]:
        order = random.Random(seed).sample(heroes, len(heroes))
        askings = [asking(generator.platform, hero, now=now) for hero in order]

        def send() -> int:
            allowed = 0
            for _ in range(5):
                checks = decisions.check_all(
                    actor=generator.actor, now=now, platform=generator.platform, askings=askings
                )
                allowed += sum(check.outcome == "allow" for check in checks)
            return allowed

        return send

    allowed = sum(all_together([batch(seed) for seed in range(12)]))
    assert allowed == 40 * len(heroes)
    used = QuotaUse.objects.aggregate(Sum("used"))["used__sum"]
    assert used == 4 * allowed
    assert ConsentCheck.objects.count() == 12 * 5 * len(heroes)


def test_two_grants_race_for_the_last_one(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    now = timezone.now()
    quota = {"count": 1, "per": "total", "of": "everyone"}
    publish_rule(studio, now=now, effect="needs_approval", quotas=[quota])
    for _ in range(4):
        ask(generator, hero, now=now)

    def grant(approval: ApprovalRequest) -> str:
        try:
            return approvals.approve(actor=studio.actor, now=now, approval=approval).state
        except approvals.NoLongerPossible as refusal:
            return refusal.code

    acts = [lambda one=one: grant(one) for one in ApprovalRequest.objects.all()]
    assert Counter(all_together(acts)) == {"approved": 1, "no_longer_possible": 3}
    assert receipts() == QuotaUse.objects.get().used == 1

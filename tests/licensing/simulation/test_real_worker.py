"""Simulations by real Celery workers: messages ring, rows decide, and twice equals once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from licensing.access.models import AuditRecord
from licensing.simulation import simulations
from licensing.simulation.models import Simulation
from tests.client import ApiClient
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import (
    ask,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.settlement.workers import Workshop, wait_until, workshop
from tests.licensing.simulation.builders import ways

pytestmark = pytest.mark.django_db(transaction=True)

RING = "simulation.ring_waiting"
WORK = "simulation.work"


@pytest.fixture
def shop() -> Iterator[Workshop]:
    with workshop() as opened:
        yield opened


class Story:
    """Forty requests, a quarter of which a draft would refuse."""

    def __init__(self) -> None:
        moment = timezone.now() - timedelta(hours=1)
        self.studio, self.reel = build_studio(), build_generator()
        hero = build_subject(self.studio.holder)
        publish_rule(self.studio, subject=hero, now=moment)
        for number in range(40):
            ask(self.reel, hero, territory=("DE", "US", "FR", "JP")[number % 4], now=moment)
        self.draft = draft_rule(
            self.studio, effect="deny", territories={"only": ["DE"]}, subject=hero, now=moment
        )

    def start(self) -> Simulation:
        return simulations.start(
            actor=self.studio.actor, now=timezone.now(), rule=self.draft, days=7
        )


def assert_done_once(simulation: Simulation) -> None:
    simulation.refresh_from_db()
    assert ways(simulation.result) == {"allow to deny": 10, "allow to allow": 30}
    assert (simulation.requests, simulation.replayed) == (40, 40)
    verbs = AuditRecord.objects.filter(thing=simulation.shown_id, verb="simulation.done")
    assert verbs.count() == 1


def has_ended(simulation: Simulation) -> bool:
    simulation.refresh_from_db()
    return simulation.state not in ("queued", "running")


def test_duplicates_of_every_message_to_two_workers_have_one_effect(shop: Workshop) -> None:
    simulation = Story().start()
    shop.send(WORK, str(simulation.pk), times=10)
    shop.start_worker()
    shop.send(RING, times=3)
    wait_until(lambda: has_ended(simulation), meanwhile=lambda: shop.send(RING))
    shop.send(WORK, str(simulation.pk), times=5)
    shop.send(WORK, "00000000-0000-0000-0000-000000000000")
    another = Story().start()
    wait_until(lambda: has_ended(another), meanwhile=lambda: shop.send(RING))
    assert_done_once(simulation)
    assert_done_once(another)


def test_a_worker_killed_in_the_middle_leads_to_one_whole_result(shop: Workshop) -> None:
    story = Story()
    simulation = story.start()
    victim = shop.start_worker(processes=1)
    with transaction.atomic():
        # Nobody can read a check for the moment: the worker has begun, and is not done.
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE consent_consentcheck IN ACCESS EXCLUSIVE MODE")
        shop.send(WORK, str(simulation.pk))
        wait_until(reader_waits)
        victim.kill()
    simulation.refresh_from_db()
    assert (simulation.state, simulation.attempt, simulation.result) == ("running", 1, None)

    # The lease runs out.
    gone = timezone.now() - timedelta(seconds=1)
    Simulation.objects.filter(pk=simulation.pk).update(lease_until=gone)
    shop.start_worker(processes=1)
    wait_until(lambda: has_ended(simulation), meanwhile=lambda: shop.send(RING))
    assert_done_once(simulation)
    assert simulation.attempt == 2


def test_one_cancelled_while_it_runs_has_no_result_and_leaves_its_place(shop: Workshop) -> None:
    story = Story()
    simulation = story.start()
    shop.start_worker(processes=1)
    client = ApiClient(story.studio.actor)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE consent_consentcheck IN ACCESS EXCLUSIVE MODE")
        shop.send(WORK, str(simulation.pk))
        wait_until(reader_waits)
        assert client.post(f"/simulations/{simulation.shown_id}/cancel").status_code == 200
    another = story.start()
    assert another.slot == simulation.slot
    shop.send(WORK, str(another.pk))
    wait_until(lambda: has_ended(another), meanwhile=lambda: shop.send(RING))
    assert_done_once(another)
    simulation.refresh_from_db()
    assert (simulation.state, simulation.result) == ("cancelled", None)


def reader_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND"
            " relation = 'consent_consentcheck'::regclass)"
        )
        return bool(cursor.fetchone()[0])

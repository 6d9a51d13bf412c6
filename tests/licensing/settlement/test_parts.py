"""Parts: claimed by one, fenced by their attempt, set aside after the fifth failure, and seen."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from licensing.settlement import parts, runs
from licensing.settlement.models import RoyaltyLine, Run, RunPart
from licensing.settlement.refusals import LeaseLost
from licensing.settlement.tasks import ring_waiting_parts
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import (
    NOW,
    Made,
    Studio,
    build_batch,
    forward,
    settle,
    start,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    studio = Studio()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=studio.character(), licensed=True)])
    return studio


def rating(studio: Studio) -> Run:
    """A run whose one part waits."""
    run = start(studio)
    assert runs.advance(run_id=run.pk, now=NOW)
    assert runs.advance(run_id=run.pk, now=NOW)
    run.refresh_from_db()
    return run


def claimed(run: Run, *, later: timedelta = timedelta()) -> RunPart:
    part = parts.claim(run_id=run.pk, now=NOW + later)
    assert part is not None
    return part


def broken(studio: Studio) -> Run:
    """A run whose part cannot be done: the table its lines go to refuses them."""
    run = rating(studio)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE settlement_royaltyline ADD CONSTRAINT no_more CHECK (FALSE)")
    return run


def mended() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE settlement_royaltyline DROP CONSTRAINT no_more")


def test_a_leased_part_is_nobody_elses_until_the_lease_runs_out(studio: Studio) -> None:
    run = rating(studio)
    first = claimed(run)
    assert parts.claim(run_id=run.pk, now=NOW + parts.LEASE - timedelta(seconds=1)) is None
    second = claimed(run, later=parts.LEASE)
    assert (second.pk, second.attempt) == (first.pk, first.attempt + 1)


def test_a_worker_that_froze_past_its_lease_writes_nothing(studio: Studio) -> None:
    run = rating(studio)
    frozen = claimed(run)
    other = claimed(run, later=parts.LEASE)
    with pytest.raises(LeaseLost):
        parts.perform(part=frozen, clock=lambda: NOW)
    parts.perform(part=other, clock=lambda: NOW)
    with pytest.raises(LeaseLost):
        parts.perform(part=other, clock=lambda: NOW)
    assert RoyaltyLine.objects.count() == 1


def test_a_failed_part_leaves_nothing_and_waits_longer_each_time(studio: Studio) -> None:
    run = broken(studio)
    waits = []
    moment = NOW
    for _ in range(4):
        assert parts.work_next(run_id=run.pk, clock=lambda: moment)  # noqa: B023 - used at once
        part = RunPart.objects.get(run=run)
        assert (part.state, "no_more" in part.error) == ("waiting", True)
        waits.append((part.not_before - moment).total_seconds())
        assert not parts.work_next(run_id=run.pk, clock=lambda: moment)  # noqa: B023
        moment = part.not_before
    assert waits == [5, 10, 20, 40]
    assert not RoyaltyLine.objects.exists()


def test_after_five_failures_the_part_is_set_aside_and_the_run_parked_until_it_is_resumed(
    studio: Studio,
) -> None:
    run = broken(studio)
    moment = NOW
    for _ in range(5):
        forward(run, now=moment)
        moment += timedelta(hours=1)
    part = RunPart.objects.get(run=run)
    assert (run.state, run.parked_from, part.state) == ("parked", "rating", "quarantined")
    assert forward(run, now=moment).state == "parked"
    mended()
    runs.resume_run(actor=studio.finance.preparer, now=moment, run=run)
    assert forward(run, now=moment).state == "in_review"


def test_a_part_whose_worker_is_lost_five_times_is_set_aside(studio: Studio) -> None:
    run = rating(studio)
    for lost in range(5):
        claimed(run, later=lost * parts.LEASE)
    assert parts.claim(run_id=run.pk, now=NOW + 6 * parts.LEASE) is None
    run.refresh_from_db()
    part = RunPart.objects.get(run=run)
    assert (run.state, part.state, part.error) == ("parked", "quarantined", "Its worker was lost.")


def test_a_parked_run_may_be_cancelled(studio: Studio) -> None:
    run = rating(studio)
    for lost in range(5):
        claimed(run, later=lost * parts.LEASE)
    parts.claim(run_id=run.pk, now=NOW + 6 * parts.LEASE)
    runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=run)
    assert start(studio).revision == run.revision + 1


def test_a_move_that_fails_five_times_parks_the_run_and_says_why(studio: Studio) -> None:
    run = rating(studio)
    assert parts.work_next(run_id=run.pk, clock=lambda: NOW)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE settlement_runshare ADD CONSTRAINT no_more CHECK (FALSE)")
    moment = NOW
    for _ in range(5):
        forward(run, now=moment)
        moment += timedelta(hours=1)
    assert (run.state, run.parked_from, "no_more" in run.error) == ("parked", "rated", True)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE settlement_runshare DROP CONSTRAINT no_more")
    runs.resume_run(actor=studio.finance.preparer, now=moment, run=run)
    assert forward(run, now=moment).state == "in_review"


def test_a_part_of_a_cancelled_run_has_no_effect(studio: Studio) -> None:
    run = rating(studio)
    part = claimed(run)
    runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=run)
    with pytest.raises(LeaseLost):
        parts.perform(part=part, clock=lambda: NOW)
    assert not RoyaltyLine.objects.exists()


def test_the_sweep_rings_for_what_is_unfinished_and_for_nothing_else(studio: Studio) -> None:
    assert ring_waiting_parts() == 0
    run = start(studio)
    assert ring_waiting_parts() == 1
    forward(run)
    assert ring_waiting_parts() == 0
    settle(Studio(finance=studio.finance))
    assert ring_waiting_parts() == 0


def test_a_broker_that_is_down_is_no_reason_to_fail() -> None:
    """The message is lost, the row is there, and the sweep rings again."""
    script = (
        "import django, uuid; django.setup();"
        "from licensing.settlement.tasks import ring; ring(uuid.UUID(int=1)); print('went on')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "REDIS_URL": "redis://127.0.0.1:1/0",
        },
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout == "went on\n"
    assert "settlement_not_rung" in done.stderr

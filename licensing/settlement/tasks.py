"""Celery's part in settlement: a doorbell that carries ids, and the sweep that rings again."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import structlog
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from licensing.settlement.driving import drive
from licensing.settlement.models import Run
from licensing.settlement.states import DRIVEN

log = structlog.get_logger(__name__)

# What one message does at most, so that a worker is never long from its next one.
STEPS = 20
RUNS_AT_ONCE = 100


@shared_task(name="settlement.work_run")
def work_run(run_id: str) -> None:
    """Does some of what is due of one run, and rings again if there may be more."""
    if not drive(run_id=UUID(run_id), clock=timezone.now, most=STEPS):
        ring(UUID(run_id))


@shared_task(name="settlement.ring_waiting_parts")
def ring_waiting_parts() -> int:
    """Rings for every run that is not finished; answers how many. Any number of rings do no harm:
    whoever comes finds what is due, or nothing."""
    unfinished = Run.objects.filter(state__in=DRIVEN).order_by("state_since")
    run_ids = list(unfinished.values_list("pk", flat=True)[:RUNS_AT_ONCE])
    for run_id in run_ids:
        ring(run_id)
    return len(run_ids)


def ring(run_id: UUID) -> None:
    """Says that a run has work, without fail: a message that is lost, the sweep sends again."""
    try:
        work_run.delay(str(run_id))
    except Exception as error:
        log.warning("settlement_not_rung", run=str(run_id), error=repr(error))


def ring_on_commit(run_id: UUID) -> None:
    """Rings once the present transaction has committed, and not if it never does."""
    transaction.on_commit(partial(ring, run_id), robust=True)

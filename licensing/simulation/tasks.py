"""Celery's part in simulations: a doorbell that carries ids, and the sweep that rings again."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import structlog
from celery import shared_task
from django.db import transaction
from django.utils import timezone

from licensing.simulation.models import Simulation
from licensing.simulation.working import work

log = structlog.get_logger(__name__)

AT_ONCE = 100


@shared_task(name="simulation.work")
def work_on(simulation_id: str) -> None:
    """Works on one simulation for a shift, and rings again if more is left."""
    if work(simulation_id=UUID(simulation_id), clock=timezone.now):
        ring(UUID(simulation_id))


@shared_task(name="simulation.ring_waiting")
def ring_waiting() -> int:
    """Rings for every simulation that has not ended; answers how many. Any number of rings do no
    harm: whoever comes finds what is due, or nothing."""
    unfinished = Simulation.objects.unfinished().order_by("pk")
    waiting = list(unfinished.values_list("pk", flat=True)[:AT_ONCE])
    for simulation_id in waiting:
        ring(simulation_id)
    return len(waiting)


def ring(simulation_id: UUID) -> None:
    """Says that a simulation has work, without fail: a message that is lost, the sweep sends
    again."""
    try:
        work_on.delay(str(simulation_id))
    except Exception as error:
        log.warning("simulation_not_rung", simulation=str(simulation_id), error=repr(error))


def ring_on_commit(simulation_id: UUID) -> None:
    """Rings once the present transaction has committed, and not if it never does."""
    transaction.on_commit(partial(ring, simulation_id), robust=True)

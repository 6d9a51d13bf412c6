"""Parts of runs: claimed with SKIP LOCKED, done in one transaction, fenced by their attempt.

The claim commits by itself, so that a worker that dies leaves a lease that runs out. The effect
and `done` commit together, and only for the latest attempt. Running any of it again is safe.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connection, transaction

from licensing.settlement.models import Run, RunPart
from licensing.settlement.moves import park
from licensing.settlement.posting import post_part
from licensing.settlement.rating import rate_part
from licensing.settlement.refusals import LeaseLost
from licensing.settlement.states import PartKind, PartState, RunState

log = structlog.get_logger(__name__)

# Read at the beginning and at the end of a part, which may take long.
Clock = Callable[[], datetime]

# Longer than a task may run, so that a lease that ran out belongs to a worker that is gone.
LEASE: Final = timedelta(seconds=60)
MOST_ATTEMPTS: Final = 5
_FIRST_WAIT: Final = timedelta(seconds=5)
_DOUBLINGS: Final = 6
# The parts that work of a run's state consists of.
WORK: Final = {
    RunState.RATING: (PartKind.RATE, PartKind.RESTATE),
    RunState.POSTING: (PartKind.POST,),
}

# Reads the run's parts that are due; leases one. SKIP LOCKED lets workers pass one another; a
# lease that ran out is taken over, and its attempt counts.
_CLAIM: Final = """
UPDATE settlement_runpart p
   SET state = 'leased', attempt = p.attempt + 1, lease_until = %(until)s,
       started_at = coalesce(p.started_at, %(now)s)
 WHERE p.id = (
    SELECT c.id FROM settlement_runpart c
     WHERE c.run_id = %(run)s AND c.kind = ANY(%(kinds)s) AND c.attempt < %(most)s
       AND ((c.state = 'waiting' AND (c.attempt = 0 OR c.not_before <= %(now)s))
            OR (c.state = 'leased' AND c.lease_until <= %(now)s))
     ORDER BY c.number LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING p.id
"""
# A part whose worker was lost five times is set aside like one that failed five times.
_LOST: Final = """
UPDATE settlement_runpart
   SET state = 'quarantined', lease_until = NULL, error = 'Its worker was lost.'
 WHERE id IN (
    SELECT id FROM settlement_runpart
     WHERE run_id = %(run)s AND state = 'leased' AND lease_until <= %(now)s AND attempt >= %(most)s
       FOR UPDATE SKIP LOCKED)
RETURNING id
"""


def waiting_time(attempt: int) -> timedelta:
    """How long to wait after this attempt failed: 5 seconds, and twice as long each time up to
    about five minutes."""
    wait: timedelta = _FIRST_WAIT * 2 ** min(attempt - 1, _DOUBLINGS)
    return wait


def work_next(*, run_id: UUID, clock: Clock) -> bool:
    """Does one due part of the run, if there is one; answers whether it took one.

    To be called outside any transaction. A failure is written down, never raised.
    """
    part = claim(run_id=run_id, now=clock())
    if part is None:
        return False
    try:
        perform(part=part, clock=clock)
    except LeaseLost:
        log.info("settlement_lease_lost", part=part.shown_id, attempt=part.attempt)
    except Exception as error:
        # Whatever it was, the part must be seen to have failed; what it wrote was undone.
        log.warning("settlement_part_failed", part=part.shown_id, error=repr(error))
        fail(part=part, now=clock(), error=repr(error))
    return True


def claim(*, run_id: UUID, now: datetime) -> RunPart | None:
    """Leases one due part of the run, if there is one."""
    with transaction.atomic(durable=True):
        run = Run.objects.filter(pk=run_id, state__in=WORK).first()
        if run is None:
            return None
        terms: dict[str, Any] = {
            "run": run_id,
            "kinds": [str(kind) for kind in WORK[RunState(run.state)]],
            "most": MOST_ATTEMPTS,
            "now": now,
            "until": now + LEASE,
        }
        with connection.cursor() as cursor:
            cursor.execute(_LOST, terms)
            if cursor.fetchone() is not None:
                _park(run=run, now=now)
                return None
            cursor.execute(_CLAIM, terms)
            row = cursor.fetchone()
        return None if row is None else RunPart.objects.get(pk=row[0])


def perform(*, part: RunPart, clock: Clock) -> None:
    """The part's effect and its `done`, in one transaction. Raises LeaseLost."""
    with transaction.atomic(durable=True):
        # Shared with the run's other parts; a cancellation waits for us, or we for it.
        run = (
            Run.objects.raw("SELECT * FROM settlement_run WHERE id = %s FOR SHARE", [part.run_id])
        )[0]
        held = (
            RunPart.objects.select_for_update()
            .filter(pk=part.pk, state=PartState.LEASED, attempt=part.attempt)
            .first()
        )
        if held is None or PartKind(held.kind) not in WORK.get(RunState(run.state), ()):
            raise LeaseLost
        if held.kind == PartKind.POST:
            post_part(run=run, part=held, now=clock())
        else:
            rate_part(run=run, part=held)
        RunPart.objects.filter(pk=held.pk).update(
            state=PartState.DONE, lease_until=None, finished_at=clock(), error=""
        )


def fail(*, part: RunPart, now: datetime, error: str) -> None:
    """Writes down that this attempt failed: the part waits longer each time, and after the fifth
    it is set aside and its run parked."""
    with transaction.atomic():
        last = part.attempt >= MOST_ATTEMPTS
        written = RunPart.objects.filter(
            pk=part.pk, state=PartState.LEASED, attempt=part.attempt
        ).update(
            state=PartState.QUARANTINED if last else PartState.WAITING,
            lease_until=None,
            not_before=now + waiting_time(part.attempt),
            error=error[:500],
        )
        if written and last:
            run = Run.objects.select_for_update(no_key=True).get(pk=part.run_id)
            _park(run=run, now=now)


def _park(*, run: Run, now: datetime) -> None:
    if run.state in WORK:
        error = "A part failed five times."
        park(run=run, now=now, error=error)

"""Simulations worked on: claimed with SKIP LOCKED, leased, fenced by their attempt, gone on with.

The claim commits by itself, so that a worker that dies leaves a lease that runs out. What has been
counted is saved now and then; whoever takes over goes on from there. Running any of it again, or
beside itself, is safe: only the latest attempt may write.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import structlog
from django.db import connection, transaction

from ledger import ids
from ledger.actor import Mode, system_actor
from ledger.errors import DomainError
from ledger.wire import show_instant
from licensing.access import audit
from licensing.consent.engine.bodies import read_body
from licensing.consent.models import ConsentCheck
from licensing.simulation.models import Simulation
from licensing.simulation.reading import worklist
from licensing.simulation.replaying import Replayer
from licensing.simulation.states import SimulationState
from licensing.simulation.tally import Json, summed_up

log = structlog.get_logger(__name__)

# Read at the beginning and between chunks.
Clock = Callable[[], datetime]

# Longer than a task may run, so that a lease that ran out belongs to a worker that is gone.
LEASE: Final = timedelta(seconds=60)
# What one claim works at most, and how often it tells how far it is and saves what it has counted.
SHIFT: Final = timedelta(seconds=25)
TELLS: Final = timedelta(milliseconds=500)
SAVES: Final = timedelta(seconds=5)
CHUNK: Final = 2000
MOST_SETBACKS: Final = 5
_FIRST_WAIT: Final = timedelta(seconds=5)

# Leases the simulation if it is due: queued, or left by a worker whose lease ran out. SKIP LOCKED,
# so that of two at once the second passes on.
_CLAIM: Final = """
UPDATE simulation_simulation s
   SET state = 'running', attempt = s.attempt + 1, setbacks = s.setbacks + 1,
       lease_until = %(until)s, started_at = coalesce(s.started_at, %(now)s),
       as_of = coalesce(s.as_of, %(as_of)s)
 WHERE s.id = (
    SELECT c.id FROM simulation_simulation c
     WHERE c.id = %(id)s AND c.setbacks < %(most)s
       AND ((c.state = 'queued' AND (c.setbacks = 0 OR c.not_before <= %(now)s))
            OR (c.state = 'running' AND c.lease_until <= %(now)s))
       FOR UPDATE SKIP LOCKED)
RETURNING s.id
"""


class _LeaseLost(Exception):
    """Somebody else has taken over, or it was cancelled."""


def work(
    *,
    simulation_id: UUID,
    clock: Clock,
    shift: timedelta = SHIFT,
    chunk: int = CHUNK,
    seen: Callable[[], None] = lambda: None,
) -> bool:
    """Works on a simulation if it is due, for about a `shift`; answers whether more is left to do
    at once. `seen` is called whenever progress was written. To be called outside any transaction.
    A failure is written down, never raised."""
    simulation = claim(simulation_id=simulation_id, now=clock())
    if simulation is None:
        return False
    try:
        return _perform(simulation, clock=clock, shift=shift, chunk=chunk, seen=seen)
    except _LeaseLost:
        log.info("simulation_lease_lost", simulation=simulation.shown_id)
    except DomainError as refusal:
        _fail(simulation, now=clock(), error=refusal.detail, for_good=True)
    except Exception as error:
        log.warning("simulation_failed", simulation=simulation.shown_id, error=repr(error))
        _fail(simulation, now=clock(), error=repr(error))
    return False


def claim(*, simulation_id: UUID, now: datetime) -> Simulation | None:
    """Leases the simulation if it is due. One whose workers were lost five times has failed."""
    with transaction.atomic(durable=True):
        rows = Simulation.objects.select_related("rule__holder__organisation")
        found = rows.filter(pk=simulation_id).first()
        if found is None:
            return None
        begins = read_body(found.body).window_from
        terms: dict[str, Any] = {
            "id": simulation_id,
            "now": now,
            "until": now + LEASE,
            "as_of": max(now, begins or now),
            "most": MOST_SETBACKS,
        }
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, terms)
            if cursor.fetchone() is not None:
                return rows.get(pk=simulation_id)
        lost = rows.select_for_update(of=("self",), no_key=True, skip_locked=True).filter(
            pk=simulation_id,
            state=SimulationState.RUNNING,
            lease_until__lte=now,
            setbacks__gte=MOST_SETBACKS,
        )
        for simulation in lost:
            _end(simulation, SimulationState.FAILED, now=now, error="Its worker was lost.")
    return None


def _perform(
    simulation: Simulation,
    *,
    clock: Clock,
    shift: timedelta,
    chunk: int,
    seen: Callable[[], None],
) -> bool:
    """Replays what is left, for about a shift; answers whether some is still left."""
    assert simulation.as_of is not None
    saved = simulation.checkpoint
    replayer = Replayer(simulation)
    left = worklist(
        subjects=list(replayer.subjects),
        window_from=simulation.window_from,
        window_to=simulation.window_to,
        before=UUID(saved["after"]) if saved else None,
    )
    done = replayer.tally.requests
    total = done + len(left)
    began = told_at = saved_at = clock()
    _tell(simulation, now=began, requests=total, replayed=done)
    seen()
    for checks in left.chunks(chunk):
        replayer.replay(checks)
        done += len(checks)
        now = clock()
        over = now - began >= shift and done < total
        if over or now - saved_at >= SAVES:
            told_at = saved_at = now
            checkpoint = replayer.checkpoint(checks[-1])
            _tell(simulation, now=now, replayed=done, checkpoint=checkpoint, setbacks=0)
            seen()
        elif now - told_at >= TELLS:
            told_at = now
            _tell(simulation, now=now, replayed=done)
            seen()
        if over:
            # The lease ends at once, for whoever comes next.
            _write(simulation, lease_until=now)
            return True
    result = {"as_of": show_instant(simulation.as_of), **_dated(replayer.tally.write())}
    _end(simulation, SimulationState.DONE, now=clock(), result=summed_up(result), replayed=done)
    return False


def _tell(simulation: Simulation, *, now: datetime, **columns: Any) -> None:
    """Writes how far it is and keeps the lease, if the attempt still holds. Raises _LeaseLost."""
    _write(simulation, lease_until=now + LEASE, **columns)


def _write(simulation: Simulation, **columns: Any) -> None:
    """Writes, if the attempt still holds. Raises _LeaseLost."""
    held = Simulation.objects.filter(
        pk=simulation.pk, state=SimulationState.RUNNING, attempt=simulation.attempt
    )
    if not held.update(**columns):
        raise _LeaseLost


def _dated(tally: Json) -> Json:
    """A tally whose examples say when each was asked."""
    examples = [example for way in tally["examples"] for example in way["requests"]]
    wanted = [ids.read(ConsentCheck.PREFIX, example["consent_check"]) for example in examples]
    rows = ConsentCheck.objects.filter(pk__in=wanted).values_list("pk", "issued_at")
    asked_at = {ids.show(ConsentCheck.PREFIX, pk): show_instant(at) for pk, at in rows}
    for example in examples:
        example["issued_at"] = asked_at[example["consent_check"]]
    return tally


def _fail(simulation: Simulation, *, now: datetime, error: str, for_good: bool = False) -> None:
    """Writes down that this attempt failed: it waits longer each time, and the fifth is the last."""
    try:
        if for_good or simulation.setbacks >= MOST_SETBACKS:
            _end(simulation, SimulationState.FAILED, now=now, error=error[:500])
            return
        wait = _FIRST_WAIT * 2 ** (simulation.setbacks - 1)
        _write(
            simulation,
            state=SimulationState.QUEUED,
            lease_until=None,
            not_before=now + wait,
            error=error[:500],
        )
    except _LeaseLost:
        log.info("simulation_lease_lost", simulation=simulation.shown_id)


def _end(simulation: Simulation, state: SimulationState, *, now: datetime, **columns: Any) -> None:
    """The last move, in one transaction with its audit record. Raises _LeaseLost."""
    mode: Mode = "live" if simulation.holder.organisation.mode == "live" else "test"
    with transaction.atomic():
        ended = {"lease_until": None, "checkpoint": None, "finished_at": now, **columns}
        _write(simulation, state=state, **ended)
        audit.record(
            actor=system_actor(mode=mode, label="simulation"),
            now=now,
            verb=f"simulation.{state.value}",
            thing=simulation.shown_id,
            organisation_id=simulation.holder.organisation_id,
        )

"""The moves of a run: compare-and-set on state and version, with their audit record."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import F

from ledger.actor import Actor, Mode, system_actor
from ledger.errors import NotFound
from licensing.access import audit
from licensing.settlement.models import Run
from licensing.settlement.refusals import NobodyAnswerable, NotInState
from licensing.settlement.states import RUN_MOVES, RunState


def answerable(actor: Actor) -> UUID:
    """The person who answers for the act; only the house's people do. Raises NobodyAnswerable."""
    if actor.person_id is None or not actor.is_house:
        raise NobodyAnswerable
    return actor.person_id


def locked(actor: Actor, run: Run) -> Run:
    """The run's present row, locked to the end of the transaction. Raises NotFound."""
    found = (
        Run.objects.visible_to(actor)
        .select_related("platform")
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=run.pk)
        .first()
    )
    if found is None:
        raise NotFound
    return found


def move(*, actor: Actor, now: datetime, run: Run, to: RunState, **columns: Any) -> None:
    """One legal move of a run, within the caller's transaction. Raises NotInState."""
    was = RunState(run.state)
    if to not in RUN_MOVES[was]:
        raise NotInState(f"A run that is {was.label.lower()} cannot become {to.label.lower()}.")
    # Whatever went wrong before this move is over with it.
    changes = {"attempt": 0, "error": "", **columns}
    moved = Run.objects.filter(pk=run.pk, state=was, version=run.version).update(
        state=to, version=F("version") + 1, state_since=now, **changes
    )
    if not moved:
        raise NotInState
    audit.record(
        actor=actor,
        now=now,
        verb=f"settlement.{to.value}",
        thing=run.shown_id,
        detail={"from": was.value, "to": to.value},
    )
    run.refresh_from_db()


def park(*, run: Run, now: datetime, error: str) -> None:
    """A run that cannot go on is set aside until a person resumes or cancels it."""
    move(
        actor=machine(run),
        now=now,
        run=run,
        to=RunState.PARKED,
        parked_from=run.state,
        error=error[:500],
    )


def machine(run: Run) -> Actor:
    """The machine, acting on a run in its mode."""
    mode: Mode = "live" if run.mode == "live" else "test"
    return system_actor(mode=mode, label="settlement")

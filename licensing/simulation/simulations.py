"""Simulations started and cancelled."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction

from ledger.actor import Actor
from ledger.errors import Invalid, NotFound, Refused
from licensing.access import audit
from licensing.consent.engine.bodies import content_hash
from licensing.consent.models import ConsentRule, RuleVersion
from licensing.consent.rules import NoDraft
from licensing.consent.states import VersionState
from licensing.simulation.models import AT_ONCE, LONGEST, Simulation
from licensing.simulation.states import SIMULATION_MOVES, SimulationState

MOST_DAYS: Final = LONGEST.days
DAYS: Final = 30


class BadWindow(Invalid):
    """The window ends after it begins, at most 400 days later, and not in the future."""

    code = "bad_window"


class TooManySimulations(Refused):
    """Three simulations of this rights holder are waiting or running: let one end first."""

    code = "too_many_simulations"


class AlreadyEnded(Refused):
    """This simulation has ended."""

    code = "already_ended"


# One transaction at a time takes one of the holder's places.
_LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('simulations of ' || %s, 0))"


def start(
    *,
    actor: Actor,
    now: datetime,
    rule: ConsentRule,
    days: int = DAYS,
    window_from: datetime | None = None,
    window_to: datetime | None = None,
) -> Simulation:
    """Queues a simulation of the draft of `rule`, as it is worded now.

    It replays what was asked in the last `days` days before `now`, or, with `window_from`, from
    there up to but without `window_to` (or `now`). The caller rings: `tasks.ring_on_commit`.
    What comes of it is read from the row: `state`, `requests`, `replayed`, `of_latest`, and in the
    end `result` (its shape is told in `licensing.simulation.tally`).

    Raises ScopeMissing (`consent:write`), NotFound, NoDraft, BadWindow, TooManySimulations.
    """
    actor.require("consent:write")
    begins = now - timedelta(days=days) if window_from is None else window_from
    ends = window_to or now
    if not begins < ends <= now or ends - begins > LONGEST:
        raise BadWindow(pointer="/days" if window_from is None else "/from")
    with transaction.atomic():
        if not ConsentRule.objects.visible_to(actor).filter(pk=rule.pk).exists():
            raise NotFound
        draft = RuleVersion.objects.filter(rule=rule, state=VersionState.DRAFT).first()
        if draft is None:
            raise NoDraft("There is no draft to simulate.")
        simulation = Simulation.objects.create(
            rule=rule,
            holder_id=rule.holder_id,
            version=draft,
            revision=draft.revision,
            body=draft.body,
            content_hash=content_hash(draft.body),
            window_from=begins,
            window_to=ends,
            slot=_free_slot(rule),
            not_before=now,
            created_by=actor.label[:200],
            created_at=now,
        )
        _record(actor, now, "simulation.start", simulation)
        return simulation


def cancel(*, actor: Actor, now: datetime, simulation: Simulation) -> Simulation:
    """Ends a simulation that waits or runs; its worker stops at its next step. Again is no change.

    Raises ScopeMissing (`consent:write`), NotFound, AlreadyEnded.
    """
    actor.require("consent:write")
    with transaction.atomic():
        rows = Simulation.objects.visible_to(actor).select_for_update(of=("self",), no_key=True)
        found = rows.filter(pk=simulation.pk).first()
        if found is None:
            raise NotFound
        if found.state == SimulationState.CANCELLED:
            return found
        if SimulationState.CANCELLED not in SIMULATION_MOVES[SimulationState(found.state)]:
            raise AlreadyEnded
        found.state = SimulationState.CANCELLED
        found.lease_until = found.checkpoint = None
        found.finished_at = now
        found.save(update_fields=["state", "lease_until", "checkpoint", "finished_at"])
        _record(actor, now, "simulation.cancel", found)
        return found


def _free_slot(rule: ConsentRule) -> int:
    """A place that none of the holder's unfinished ones has. Raises TooManySimulations."""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [str(rule.holder_id)])
    unfinished = Simulation.objects.unfinished().filter(holder_id=rule.holder_id)
    taken = set(unfinished.values_list("slot", flat=True))
    free = [slot for slot in range(1, AT_ONCE + 1) if slot not in taken]
    if not free:
        raise TooManySimulations
    return free[0]


def _record(actor: Actor, now: datetime, verb: str, simulation: Simulation) -> None:
    audit.record(
        actor=actor,
        now=now,
        verb=verb,
        thing=simulation.shown_id,
        organisation_id=simulation.holder.organisation_id,
        detail={"rule": simulation.rule.shown_id, "revision": simulation.revision},
    )

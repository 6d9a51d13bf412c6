"""The verbs of a run: start, drive forward, approve, cancel, resume."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Max, Q

from ledger.actor import Actor
from ledger.errors import NotFound
from ledger.money import is_currency
from licensing.access import audit
from licensing.catalog.models import Platform
from licensing.settlement import collecting, posting, waterfall
from licensing.settlement.models import Run, RunPart
from licensing.settlement.moves import answerable, locked, machine, move, park
from licensing.settlement.parts import MOST_ATTEMPTS, WORK, waiting_time
from licensing.settlement.refusals import (
    BadPeriod,
    FuturePeriod,
    NotInState,
    OwnRun,
    RunChanged,
    RunOpen,
    told_plainly,
)
from licensing.settlement.states import (
    CANCELLABLE,
    DRIVEN,
    NOT_CANCELLABLE_FROM,
    PartState,
    RunKind,
    RunState,
)


def start_run(
    *, actor: Actor, now: datetime, platform: Platform, currency: str, period: date
) -> Run:
    """A new run of `platform` up to the end of the month `period` (its first day), as a draft.

    Once the earlier one has ended, the same period may be run again: its next revision settles
    what has come since. Raises ScopeMissing, NotFound, BadPeriod, FuturePeriod, RunOpen.
    """
    actor.require("settlement:prepare")
    if not actor.is_house or not is_currency(currency):
        raise NotFound
    if period.day != 1:
        raise BadPeriod(pointer="/period")
    if period > now.astimezone(UTC).date():
        raise FuturePeriod(pointer="/period")
    with told_plainly(), transaction.atomic():
        # Runs of a platform start one at a time, so that the loser hears why.
        found = Platform.objects.filter(pk=platform.pk, organisation__mode=actor.mode)
        if found.select_for_update(of=("self",), no_key=True).first() is None:
            raise NotFound
        rows = Run.objects.filter(platform=platform, currency=currency, kind=RunKind.USAGE)
        if rows.open().exists():
            raise RunOpen
        last = rows.filter(period=period).aggregate(last=Max("revision"))["last"]
        run = Run.objects.create(
            platform=platform,
            mode=actor.mode,
            currency=currency,
            period=period,
            revision=(last or 0) + 1,
            state_since=now,
            not_before=now,
            started_by=actor.person_id,
            started_by_label=actor.label[:200],
            started_at=now,
        )
        audit.record(
            actor=actor,
            now=now,
            verb="settlement.start",
            thing=run.shown_id,
            detail={
                "platform": platform.shown_id,
                "currency": currency,
                "period": f"{period:%Y-%m}",
                "revision": run.revision,
            },
        )
    return run


def advance(*, run_id: UUID, now: datetime) -> bool:
    """The next move the machine can make of a run by itself; answers whether it made one.

    Each is one transaction under the run's row lock, so that making it twice is making it once.
    """
    with transaction.atomic():
        run = (
            Run.objects.select_related("platform")
            # Whoever holds the row is at work on the run, and will look again themselves.
            .select_for_update(of=("self",), no_key=True, skip_locked=True)
            # Only what has failed waits, so that a clock set back holds up nothing else.
            .filter(Q(attempt=0) | Q(not_before__lte=now), pk=run_id, state__in=DRIVEN)
            .first()
        )
        if run is None:
            return False
        actor = machine(run)
        match RunState(run.state):
            case RunState.DRAFT:
                move(actor=actor, now=now, run=run, to=RunState.COLLECTING)
            case RunState.COLLECTING:
                count = collecting.collect(run=run, now=now)
                move(actor=actor, now=now, run=run, to=RunState.RATING, generations=count)
            case RunState.RATED:
                outcome = waterfall.share_out(run=run)
                move(
                    actor=actor,
                    now=now,
                    run=run,
                    to=RunState.IN_REVIEW,
                    fee=outcome.fee,
                    holders=outcome.holders,
                    suspense=outcome.suspense,
                    content_hash=outcome.content_hash,
                )
            case RunState.APPROVED:
                posting.make_parts(run=run, now=now)
                move(actor=actor, now=now, run=run, to=RunState.POSTING)
            case _:
                return _finish(run=run, now=now)
    return True


def stumble(*, run_id: UUID, now: datetime, error: str) -> None:
    """Writes down that a move failed: it is tried again later each time, and after the fifth the
    run is parked."""
    with transaction.atomic():
        rows = Run.objects.select_for_update(no_key=True)
        run = rows.filter(pk=run_id, state__in=DRIVEN).first()
        if run is None:
            return
        attempt = run.attempt + 1
        if attempt >= MOST_ATTEMPTS and run.state != RunState.DRAFT:
            park(run=run, now=now, error=error)
            return
        Run.objects.filter(pk=run_id).update(
            attempt=attempt, error=error[:500], not_before=now + waiting_time(attempt)
        )


def _finish(*, run: Run, now: datetime) -> bool:
    """Rating to rated, or posting to posted, once every part is done."""
    kinds = WORK[RunState(run.state)]
    if RunPart.objects.filter(run=run, kind__in=kinds).exclude(state=PartState.DONE).exists():
        return False
    if run.state == RunState.RATING:
        move(actor=machine(run), now=now, run=run, to=RunState.RATED)
    else:
        move(actor=machine(run), now=now, run=run, to=RunState.POSTED, posted_at=now)
    return True


def approve_run(*, actor: Actor, now: datetime, run: Run, content_hash: str) -> Run:
    """In review to approved, by another person than who started it, for the content with this
    hash (hexadecimal). From here on the machine posts it.

    Raises ScopeMissing, NobodyAnswerable, OwnRun, RunChanged, NotInState.
    """
    actor.require("settlement:approve")
    person = answerable(actor)
    with told_plainly(), transaction.atomic():
        run = locked(actor, run)
        if run.started_by == person:
            raise OwnRun
        if run.state != RunState.IN_REVIEW:
            raise NotInState
        seen = waterfall.content_hash(run_id=run.pk)
        if content_hash != run.content_hash_hex or seen != bytes(run.content_hash or b""):
            raise RunChanged(pointer="/content_hash")
        move(
            actor=actor,
            now=now,
            run=run,
            to=RunState.APPROVED,
            approved_by=person,
            approved_by_label=actor.label[:200],
            approved_at=now,
            effective_on=effective_day(period=run.period, now=now),
        )
    return run


def effective_day(*, period: date, now: datetime) -> date:
    """The day a run's entries belong to: the last of its period, or today if that is still to come."""
    today = now.astimezone(UTC).date()
    after = collecting.end_of(period).date()
    return min(today, date.fromordinal(after.toordinal() - 1))


def cancel_run(*, actor: Actor, now: datetime, run: Run) -> Run:
    """Ends a run that is not approved and lets its inputs go. Again is no change.

    Raises ScopeMissing, NotInState.
    """
    actor.require("settlement:prepare")
    with told_plainly(), transaction.atomic():
        run = locked(actor, run)
        if run.state == RunState.CANCELLED:
            return run
        if run.state not in CANCELLABLE or run.parked_from in NOT_CANCELLABLE_FROM:
            raise NotInState("A run that is approved is not cancelled.")
        move(actor=actor, now=now, run=run, to=RunState.CANCELLED, parked_from="")
        collecting.release(run=run)
    return run


def resume_run(*, actor: Actor, now: datetime, run: Run) -> Run:
    """A parked run goes on from where it was parked; its quarantined parts are tried anew.

    Raises ScopeMissing, NotInState.
    """
    actor.require("settlement:prepare")
    with told_plainly(), transaction.atomic():
        run = locked(actor, run)
        if run.state != RunState.PARKED:
            raise NotInState
        RunPart.objects.filter(run=run, state=PartState.QUARANTINED).update(
            state=PartState.WAITING, attempt=0, not_before=now
        )
        move(actor=actor, now=now, run=run, to=RunState(run.parked_from), parked_from="")
    return run

"""Taking back a posted run whole: its entries are mirrored and its inputs are free again."""

from __future__ import annotations

import unicodedata
from datetime import datetime

from django.db import transaction

from ledger.actor import Actor
from ledger.journal.refusals import Overdrawn
from licensing import bookkeeping
from licensing.catalog.models import Platform
from licensing.settlement import collecting, posting
from licensing.settlement.models import Run, RunPart
from licensing.settlement.moves import answerable, locked, move
from licensing.settlement.refusals import (
    BadReason,
    NoReason,
    NotInState,
    OwnReversal,
    PaidOut,
    RunChanged,
    RunFollowed,
    told_plainly,
)
from licensing.settlement.states import VOID, PartKind, RunState


def reverse_run(*, actor: Actor, now: datetime, run: Run, content_hash: str, reason: str) -> Run:
    """Posted to reversed, by a third person, who neither started nor approved it. Again is no change.

    Every entry of the run is mirrored, and what the run settled is free for the next one. Only the
    last run of its platform and currency can be taken back, since later ones say differences to it,
    and only as long as holders still have what it gave them. `content_hash` (hexadecimal) is that of
    the run that was seen.

    Raises ScopeMissing, NobodyAnswerable, NoReason, BadReason, OwnReversal, NotInState, RunChanged,
    RunFollowed, PaidOut.
    """
    actor.require("settlement:approve")
    person = answerable(actor)
    # One line, as everything in the journal is.
    reason = " ".join(reason.split())
    if not reason:
        raise NoReason(pointer="/reason")
    if any(unicodedata.category(one) == "Cc" for one in reason):
        raise BadReason(pointer="/reason")
    with told_plainly(), transaction.atomic():
        # Runs of a platform start under this lock, so that none starts meanwhile.
        Platform.objects.select_for_update(of=("self",), no_key=True).get(pk=run.platform_id)
        run = locked(actor, run)
        if run.state == RunState.REVERSED:
            return run
        if person in (run.started_by, run.approved_by):
            raise OwnReversal
        if run.state != RunState.POSTED:
            raise NotInState("Only a posted run can be reversed.")
        if content_hash != run.content_hash_hex:
            raise RunChanged(pointer="/content_hash")
        followers = Run.objects.filter(
            platform_id=run.platform_id, currency=run.currency, kind=run.kind, pk__gt=run.pk
        )
        if followers.exclude(state__in=VOID).exists():
            raise RunFollowed
        move(
            actor=actor,
            now=now,
            run=run,
            to=RunState.REVERSED,
            reversed_by=person,
            reversed_by_label=actor.label[:200],
            reversed_at=now,
            reversal_reason=reason[:500],
        )
        parts = RunPart.objects.filter(run=run, kind=PartKind.POST)
        assert run.effective_on is not None, "a posted run has its day"
        try:
            bookkeeping.run_reversed(
                mode="live" if run.mode == "live" else "test",
                keys=[
                    posting.entry_key(run, number)
                    for number in parts.values_list("number", flat=True)
                ],
                effective_on=run.effective_on,
                posted_at=now,
                actor=f"settlement, reversed by {run.reversed_by_label}",
                memo=f"{run.platform.name} {run.period:%Y-%m}, reversed: {run.reversal_reason}",
            )
        except Overdrawn as error:
            raise PaidOut from error
        collecting.release(run=run)
    return run

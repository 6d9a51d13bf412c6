"""Settlement in the admin: runs with their progress, and their next step after seeing what it does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from unfold.decorators import display

from ledger.actor import Actor
from ledger.desk import DeskAdmin, Seen, Step
from ledger.money import Money
from licensing.settlement import reversing, runs
from licensing.settlement.models import RoyaltyLine, Run, RunPart, RunShare
from licensing.settlement.refusals import RunChanged
from licensing.settlement.review import progress_of, review_of
from licensing.settlement.states import RUN_MOVES, PartState, RunState
from licensing.settlement.tasks import ring_on_commit

_COLOURS: Final = {
    RunState.IN_REVIEW: "warning",
    RunState.APPROVED: "info",
    RunState.POSTED: "success",
    RunState.PARKED: "danger",
}


def _cancel(actor: Actor, now: datetime, run: Run, seen: Seen) -> None:
    if seen.content_hash != run.content_hash_hex:
        raise RunChanged
    runs.cancel_run(actor=actor, now=now, run=run)


STEPS: Final[Mapping[str, Step[Run]]] = {
    "approve": Step(
        button="Approve",
        icon="verified",
        question="Approve this run?",
        effect="Exactly this is then owed by the platform and earned by these payees in the books. "
        "The approval is bound to the content hash below.",
        yes="Approve it",
        done="is approved and is being posted",
        states=frozenset({RunState.IN_REVIEW}),
        scopes=frozenset({"settlement:approve"}),
        not_by=lambda actor, run: actor.person_id == run.started_by,
        verb=lambda actor, now, run, seen: runs.approve_run(
            actor=actor, now=now, run=run, content_hash=seen.content_hash
        ),
    ),
    "cancel": Step(
        button="Cancel",
        icon="cancel",
        question="Cancel this run?",
        effect="No money moves. Its usage is free for the next run.",
        yes="Cancel it",
        done="is cancelled",
        states=frozenset(was for was, to in RUN_MOVES.items() if RunState.CANCELLED in to),
        scopes=frozenset({"settlement:prepare"}),
        verb=_cancel,
    ),
    "resume": Step(
        button="Resume",
        icon="resume",
        question="Let this run go on?",
        effect="What has failed is tried again from where it was parked.",
        yes="Go on",
        done="goes on",
        states=frozenset({RunState.PARKED}),
        scopes=frozenset({"settlement:prepare"}),
        verb=lambda actor, now, run, seen: runs.resume_run(actor=actor, now=now, run=run),
    ),
    "reverse": Step(
        button="Reverse",
        icon="undo",
        question="Take this run back?",
        effect="Each of its entries is mirrored in the books: the payees lose exactly this. Its usage "
        "is free for the next run.",
        yes="Reverse it",
        done="is reversed",
        states=frozenset({RunState.POSTED}),
        scopes=frozenset({"settlement:approve"}),
        not_by=lambda actor, run: actor.person_id in (run.started_by, run.approved_by),
        verb=lambda actor, now, run, seen: reversing.reverse_run(
            actor=actor, now=now, run=run, content_hash=seen.content_hash, reason=seen.why
        ),
        asks_why=True,
    ),
}


class SettlementAdmin(DeskAdmin):
    """Rows of settlement, seen by whoever may read them."""

    reads = "settlement:read"


@admin.register(Run)
class RunAdmin(SettlementAdmin):
    """Runs, and the next step of each."""

    list_display = (
        "shown", "platform", "month", "revision", "total_shown", "state_shown", "progress",
        "starter", "approver",
    )  # fmt: skip
    list_filter = ("state", "mode", "currency", "platform")
    list_select_related = ("platform",)
    search_fields = ("platform__name", "started_by_label", "approved_by_label")
    ordering = ("-pk",)
    fields = (
        "shown", "platform", "month", "revision", "mode", "state", "next_step", "state_since",
        "progress", "estimate", "generations", "total_shown", "fee_shown", "holders_shown",
        "suspense_shown", "hash", "starter", "started_at", "approver", "approved_at", "effective_on", "posted_at",
        "reverser", "reversed_at", "reversal_reason", "error",
    )  # fmt: skip
    steps = STEPS
    step_template = "settlement/step.html"
    money_of = "total"

    def beside(self, row: Run) -> dict[str, Any]:
        return {"review": review_of(row)}

    def taken(self, row: Run) -> None:
        ring_on_commit(row.pk)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        """With how many parts each has and how many are done, in the one query of the list."""
        parts = RunPart.objects.filter(run=OuterRef("pk")).values("run")
        count = parts.annotate(count=Count("pk")).values("count")
        return (
            super()
            .get_queryset(request)
            .annotate(
                parts_made=Coalesce(Subquery(count, output_field=IntegerField()), 0),
                parts_done=Coalesce(
                    Subquery(count.filter(state=PartState.DONE), output_field=IntegerField()), 0
                ),
            )
        )

    @display(description="period", ordering="period")
    def month(self, run: Run) -> str:
        return f"{run.period:%Y-%m}"

    @display(description="total", ordering="holders")
    def total_shown(self, run: Run) -> str:
        return run.total.shown

    @display(description="fee")
    def fee_shown(self, run: Run) -> str:
        return Money(amount=run.fee, currency=run.currency).shown

    @display(description="rights holders")
    def holders_shown(self, run: Run) -> str:
        return Money(amount=run.holders, currency=run.currency).shown

    @display(description="suspense")
    def suspense_shown(self, run: Run) -> str:
        return Money(amount=run.suspense, currency=run.currency).shown

    @display(description="state", ordering="state", label=_COLOURS)
    def state_shown(self, run: Run) -> tuple[str, str]:
        return run.state, run.get_state_display()

    @display(description="parts done")
    def progress(self, run: Any) -> str:
        return f"{run.parts_done} of {run.parts_made}" if run.parts_made else ""

    @display(description="speed")
    def estimate(self, run: Run) -> str:
        found = progress_of(run)
        if found.rows_per_second is None:
            return ""
        return f"{found.rows_per_second} rows a second, {found.seconds_left} seconds left"

    @display(description="started by", ordering="started_by_label")
    def starter(self, run: Run) -> str:
        return run.started_by_label

    @display(description="approved by", ordering="approved_by_label")
    def approver(self, run: Run) -> str:
        return run.approved_by_label

    @display(description="reversed by")
    def reverser(self, run: Run) -> str:
        return run.reversed_by_label

    @display(description="content hash")
    def hash(self, run: Run) -> str:
        return run.content_hash_hex


@admin.register(RunPart)
class RunPartAdmin(SettlementAdmin):
    """The parts of runs: which wait, which work, which failed and why."""

    list_display = (
        "shown", "run", "kind", "number", "state", "attempt", "rows", "lease_until", "not_before",
        "error",
    )  # fmt: skip
    list_filter = ("state", "kind", "run__mode")
    list_select_related = ("run__platform",)
    search_fields = ("run__platform__name", "error")
    ordering = ("-pk",)
    fields = (*list_display, "started_at", "finished_at")


@admin.register(RoyaltyLine)
class RoyaltyLineAdmin(SettlementAdmin):
    """Royalty lines, exact and unrounded."""

    list_display = (
        "shown", "run", "subject", "basis", "code", "service_day", "territory", "medium",
        "licensed", "generations", "gross_shown", "mode",
    )  # fmt: skip
    list_filter = ("code", "basis", "medium", "licensed", "run__mode")
    list_select_related = ("run__platform", "subject")
    search_fields = ("subject__name", "run__platform__name")
    ordering = ("-pk",)
    fields = (
        *list_display, "origin", "terms", "step", "seconds", "entitled_generations",
        "entitled_seconds", "rates",
    )  # fmt: skip

    @display(description="rates")
    def rates(self, line: RoyaltyLine) -> str:
        rates = ((line.rate_generation, "generation"), (line.rate_second, "second"))
        return ", ".join(
            f"{Money(amount=rate, currency=line.run.currency).shown} a {unit}"
            for rate, unit in rates
            if rate is not None
        )

    @display(description="gross", ordering="gross")
    def gross_shown(self, line: RoyaltyLine) -> str:
        return Money(amount=line.gross, currency=line.run.currency).shown

    @display(description="mode", ordering="run__mode")
    def mode(self, line: RoyaltyLine) -> str:
        return line.run.mode


@admin.register(RunShare)
class RunShareAdmin(SettlementAdmin):
    """Who gets what of each subject's total."""

    list_display = (
        "shown", "run", "payee", "holder", "subject", "service_month", "amount_shown", "mode",
    )  # fmt: skip
    list_filter = ("payee", "run__mode", "run__currency")
    list_select_related = ("run__platform", "holder", "total__subject")
    search_fields = ("holder__name", "total__subject__name", "run__platform__name")
    ordering = ("-pk",)
    fields = (*list_display, "post_number")

    @display(description="subject")
    def subject(self, share: RunShare) -> str:
        return str(share.total.subject)

    @display(description="month", ordering="total__service_month")
    def service_month(self, share: RunShare) -> str:
        return f"{share.total.service_month:%Y-%m}"

    @display(description="amount", ordering="amount")
    def amount_shown(self, share: RunShare) -> str:
        return Money(amount=share.amount, currency=share.run.currency).shown

    @display(description="mode", ordering="run__mode")
    def mode(self, share: RunShare) -> str:
        return share.run.mode

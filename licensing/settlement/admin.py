"""Settlement in the admin: runs with their progress, and their next step after seeing what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import Count, IntegerField, Model, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action, display

from ledger.actor import Actor
from ledger.errors import DomainError, Invalid, NotAllowed
from ledger.money import Money
from ledger.panel import ReadOnlyAdmin
from licensing.access.admin import staff_actor
from licensing.settlement import runs
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A step a person may take with a run: the question, its effect in words, and the verb."""

    question: str
    effect: str
    yes: str
    done: str
    possible: frozenset[RunState]
    verb: Callable[[Actor, datetime, Run, str], object]


def _cancel(actor: Actor, now: datetime, run: Run, seen: str) -> None:
    if seen != run.content_hash_hex:
        raise RunChanged
    runs.cancel_run(actor=actor, now=now, run=run)


ACTS: Final[Mapping[str, Act]] = {
    "approve": Act(
        question="Approve this run?",
        effect="Exactly this is then owed by the platform and earned by these payees in the books. "
        "The approval is bound to the content hash below.",
        yes="Approve it",
        done="is approved and is being posted",
        possible=frozenset({RunState.IN_REVIEW}),
        verb=lambda actor, now, run, seen: runs.approve_run(
            actor=actor, now=now, run=run, content_hash=seen
        ),
    ),
    "cancel": Act(
        question="Cancel this run?",
        effect="No money moves. Its usage is free for the next run.",
        yes="Cancel it",
        done="is cancelled",
        possible=frozenset(was for was, to in RUN_MOVES.items() if RunState.CANCELLED in to),
        verb=_cancel,
    ),
    "resume": Act(
        question="Let this run go on?",
        effect="What has failed is tried again from where it was parked.",
        yes="Go on",
        done="goes on",
        possible=frozenset({RunState.PARKED}),
        verb=lambda actor, now, run, seen: runs.resume_run(actor=actor, now=now, run=run),
    ),
}


class SettlementAdmin(ReadOnlyAdmin):
    """Rows that change by verbs alone, seen by whoever of the house may read settlement."""

    def _may(self, request: HttpRequest) -> bool:
        if not hasattr(request, "_may_settle"):
            may = request.user.is_authenticated and any(
                staff_actor(request, mode).may("settlement:read") for mode in ("live", "test")
            )
            request._may_settle = may  # type: ignore[attr-defined]
        return bool(request._may_settle)  # type: ignore[attr-defined]

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or self._may(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or self._may(request)


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
        "shown", "platform", "month", "revision", "mode", "state", "state_since", "progress",
        "estimate", "generations", "total_shown", "fee_shown", "holders_shown", "suspense_shown",
        "hash", "starter", "started_at", "approver", "approved_at", "effective_on", "posted_at",
        "error",
    )  # fmt: skip
    actions_detail = ("approve", "cancel", "resume")

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

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the steps that the run's state permits."""
        run = Run.objects.filter(pk=str(object_id)).first()
        return [
            each
            for each in super().get_actions_detail(request, object_id)
            if run and run.state in ACTS[each.action_name.rsplit("_", 1)[-1]].possible
        ]

    @display(description="period", ordering="period")
    def month(self, run: Run) -> str:
        return f"{run.period:%Y-%m}"

    @display(description="total", ordering="holders")
    def total_shown(self, run: Run) -> str:
        return str(run.total)

    @display(description="fee")
    def fee_shown(self, run: Run) -> str:
        return str(Money(amount=run.fee, currency=run.currency))

    @display(description="rights holders")
    def holders_shown(self, run: Run) -> str:
        return str(Money(amount=run.holders, currency=run.currency))

    @display(description="suspense")
    def suspense_shown(self, run: Run) -> str:
        return str(Money(amount=run.suspense, currency=run.currency))

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

    @display(description="content hash")
    def hash(self, run: Run) -> str:
        return run.content_hash_hex

    @action(description="Approve", url_path="approve", icon="verified")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, "approve")

    @action(description="Cancel", url_path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, "cancel")

    @action(description="Resume", url_path="resume", icon="resume")
    def resume(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, "resume")

    def act(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Shows what the step does, in money; takes it when that is confirmed."""
        run = get_object_or_404(Run.objects.select_related("platform"), pk=object_id)
        back = reverse("admin:settlement_run_change", args=[object_id])
        act = ACTS[name]
        refusal, status = "", 200
        if request.method == "POST":
            actor = staff_actor(request, run.mode)
            seen = request.POST.get("content_hash", "")
            try:
                act.verb(actor, timezone.now(), run, seen)
            except DomainError as refused:
                refusal, status = refused.detail, _status(refused)
                run.refresh_from_db()
            else:
                ring_on_commit(run.pk)
                messages.success(request, f"{run.shown_id} ({run.total}) {act.done}.")
                return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Settlement run",
            "run": run,
            "act": act,
            "review": review_of(run),
            "refusal": refusal,
            "back": back,
        }
        return TemplateResponse(request, "settlement/act.html", context, status=status)


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
        "entitled_seconds", "rate_generation", "rate_second",
    )  # fmt: skip

    @display(description="gross", ordering="gross")
    def gross_shown(self, line: RoyaltyLine) -> str:
        return str(Money(amount=line.gross, currency=line.run.currency))

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
        return str(Money(amount=share.amount, currency=share.run.currency))

    @display(description="mode", ordering="run__mode")
    def mode(self, share: RunShare) -> str:
        return share.run.mode


def _status(refusal: DomainError) -> int:
    if isinstance(refusal, NotAllowed):
        return 403
    return 422 if isinstance(refusal, Invalid) else 409

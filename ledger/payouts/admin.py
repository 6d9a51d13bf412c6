"""Payouts in the admin: to look at, and to take the next step after seeing what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.decorators import action, display

from ledger.actor import Actor
from ledger.errors import DomainError, Invalid, NotAllowed
from ledger.panel import ReadOnlyAdmin
from ledger.payouts import execution, review
from ledger.payouts.models import PayoutBatch, PayoutDestination, PayoutItem
from ledger.payouts.refusals import BadPaidOn
from ledger.payouts.states import BATCH_MOVES, BatchState
from ledger.staff import may, staff_actor

_ITEMS_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A step a person may take with a batch: the question, its effect in words, and the verb."""

    question: str
    effect: str
    yes: str
    done: str
    to: BatchState
    verb: Callable[[Actor, datetime, PayoutBatch, str], object]


ACTS: Final[Mapping[str, Act]] = {
    "submit": Act(
        question="Hand this draft over for review?",
        effect="It can no longer be changed while a colleague looks at it.",
        yes="Hand it over",
        done="is in review",
        to=BatchState.IN_REVIEW,
        verb=lambda actor, now, batch, seen: review.submit_for_review(
            actor=actor, now=now, batch=batch, content_hash=seen
        ),
    ),
    "approve": Act(
        question="Approve this payout?",
        effect="Exactly this may then be paid, to these payees and destinations, and nothing else. "
        "The approval is bound to the content hash below.",
        yes="Approve it",
        done="is approved",
        to=BatchState.APPROVED,
        verb=lambda actor, now, batch, seen: review.approve(
            actor=actor, now=now, batch=batch, content_hash=seen
        ),
    ),
    "reject": Act(
        question="Send this batch back to its preparer?",
        effect="It becomes a draft again. No money moves.",
        yes="Send it back",
        done="is a draft again",
        to=BatchState.DRAFT,
        verb=lambda actor, now, batch, seen: review.reject(
            actor=actor, now=now, batch=batch, reason="Sent back in the admin"
        ),
    ),
    "execute": Act(
        question="Pay this batch?",
        effect="The total moves from payable to in flight in the books and is handed to the rail.",
        yes="Pay it",
        done="is being paid",
        to=BatchState.RESERVED,
        verb=lambda actor, now, batch, seen: execution.execute(actor=actor, now=now, batch=batch),
    ),
    "cancel": Act(
        question="Cancel this batch?",
        effect="Nothing of it is paid. Money already set aside becomes payable again.",
        yes="Cancel it",
        done="is cancelled",
        to=BatchState.CANCELLED,
        verb=lambda actor, now, batch, seen: review.cancel(actor=actor, now=now, batch=batch),
    ),
}


class LookedAt(ReadOnlyAdmin):
    """Rows that change by verbs alone, seen by whoever may read payouts."""

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or may(request, "payouts:read")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return super().has_module_permission(request) or may(request, "payouts:read")


class PayoutItemInline(TabularInline):
    """A batch's items."""

    model = PayoutItem
    fields = ("party", "to", "amount_shown", "state", "reference", "paid_on")
    readonly_fields = ("to", "amount_shown")
    ordering = ("party",)
    max_num = 0
    can_delete = False
    per_page = 100
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return super().has_view_permission(request, obj) or may(request, "payouts:read")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("batch", "destination")

    @display(description="amount")
    def amount_shown(self, item: PayoutItem) -> str:
        return str(item.money)

    @display(description="to")
    def to(self, item: PayoutItem) -> str:
        return f"{item.destination.account_name} {item.destination.masked}"


@admin.register(PayoutBatch)
class PayoutBatchAdmin(LookedAt):
    """Batches, and the next step of each."""

    list_display = (
        "shown", "total_shown", "item_count", "state", "mode",
        "preparer", "approver", "state_since",
    )  # fmt: skip
    list_filter = ("state", "book__mode", "currency")
    list_select_related = ("book",)
    search_fields = ("prepared_by_label", "approved_by_label", "items__party")
    ordering = ("-pk",)
    fields = (
        "shown", "state", "state_since", "mode", "total_shown", "item_count", "threshold", "rail",
        "hash", "preparer", "prepared_at", "approver", "approved_at", "paid_nothing",
    )  # fmt: skip
    actions_detail = ("submit", "approve", "reject", "execute", "cancel")

    inlines = (PayoutItemInline,)

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[Any]:
        """Only the steps that the batch's state permits."""
        batch = PayoutBatch.objects.filter(pk=str(object_id)).first()
        possible = BATCH_MOVES[BatchState(batch.state)] if batch else ()
        return [
            each
            for each in super().get_actions_detail(request, object_id)
            if ACTS[each.action_name.rsplit("_", 1)[-1]].to in possible
        ]

    @display(description="prepared by", ordering="prepared_by_label")
    def preparer(self, batch: PayoutBatch) -> str:
        return batch.prepared_by_label

    @display(description="approved by", ordering="approved_by_label")
    def approver(self, batch: PayoutBatch) -> str:
        return batch.approved_by_label

    @display(description="nothing paid to")
    def paid_nothing(self, batch: PayoutBatch) -> str:
        return "; ".join(f"{each['party']}: {each['detail']}" for each in batch.left_out[:100])

    @display(description="total", ordering="total")
    def total_shown(self, batch: PayoutBatch) -> str:
        return str(batch.total_money)

    @display(description="mode", ordering="book__mode")
    def mode(self, batch: PayoutBatch) -> str:
        return batch.book.mode

    @display(description="content hash")
    def hash(self, batch: PayoutBatch) -> str:
        return batch.content_hash_hex

    @action(description="Hand over for review", url_path="submit", icon="outbox")
    def submit(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, "submit")

    @action(description="Approve", url_path="approve", icon="verified")
    def approve(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, "approve")

    @action(description="Send back", url_path="reject", icon="undo")
    def reject(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, "reject")

    @action(description="Pay", url_path="execute", icon="send_money")
    def execute(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, "execute")

    @action(description="Cancel", url_path="cancel", icon="cancel")
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, "cancel")

    def act(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Shows what the step does, in money; takes it when that is confirmed."""
        batch = get_object_or_404(PayoutBatch.objects.select_related("book"), pk=object_id)
        back = reverse("admin:payouts_payoutbatch_change", args=[object_id])
        act = ACTS[name]
        refusal, status = "", 200
        if request.method == "POST":
            actor = staff_actor(request, batch.book.mode)
            seen = request.POST.get("content_hash", "")
            try:
                act.verb(actor, timezone.now(), batch, seen)
            except DomainError as refused:
                refusal, status = _told(refused), _status(refused)
                batch.refresh_from_db()
            else:
                messages.success(request, f"{batch.shown_id} ({batch.total_money}) {act.done}.")
                return redirect(back)
        items = PayoutItem.objects.filter(batch=batch).select_related("batch", "destination")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Payout batch",
            "batch": batch,
            "act": act,
            "items": items.order_by("party")[:_ITEMS_SHOWN],
            "more": max(0, batch.item_count - _ITEMS_SHOWN),
            "refusal": refusal,
            "back": back,
        }
        return TemplateResponse(request, "payouts/act.html", context, status=status)


@admin.register(PayoutItem)
class PayoutItemAdmin(LookedAt):
    """Single payments, and the evidence that they were made."""

    list_display = ("shown", "party", "amount_shown", "to", "state", "mode", "reference", "paid_on")
    list_filter = ("state", "batch__book__mode", "batch__currency")
    list_select_related = ("batch__book", "destination")
    search_fields = ("party", "reference", "destination__account_name")
    ordering = ("-pk",)
    fields = (
        "shown", "batch", "party", "amount_shown", "to", "state", "state_since", "reference",
        "paid_on", "reason",
    )  # fmt: skip
    actions_detail = ("mark_paid",)

    @display(description="amount", ordering="amount")
    def amount_shown(self, item: PayoutItem) -> str:
        return str(item.money)

    @display(description="to")
    def to(self, item: PayoutItem) -> str:
        return f"{item.destination.account_name} {item.destination.masked}"

    @display(description="mode", ordering="batch__book__mode")
    def mode(self, item: PayoutItem) -> str:
        return item.batch.book.mode

    @action(description="Record as paid", url_path="mark-paid", icon="task_alt")
    def mark_paid(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Asks for the bank's reference and day."""
        rows = PayoutItem.objects.select_related("batch__book", "destination")
        item = get_object_or_404(rows, pk=object_id)
        back = reverse("admin:payouts_payoutitem_change", args=[object_id])
        reference = request.POST.get("reference", "").strip()
        paid_on = request.POST.get("paid_on", timezone.now().date().isoformat())
        refusal, status = "", 200
        if request.method == "POST":
            try:
                self.record(request, item, reference, paid_on)
            except DomainError as refused:
                refusal, status = _told(refused), _status(refused)
            else:
                messages.success(request, f"{item.money} to {item.party} is recorded as paid.")
                return redirect(back)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Payout",
            "item": item,
            "reference": reference,
            "paid_on": paid_on,
            "refusal": refusal,
            "back": back,
        }
        return TemplateResponse(request, "payouts/mark_paid.html", context, status=status)

    def record(self, request: HttpRequest, item: PayoutItem, reference: str, day: str) -> None:
        """Raises what the verb raises, and Invalid for a form that was not filled in."""
        if not reference or len(reference) > 140:
            raise Invalid("Give the bank's reference, in at most 140 characters.")
        try:
            paid_on = date.fromisoformat(day)
        except ValueError:
            raise BadPaidOn from None
        execution.mark_paid(
            actor=staff_actor(request, item.batch.book.mode),
            now=timezone.now(),
            item=item,
            reference=reference,
            paid_on=paid_on,
        )


@admin.register(PayoutDestination)
class PayoutDestinationAdmin(LookedAt):
    """Where payees are paid to, masked here too."""

    list_display = ("party", "account_name", "kind", "masked", "mode", "usable_from", "replaced_at")
    list_filter = ("kind", "book__mode", ("replaced_at", admin.EmptyFieldListFilter))
    list_select_related = ("book",)
    search_fields = ("party", "account_name")
    ordering = ("-pk",)
    fields = (
        "shown", "party", "account_name", "kind", "masked", "registered_at",
        "registered_by_label", "usable_from", "replaced_at",
    )  # fmt: skip

    @display(description="mode", ordering="book__mode")
    def mode(self, destination: PayoutDestination) -> str:
        return destination.book.mode


def _told(refusal: DomainError) -> str:
    return " ".join((refusal.detail, *(f"{each.detail}" for each in refusal.faults)))


def _status(refusal: DomainError) -> int:
    if isinstance(refusal, NotAllowed):
        return 403
    return 422 if isinstance(refusal, Invalid) else 409

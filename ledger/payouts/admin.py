"""Payouts in the admin: to look at, and to take the next step after seeing what it does."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.admin import TabularInline
from unfold.decorators import action, display

from ledger.desk import DeskAdmin, ReadByScope, Step, status_of, told
from ledger.errors import DomainError, Invalid
from ledger.ids import show
from ledger.money import Money
from ledger.payouts import execution, exports, review
from ledger.payouts.models import PayoutBatch, PayoutDestination, PayoutItem, PayoutMove
from ledger.payouts.refusals import BadPaidOn
from ledger.payouts.states import BATCH_MOVES, PAYING_BATCHES, BatchState
from ledger.staff import staff_actor

_ITEMS_SHOWN = 200


def _before(to: BatchState) -> frozenset[str]:
    """The states from which a batch may come to this one."""
    return frozenset(was for was, moves in BATCH_MOVES.items() if to in moves)


STEPS: Final[Mapping[str, Step[PayoutBatch]]] = {
    "submit": Step(
        button="Hand over for review",
        icon="outbox",
        question="Hand this draft over for review?",
        effect="It can no longer be changed while a colleague looks at it.",
        yes="Hand it over",
        done="is in review",
        states=_before(BatchState.IN_REVIEW),
        scopes=frozenset({"payouts:prepare"}),
        not_by=lambda actor, batch: actor.person_id != batch.prepared_by,
        verb=lambda actor, now, batch, seen: review.submit_for_review(
            actor=actor, now=now, batch=batch, content_hash=seen.content_hash
        ),
    ),
    "approve": Step(
        button="Approve",
        icon="verified",
        question="Approve this payout?",
        effect="Exactly this may then be paid, to these payees and destinations, and nothing else. "
        "The approval is bound to the content hash below.",
        yes="Approve it",
        done="is approved",
        states=_before(BatchState.APPROVED),
        scopes=frozenset({"payouts:approve"}),
        not_by=lambda actor, batch: actor.person_id == batch.prepared_by,
        verb=lambda actor, now, batch, seen: review.approve(
            actor=actor, now=now, batch=batch, content_hash=seen.content_hash
        ),
    ),
    "reject": Step(
        button="Send back",
        icon="undo",
        question="Send this batch back to its preparer?",
        effect="It becomes a draft again. No money moves.",
        yes="Send it back",
        done="is a draft again",
        states=_before(BatchState.DRAFT),
        scopes=frozenset({"payouts:approve"}),
        verb=lambda actor, now, batch, seen: review.reject(
            actor=actor, now=now, batch=batch, reason=seen.why.strip()[:300]
        ),
        asks_why=True,
    ),
    "execute": Step(
        button="Pay",
        icon="send_money",
        question="Pay this batch?",
        effect="The total moves from payable to in flight in the books and is handed to the rail.",
        yes="Pay it",
        done="is being paid",
        states=_before(BatchState.RESERVED),
        scopes=frozenset({"payouts:prepare"}),
        verb=lambda actor, now, batch, seen: execution.execute(actor=actor, now=now, batch=batch),
    ),
    "payments": Step(
        button="List for the bank",
        icon="download",
        question="List these payments with their whole accounts?",
        effect="The file has the account of every payee who is still to be paid. The history below "
        "the batch says that you took it.",
        yes="Download the list",
        done="is listed",
        states=frozenset(PAYING_BATCHES),
        scopes=frozenset({"payouts:prepare"}),
        verb=lambda actor, now, batch, seen: exports.payments_csv(
            batch, execution.list_payments(actor=actor, now=now, batch=batch)
        ),
    ),
    "cancel": Step(
        button="Cancel",
        icon="cancel",
        question="Cancel this batch?",
        effect="Nothing of it is paid. Money already set aside becomes payable again.",
        yes="Cancel it",
        done="is cancelled",
        states=_before(BatchState.CANCELLED),
        scopes=frozenset({"payouts:prepare", "payouts:approve"}),
        verb=lambda actor, now, batch, seen: review.cancel(actor=actor, now=now, batch=batch),
    ),
}


class PayoutsAdmin(DeskAdmin):
    """Rows of payouts, seen by whoever may read them."""

    reads = "payouts:read"


class PayoutItemInline(ReadByScope, TabularInline):
    """A batch's items."""

    reads = "payouts:read"
    model = PayoutItem
    fields = ("party", "to", "amount_shown", "state", "reference", "paid_on")
    readonly_fields = ("to", "amount_shown")
    ordering = ("party",)
    max_num = 0
    per_page = 100
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("batch", "destination")

    @display(description="amount")
    def amount_shown(self, item: PayoutItem) -> str:
        return item.money.shown

    @display(description="to")
    def to(self, item: PayoutItem) -> str:
        return f"{item.destination.account_name} {item.destination.masked}"


class PayoutMoveInline(ReadByScope, TabularInline):
    """A batch's history: every move, and every time its accounts were listed in full."""

    reads = "payouts:read"
    model = PayoutMove
    verbose_name_plural = "history"
    hide_title = True
    fields = ("at", "actor", "from_state", "to_state", "of", "note")
    readonly_fields = ("of",)
    ordering = ("-id",)
    max_num = 0
    per_page = 100

    @display(description="of")
    def of(self, move: PayoutMove) -> str:
        return show(PayoutItem.PREFIX, move.item_id) if move.item_id else "the batch"


@admin.register(PayoutBatch)
class PayoutBatchAdmin(PayoutsAdmin):
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
        "shown", "state", "next_step", "state_since", "mode", "total_shown", "item_count",
        "threshold_shown", "rail", "hash", "preparer", "prepared_at", "approver", "approved_at",
        "paid_nothing",
    )  # fmt: skip
    inlines = (PayoutItemInline, PayoutMoveInline)
    steps = STEPS
    step_template = "payouts/step.html"
    mode_of = "book.mode"
    money_of = "total_money"

    def beside(self, row: PayoutBatch) -> dict[str, Any]:
        items = PayoutItem.objects.filter(batch=row).select_related("batch", "destination")
        return {
            "items": items.order_by("party")[:_ITEMS_SHOWN],
            "more": max(0, row.item_count - _ITEMS_SHOWN),
        }

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
        return batch.total_money.shown

    @display(description="threshold")
    def threshold_shown(self, batch: PayoutBatch) -> str:
        return Money(amount=batch.threshold, currency=batch.currency).shown

    @display(description="mode", ordering="book__mode")
    def mode(self, batch: PayoutBatch) -> str:
        return batch.book.mode

    @display(description="content hash")
    def hash(self, batch: PayoutBatch) -> str:
        return batch.content_hash_hex


@admin.register(PayoutItem)
class PayoutItemAdmin(PayoutsAdmin):
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
        return item.money.shown

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
                refusal, status = told(refused), status_of(refused)
            else:
                messages.success(
                    request, f"{item.money.shown} to {item.party} is recorded as paid."
                )
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
class PayoutDestinationAdmin(PayoutsAdmin):
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

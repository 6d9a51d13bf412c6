"""The API's windows on payouts: destinations, batches, their items, and a payee's own payouts."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.payouts import batches, destinations, examples, execution, exports, review
from ledger.payouts.models import PayoutBatch, PayoutDestination, PayoutItem
from ledger.payouts.shapes import (
    ApproveIn,
    BatchIn,
    BatchShape,
    BatchSummary,
    DestinationIn,
    DestinationOut,
    ItemIn,
    ItemShape,
    PaidIn,
    ReasonIn,
    SeenIn,
)
from ledger.payouts.states import BatchState, ItemState
from ledger.windows import Window, paged
from ledger.wire import Currency, Nothing, Text

NOTHING = OpenApiExample("Nothing to say", value={}, request_only=True)
PARTY = OpenApiParameter("party", str, description="The payee, such as `hld_…`.")


class DestinationsWindow(Window):
    """Where payees are paid to."""

    scopes = {"GET": "payouts:read", "POST": "payouts:prepare"}

    @extend_schema(
        operation_id="payout_destinations_list",
        summary="Where payees are paid to, past and present",
        description="Yours, newest first; all of the mode for the house. Accounts are masked.",
        parameters=[PARTY],
        responses=paged(DestinationOut),
        examples=examples.listed(examples.DESTINATION),
    )
    def get(self, request: Request) -> Response:
        rows = PayoutDestination.objects.visible_to(self.actor)
        return self.page(rows, DestinationOut, filters={"party": Text(max_length=80)})

    @extend_schema(
        operation_id="payout_destinations_register",
        summary="Register or change where a payee is paid to",
        description="A first destination is usable at once, a change after 72 hours. The same "
        "again is no change.",
        request=DestinationIn,
        responses={201: DestinationOut},
        examples=[
            OpenApiExample(
                "A bank account",
                value={
                    "party": "hld_01jcqz6m2v8w3x4y5z6a7b8c9d",
                    "kind": "iban",
                    "account": "DE89 3704 0044 0532 0130 00",
                    "account_name": "Lantern Studio",
                },
                request_only=True,
            ),
            examples.shown(examples.DESTINATION, status="201"),
        ],
    )
    def post(self, request: Request) -> Response:
        given = self.read(DestinationIn)
        found = destinations.register(actor=self.actor, now=self.now, **given)
        return self.created(DestinationOut, found)


class BatchesWindow(Window):
    """Batches of payouts."""

    scopes = {"GET": "payouts:read", "POST": "payouts:prepare"}

    @extend_schema(
        operation_id="payout_batches_list",
        summary="Batches, newest first",
        description="All of the mode; only the house sees batches.",
        parameters=[
            OpenApiParameter("state", str, enum=BatchState.values),
            OpenApiParameter("currency", str),
        ],
        responses=paged(BatchSummary),
        examples=examples.listed(examples.SUMMARY),
    )
    def get(self, request: Request) -> Response:
        rows = PayoutBatch.objects.visible_to(self.actor).select_related("book")
        return self.page(
            rows,
            BatchSummary,
            filters={
                "state": serializers.ChoiceField(choices=BatchState.choices),
                "currency": Currency(),
            },
        )

    @extend_schema(
        operation_id="payout_batches_propose",
        summary="Draft a batch from what is payable",
        description="Pays whole minor units to every payee from the threshold up; who is left out "
        "stands in `left_out` with the reason. A fraction of a minor unit stays payable.",
        request=BatchIn,
        responses={201: BatchShape},
        examples=[
            OpenApiExample(
                "Everybody owed ten dollars or more",
                value={"currency": "USD", "threshold": "10.00"},
                request_only=True,
            ),
            examples.shown(examples.BATCH, status="201"),
        ],
    )
    def post(self, request: Request) -> Response:
        given = self.read(BatchIn)
        return self.created(BatchShape, batches.propose(actor=self.actor, now=self.now, **given))


class BatchWindow(Window):
    """One batch: what the windows below act on."""

    scopes = {"GET": "payouts:read", "POST": "payouts:prepare"}

    def batch(self, batch: str) -> PayoutBatch:
        """The batch in the path, if the actor sees it."""
        rows = PayoutBatch.objects.visible_to(self.actor).select_related("book")
        return self.find(rows, PayoutBatch.PREFIX, batch)

    def item(self, batch: str, item: str) -> PayoutItem:
        """The item in the path, if the actor sees its batch."""
        rows = PayoutItem.objects.filter(batch=self.batch(batch))
        return self.find(rows.select_related("batch__book", "destination"), "pit", item)


class ShowWindow(BatchWindow):
    """A batch with its items."""

    @extend_schema(
        operation_id="payout_batches_get",
        summary="A batch with its items",
        description="And the payees it leaves out, each with the reason.",
        responses=BatchShape,
        examples=[examples.shown(examples.BATCH)],
    )
    def get(self, request: Request, batch: str) -> Response:
        return self.show(BatchShape, self.batch(batch))


class SubmitWindow(BatchWindow):
    """Draft to in review."""

    @extend_schema(
        operation_id="payout_batches_submit",
        summary="Hand a draft over for review",
        description="From then on its items stay as they are; `reject` brings it back.",
        request=SeenIn,
        responses=BatchShape,
        examples=[NOTHING, examples.moved("in_review")],
    )
    def post(self, request: Request, batch: str) -> Response:
        given = self.read(SeenIn)
        found = review.submit_for_review(
            actor=self.actor, now=self.now, batch=self.batch(batch), **given
        )
        return self.show(BatchShape, found)


class ApproveWindow(BatchWindow):
    """In review to approved."""

    scopes = {"POST": "payouts:approve"}

    @extend_schema(
        operation_id="payout_batches_approve",
        summary="Approve what a colleague prepared",
        description="Bound to the content that was seen. Never one's own: 403 `own_batch`.",
        request=ApproveIn,
        responses=BatchShape,
        examples=[
            OpenApiExample("As seen", value={"content_hash": "ab" * 32}, request_only=True),
            examples.moved("approved"),
        ],
    )
    def post(self, request: Request, batch: str) -> Response:
        given = self.read(ApproveIn)
        found = review.approve(actor=self.actor, now=self.now, batch=self.batch(batch), **given)
        return self.show(BatchShape, found)


class RejectWindow(BatchWindow):
    """In review back to draft."""

    scopes = {"POST": "payouts:approve"}

    @extend_schema(
        operation_id="payout_batches_reject",
        summary="Send a batch back to its preparer",
        description="With the reason; it is a draft again.",
        request=ReasonIn,
        responses=BatchShape,
        examples=[
            OpenApiExample("A doubt", value={"reason": "Check the second"}, request_only=True),
            examples.moved("draft"),
        ],
    )
    def post(self, request: Request, batch: str) -> Response:
        given = self.read(ReasonIn)
        found = review.reject(actor=self.actor, now=self.now, batch=self.batch(batch), **given)
        return self.show(BatchShape, found)


class CancelWindow(BatchWindow):
    """Ends a batch that was not sent."""

    # Either of the two roles may: the verb asks.
    scopes = {"POST": "payouts:read"}

    @extend_schema(
        operation_id="payout_batches_cancel",
        summary="Cancel a batch that has not been sent",
        description="What was set aside for it is payable again. Either of the two roles may.",
        request=Nothing,
        responses=BatchShape,
        examples=[NOTHING, examples.moved("cancelled")],
    )
    def post(self, request: Request, batch: str) -> Response:
        self.read(Nothing)
        found = review.cancel(actor=self.actor, now=self.now, batch=self.batch(batch))
        return self.show(BatchShape, found)


class ExecuteWindow(BatchWindow):
    """Approved to reserved, and on to the rail."""

    @extend_schema(
        operation_id="payout_batches_execute",
        summary="Set the money aside and hand the batch to its rail",
        description="The answer may still say `reserved`: the rail is called once the money is "
        "safely set aside, and if that is interrupted a sweep goes on within seconds.",
        request=Nothing,
        responses=BatchShape,
        examples=[NOTHING, examples.moved("reserved")],
    )
    def post(self, request: Request, batch: str) -> Response:
        self.read(Nothing)
        found = execution.execute(actor=self.actor, now=self.now, batch=self.batch(batch))
        return self.show(BatchShape, found)


class ItemsWindow(BatchWindow):
    """The items of a draft."""

    @extend_schema(
        operation_id="payout_items_set",
        summary="Pay a payee this much in a draft",
        description="Adds the payee or changes the amount, up to what is payable.",
        request=ItemIn,
        responses=BatchShape,
        examples=[
            OpenApiExample(
                "A part",
                value={"party": "hld_01jcqz6m2v8w3x4y5z6a7b8c9d", "amount": "25.00"},
                request_only=True,
            ),
            examples.moved("draft"),
        ],
    )
    def post(self, request: Request, batch: str) -> Response:
        given = self.read(ItemIn)
        found = self.batch(batch)
        batches.set_item(actor=self.actor, now=self.now, batch=found, **given)
        return self.show(BatchShape, self.batch(batch))


class RemoveItemWindow(BatchWindow):
    """Takes an item out of a draft."""

    @extend_schema(
        operation_id="payout_items_remove",
        summary="Take a payee out of a draft",
        description="What it was to be paid stays payable.",
        request=Nothing,
        responses=BatchShape,
        examples=[NOTHING, examples.moved("draft")],
    )
    def post(self, request: Request, batch: str, item: str) -> Response:
        self.read(Nothing)
        found = self.item(batch, item)
        batches.remove_item(actor=self.actor, now=self.now, item=found)
        return self.show(BatchShape, self.batch(batch))


class MarkPaidWindow(BatchWindow):
    """The evidence that an item was paid."""

    @extend_schema(
        operation_id="payout_items_mark_paid",
        summary="Record that the bank has paid an item",
        description="Once every item is paid or returned, the batch is settled.",
        request=PaidIn,
        responses=ItemShape,
        examples=[
            OpenApiExample(
                "From the bank's statement",
                value={"reference": "SEPA-2026-11-0042", "paid_on": "2026-11-23"},
                request_only=True,
            ),
            examples.shown(examples.PAID),
        ],
    )
    def post(self, request: Request, batch: str, item: str) -> Response:
        given = self.read(PaidIn)
        found = self.item(batch, item)
        return self.show(
            ItemShape,
            execution.mark_paid(actor=self.actor, now=self.now, item=found, **given),
        )


class MarkReturnedWindow(BatchWindow):
    """The money came back."""

    @extend_schema(
        operation_id="payout_items_mark_returned",
        summary="Record that an item's money came back",
        description="It is payable to the payee again.",
        request=ReasonIn,
        responses=ItemShape,
        examples=[
            OpenApiExample("Closed", value={"reason": "Account closed"}, request_only=True),
            examples.shown(examples.RETURNED),
        ],
    )
    def post(self, request: Request, batch: str, item: str) -> Response:
        given = self.read(ReasonIn)
        found = self.item(batch, item)
        return self.show(
            ItemShape,
            execution.mark_returned(actor=self.actor, now=self.now, item=found, **given),
        )


class FileWindow(BatchWindow):
    """A batch as a CSV file."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """The file is what it is, also to a client that accepts CSV alone."""
        return super().perform_content_negotiation(request, force=True)


class ExportWindow(FileWindow):
    """A batch to look at."""

    @extend_schema(
        operation_id="payout_batches_export",
        summary="A batch's items as CSV",
        description="One line an item. Accounts are masked.",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, batch: str) -> HttpResponse:
        return exports.batch_csv(self.batch(batch))


class PaymentsWindow(FileWindow):
    """A batch to pay from."""

    scopes = {"GET": "payouts:prepare"}

    @extend_schema(
        operation_id="payout_batches_payments",
        summary="What is still to be paid of a batch, as CSV",
        description="For whoever carries it out at the bank: accounts in full, one line a payment. "
        "The batch's history tells of every time it was taken. 409 `not_in_state` unless the batch "
        "was executed and is not yet settled: before that its money is not set aside.",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, batch: str) -> HttpResponse:
        found = self.batch(batch)
        payments = execution.list_payments(actor=self.actor, now=self.now, batch=found)
        return exports.payments_csv(found, payments)


class PayoutsWindow(Window):
    """A payee's own payouts."""

    scopes = {"GET": "payouts:read"}

    @extend_schema(
        operation_id="payouts_list",
        summary="Payouts to you, newest first",
        description="Yours once the money is set aside for you; all of the mode for the house.",
        parameters=[OpenApiParameter("state", str, enum=ItemState.values), PARTY],
        responses=paged(ItemShape),
        examples=examples.listed(examples.ITEM),
    )
    def get(self, request: Request) -> Response:
        rows: QuerySet[PayoutItem] = PayoutItem.objects.visible_to(self.actor)
        return self.page(
            rows.select_related("batch", "destination"),
            ItemShape,
            filters={
                "state": serializers.ChoiceField(choices=ItemState.choices),
                "party": Text(max_length=80),
            },
        )


urlpatterns = [
    path("payout-destinations", DestinationsWindow.as_view()),
    path("payout-batches", BatchesWindow.as_view()),
    path("payout-batches/<str:batch>", ShowWindow.as_view()),
    path("payout-batches/<str:batch>/submit", SubmitWindow.as_view()),
    path("payout-batches/<str:batch>/approve", ApproveWindow.as_view()),
    path("payout-batches/<str:batch>/reject", RejectWindow.as_view()),
    path("payout-batches/<str:batch>/cancel", CancelWindow.as_view()),
    path("payout-batches/<str:batch>/execute", ExecuteWindow.as_view()),
    path("payout-batches/<str:batch>/items", ItemsWindow.as_view()),
    path("payout-batches/<str:batch>/items/<str:item>/remove", RemoveItemWindow.as_view()),
    path("payout-batches/<str:batch>/items/<str:item>/mark-paid", MarkPaidWindow.as_view()),
    path("payout-batches/<str:batch>/items/<str:item>/mark-returned", MarkReturnedWindow.as_view()),
    path("payout-batches/<str:batch>/export.csv", ExportWindow.as_view()),
    path("payout-batches/<str:batch>/payments.csv", PaymentsWindow.as_view()),
    path("payouts", PayoutsWindow.as_view()),
]

"""The API's windows on payouts: destinations, batches, their items, and a payee's own payouts."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.payouts import batches, destinations, execution, exports, review
from ledger.payouts.models import PayoutBatch, PayoutDestination, PayoutItem
from ledger.payouts.shapes import (
    ApproveIn,
    BatchIn,
    BatchShape,
    BatchSummary,
    DestinationIn,
    DestinationOut,
    Empty,
    ItemIn,
    ItemShape,
    PaidIn,
    ReasonIn,
    SeenIn,
)
from ledger.payouts.states import BatchState, ItemState
from ledger.windows import Window, paged
from ledger.wire import Currency, Text

NOTHING = OpenApiExample("Nothing to say", value={}, request_only=True)


class DestinationsWindow(Window):
    """Where payees are paid to."""

    scopes = {"GET": "payouts:read", "POST": "payouts:prepare"}

    @extend_schema(
        operation_id="list_payout_destinations",
        summary="Where payees are paid to, past and present",
        responses=paged(DestinationOut),
    )
    def get(self, request: Request) -> Response:
        rows = PayoutDestination.objects.visible_to(self.actor)
        return self.page(rows, DestinationOut, filters={"party": Text(max_length=80)})

    @extend_schema(
        operation_id="register_payout_destination",
        summary="Register or change where a payee is paid to",
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
            )
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
        operation_id="list_payout_batches",
        summary="Batches, newest first",
        responses=paged(BatchSummary),
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
        operation_id="propose_payout_batch",
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
            )
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
        operation_id="get_payout_batch", summary="A batch with its items", responses=BatchShape
    )
    def get(self, request: Request, batch: str) -> Response:
        return self.show(BatchShape, self.batch(batch))


class SubmitWindow(BatchWindow):
    """Draft to in review."""

    @extend_schema(
        operation_id="submit_payout_batch",
        summary="Hand a draft over for review",
        request=SeenIn,
        responses=BatchShape,
        examples=[NOTHING],
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
        operation_id="approve_payout_batch",
        summary="Approve what a colleague prepared",
        description="Bound to the content that was seen. Never one's own: 403 `own_batch`.",
        request=ApproveIn,
        responses=BatchShape,
        examples=[OpenApiExample("As seen", value={"content_hash": "ab" * 32}, request_only=True)],
    )
    def post(self, request: Request, batch: str) -> Response:
        given = self.read(ApproveIn)
        found = review.approve(actor=self.actor, now=self.now, batch=self.batch(batch), **given)
        return self.show(BatchShape, found)


class RejectWindow(BatchWindow):
    """In review back to draft."""

    scopes = {"POST": "payouts:approve"}

    @extend_schema(
        operation_id="reject_payout_batch",
        summary="Send a batch back to its preparer",
        request=ReasonIn,
        responses=BatchShape,
        examples=[
            OpenApiExample("A doubt", value={"reason": "Check the second"}, request_only=True)
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
        operation_id="cancel_payout_batch",
        summary="Cancel a batch that has not been sent",
        request=Empty,
        responses=BatchShape,
        examples=[NOTHING],
    )
    def post(self, request: Request, batch: str) -> Response:
        self.read(Empty)
        found = review.cancel(actor=self.actor, now=self.now, batch=self.batch(batch))
        return self.show(BatchShape, found)


class ExecuteWindow(BatchWindow):
    """Approved to reserved, and on to the rail."""

    @extend_schema(
        operation_id="execute_payout_batch",
        summary="Set the money aside and hand the batch to its rail",
        description="The answer may still say `reserved`: the rail is called once the money is "
        "safely set aside, and if that is interrupted a sweep goes on within seconds.",
        request=Empty,
        responses=BatchShape,
        examples=[NOTHING],
    )
    def post(self, request: Request, batch: str) -> Response:
        self.read(Empty)
        found = execution.execute(actor=self.actor, now=self.now, batch=self.batch(batch))
        return self.show(BatchShape, found)


class ItemsWindow(BatchWindow):
    """The items of a draft."""

    @extend_schema(
        operation_id="set_payout_item",
        summary="Pay a payee this much in a draft",
        request=ItemIn,
        responses=BatchShape,
        examples=[
            OpenApiExample(
                "A part",
                value={"party": "hld_01jcqz6m2v8w3x4y5z6a7b8c9d", "amount": "25.00"},
                request_only=True,
            )
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
        operation_id="remove_payout_item",
        summary="Take a payee out of a draft",
        request=Empty,
        responses=BatchShape,
        examples=[NOTHING],
    )
    def post(self, request: Request, batch: str, item: str) -> Response:
        self.read(Empty)
        found = self.item(batch, item)
        batches.remove_item(actor=self.actor, now=self.now, item=found)
        return self.show(BatchShape, self.batch(batch))


class MarkPaidWindow(BatchWindow):
    """The evidence that an item was paid."""

    @extend_schema(
        operation_id="mark_payout_item_paid",
        summary="Record that the bank has paid an item",
        request=PaidIn,
        responses=ItemShape,
        examples=[
            OpenApiExample(
                "From the bank's statement",
                value={"reference": "SEPA-2026-11-0042", "paid_on": "2026-11-23"},
                request_only=True,
            )
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
        operation_id="mark_payout_item_returned",
        summary="Record that an item's money came back",
        request=ReasonIn,
        responses=ItemShape,
        examples=[OpenApiExample("Closed", value={"reason": "Account closed"}, request_only=True)],
    )
    def post(self, request: Request, batch: str, item: str) -> Response:
        given = self.read(ReasonIn)
        found = self.item(batch, item)
        return self.show(
            ItemShape,
            execution.mark_returned(actor=self.actor, now=self.now, item=found, **given),
        )


class ExportWindow(BatchWindow):
    """A batch as a CSV file."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """The file is what it is, also to a client that accepts CSV alone."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="export_payout_batch",
        summary="A batch's items as CSV",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, batch: str) -> HttpResponse:
        return exports.batch_csv(self.batch(batch))


class PayoutsWindow(Window):
    """A payee's own payouts."""

    scopes = {"GET": "payouts:read"}

    @extend_schema(
        operation_id="list_payouts",
        summary="Payouts to you, newest first",
        responses=paged(ItemShape),
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
    path("payouts", PayoutsWindow.as_view()),
]

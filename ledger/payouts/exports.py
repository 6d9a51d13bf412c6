"""A batch as a file: to look at, with its accounts masked; and what the person at the bank pays from."""

from __future__ import annotations

from collections.abc import Sequence

from django.http import HttpResponse

from ledger.money import format_amount
from ledger.payouts.models import PayoutBatch, PayoutItem
from ledger.payouts.rails import Instruction
from ledger.spreadsheet import csv_response

HEADER = (
    "item",
    "party",
    "account_name",
    "account",
    "amount",
    "currency",
    "state",
    "reference",
    "paid_on",
)
PAYMENTS_HEADER = ("payment", "party", "account_name", "kind", "account", "amount", "currency")


def batch_csv(batch: PayoutBatch) -> HttpResponse:
    """The items in the order of their ids, accounts masked; cells that could be formulas escaped."""
    items = PayoutItem.objects.filter(batch=batch).select_related("destination").order_by("pk")
    rows = [
        (
            item.shown_id,
            item.party,
            item.destination.account_name,
            item.destination.masked,
            format_amount(item.amount, batch.currency),
            batch.currency,
            item.state,
            item.reference,
            item.paid_on.isoformat() if item.paid_on else "",
        )
        for item in items
    ]
    return csv_response(f"{batch.shown_id}.csv", HEADER, rows)


def payments_csv(batch: PayoutBatch, payments: Sequence[Instruction]) -> HttpResponse:
    """What is to be paid, accounts whole; cells that could be formulas escaped. Kept by no cache."""
    rows = [
        (
            each.rail_id,
            each.party,
            each.account_name,
            each.kind,
            each.account,
            format_amount(each.money.amount, each.money.currency),
            each.money.currency,
        )
        for each in payments
    ]
    response = csv_response(f"{batch.shown_id}-payments.csv", PAYMENTS_HEADER, rows)
    response["Cache-Control"] = "no-store"
    return response

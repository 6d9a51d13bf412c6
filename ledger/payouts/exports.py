"""A batch as a file: what the person at the bank pays from."""

from __future__ import annotations

from django.http import HttpResponse

from ledger.money import format_amount
from ledger.payouts.models import PayoutBatch, PayoutItem
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

"""What an allow obliges to and costs, as JSON for an answer or a receipt."""

from __future__ import annotations

from typing import Any

from ledger.money import format_amount
from licensing.consent.engine.language import Obligations, Price

Json = dict[str, Any]


def write_obligations(obligations: Obligations) -> Json:
    """Obligations for an answer or a receipt: those there are."""
    written: Json = {}
    for name in ("watermark", "c2pa", "delete_on_revocation"):
        if getattr(obligations, name):
            written[name] = True
    if obligations.attribution:
        written["attribution"] = sorted(obligations.attribution)
    if obligations.report_within is not None:
        written["report_within_hours"] = obligations.report_within
    return written


def write_price(prices: tuple[Price, ...], *, by_agreement: bool) -> Json:
    """The price for an answer or a receipt: one part per currency and unit."""
    return {
        "parts": [
            {
                "amount": format_amount(price.amount, price.currency),
                "currency": price.currency,
                "per": str(price.per),
            }
            for price in prices
        ],
        "by_agreement": by_agreement,
    }

"""What the API's document shows as examples of payouts."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_PARTY: Final = "hld_06evgh4c2xskgjz3kq1v6t9m8f"
_BATCH: Final = "pay_06evgh4c2xskgjz3kq1v6t9m8s"
_AT: Final = "2026-11-02T09:00:00Z"
_ACCOUNT: Final = "DE••••3000"

DESTINATION: Final[dict[str, Any]] = {
    "id": "pde_06evgh4c2xskgjz3kq1v6t9m8r",
    "party": _PARTY,
    "kind": "iban",
    "account": _ACCOUNT,
    "account_name": "Lantern Studio",
    "registered_at": _AT,
    "usable_from": _AT,
    "replaced_at": None,
}
ITEM: Final[dict[str, Any]] = {
    "id": "pit_06evgh4c2xskgjz3kq1v6t9m8t",
    "batch": _BATCH,
    "party": _PARTY,
    "amount": {"amount": "680.00", "currency": "USD"},
    "destination": _ACCOUNT,
    "state": "proposed",
    "state_since": _AT,
    "reference": "",
    "paid_on": None,
    "reason": "",
}
PAID: Final[dict[str, Any]] = {
    **ITEM,
    "state": "paid",
    "reference": "SEPA-2026-11-0042",
    "paid_on": "2026-11-23",
}
RETURNED: Final[dict[str, Any]] = {**ITEM, "state": "returned", "reason": "Account closed"}
SUMMARY: Final[dict[str, Any]] = {
    "id": _BATCH,
    "mode": "live",
    "state": "draft",
    "state_since": _AT,
    "version": 1,
    "rail": "manual",
    "total": {"amount": "680.00", "currency": "USD"},
    "item_count": 1,
    "threshold": {"amount": "10.00", "currency": "USD"},
    "content_hash": "ab" * 32,
    "prepared_by": "petra",
    "prepared_at": _AT,
    "approved_by": "",
    "approved_at": None,
}
BATCH: Final[dict[str, Any]] = {
    **SUMMARY,
    "items": [ITEM],
    "left_out": [
        {
            "party": "hld_06evgh4c2xskgjz3kq1v6t9m8g",
            "payable": "3.50",
            "reason": "below_threshold",
            "detail": "Owed less than the threshold.",
        }
    ],
}


def shown(value: object, *, status: str = "200") -> OpenApiExample:
    """One thing as an answer."""
    return OpenApiExample("One", value=value, response_only=True, status_codes=[status])


def listed(value: object) -> list[OpenApiExample]:
    """A page of one thing as an answer."""
    page = {"data": [value], "next": None}
    return [OpenApiExample("A page", value=page, response_only=True)]


def moved(state: str) -> OpenApiExample:
    """A batch that has come to `state`, as an answer."""
    return shown({**BATCH, "state": state})

"""What the API's document shows as examples of statements."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_HOLDER: Final = "hld_06evgh4c2xskgjz3kq1v6t9m8f"


def _usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


SUMMARY: Final[dict[str, Any]] = {
    "id": "stm_06evgh4c2xskgjz3kq1v6t9m8s",
    "party": _HOLDER,
    "party_label": "Lantern Studio",
    "month": "2026-10",
    "covers_to": "2026-10-31",
    "complete": True,
    "currency": "USD",
    "revision": 1,
    "restates": None,
    "opening": _usd("0.00"),
    "closing": _usd("680.0004"),
    "issued_at": "2026-11-02T09:00:00Z",
}
STATEMENT: Final[dict[str, Any]] = {
    **SUMMARY,
    "lines": [
        {
            "kind": "royalties_earned",
            "kind_label": "Royalties earned",
            "subject": "chr_06evgh4c2xskgjz3kq1v6t9m8j",
            "subject_label": "Luna",
            "counterparty": "plt_06evgh4c2xskgjz3kq1v6t9m8n",
            "counterparty_label": "Clipforge",
            "amount": _usd("680.0004"),
            "transfers": 1,
        }
    ],
    "balances": [{"role": "payable", "opening": _usd("0.00"), "closing": _usd("680.0004")}],
    "changes": [],
}
ISSUED: Final[dict[str, Any]] = {"month": "2026-10", "issued": 12, "restated": 0, "unchanged": 0}


def shown(value: object, *, status: str = "200") -> OpenApiExample:
    """One thing as an answer."""
    return OpenApiExample("One", value=value, response_only=True, status_codes=[status])


def listed(value: object) -> list[OpenApiExample]:
    """A page of one thing as an answer."""
    page = {"data": [value], "next": None}
    return [OpenApiExample("A page", value=page, response_only=True)]

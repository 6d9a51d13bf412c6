"""What the API's document shows as examples of settlement."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_PLATFORM: Final = "plt_06evgh4c2xskgjz3kq1v6t9m8n"
_HOLDER: Final = "hld_06evgh4c2xskgjz3kq1v6t9m8f"
_SUBJECT: Final = "chr_06evgh4c2xskgjz3kq1v6t9m8j"
_TERMS: Final = "trm_06evgh4c2xskgjz3kq1v6t9m8r"
_STEP: Final = "own_06evgh4c2xskgjz3kq1v6t9m8p"
_RUN: Final = "run_06evgh4c2xskgjz3kq1v6t9m8s"
_BATCH: Final = "bat_06evgh4c2xskgjz3kq1v6t9m8t"


def _usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


NEW_RUN: Final[dict[str, Any]] = {"platform": _PLATFORM, "currency": "USD", "period": "2026-10"}
RUN: Final[dict[str, Any]] = {
    "id": _RUN,
    "mode": "live",
    **NEW_RUN,
    "kind": "usage",
    "revision": 1,
    "state": "in_review",
    "state_since": "2026-11-02T09:00:12Z",
    "version": 5,
    "generations": 2500001,
    "total": _usd("1000.0004"),
    "fee": _usd("150.00006"),
    "holders": _usd("850.00034"),
    "suspense": _usd("0.00"),
    "content_hash": "ab" * 32,
    "started_by": "petra",
    "started_at": "2026-11-02T09:00:00Z",
    "approved_by": "",
    "approved_at": None,
    "effective_on": None,
    "posted_at": None,
    "reversed_by": "",
    "reversed_at": None,
    "reversal_reason": "",
}
RUN_DETAIL: Final[dict[str, Any]] = {
    **RUN,
    "progress": {
        "parts": 26,
        "parts_done": 26,
        "parts_quarantined": 0,
        "rows": 2500001,
        "rows_done": 2500001,
        "rows_per_second": "312500.1",
        "seconds_left": 0,
    },
    "review": {
        "payees": [
            {
                "payee": "holder",
                "holder": _HOLDER,
                "name": "Lantern Studio",
                "amount": _usd("850.00034"),
            },
            {"payee": "fee", "holder": None, "name": "", "amount": _usd("150.00006")},
        ],
        "subjects": [{"subject": _SUBJECT, "name": "Luna", "amount": _usd("1000.0004")}],
        "anomalies": [{"code": "unpriced", "subject": _SUBJECT, "name": "Luna", "generations": 12}],
        "previous": None,
        "taken_back": 0,
    },
    "failures": [],
    "error": "",
}
APPROVAL: Final[dict[str, Any]] = {"content_hash": "ab" * 32}
REVERSAL: Final[dict[str, Any]] = {**APPROVAL, "reason": "Rated by last month's price list"}
RUN_REVERSED: Final[dict[str, Any]] = {
    **RUN_DETAIL,
    "state": "reversed",
    "state_since": "2026-11-03T10:20:00Z",
    "version": 9,
    "approved_by": "anton",
    "approved_at": "2026-11-02T09:30:00Z",
    "effective_on": "2026-10-31",
    "posted_at": "2026-11-02T09:30:04Z",
    "reversed_by": "bruno",
    "reversed_at": "2026-11-03T10:20:00Z",
    "reversal_reason": REVERSAL["reason"],
}
LINE: Final[dict[str, Any]] = {
    "id": "rln_06evgh4c2xskgjz3kq1v6t9m8v",
    "run": _RUN,
    "subject": _SUBJECT,
    "origin": None,
    "basis": "direct",
    "code": "ok",
    "terms": _TERMS,
    "ownership": _STEP,
    "service_day": "2026-10-12",
    "territory": "US",
    "medium": "image",
    "licensed": True,
    "generations": 3,
    "seconds": 0,
    "entitled_generations": "2.5",
    "entitled_seconds": "0",
    "rate_generation": "0.0004",
    "rate_second": None,
    "gross": "0.001",
    "currency": "USD",
}
SHARE: Final[dict[str, Any]] = {
    "id": "rsh_06evgh4c2xskgjz3kq1v6t9m8w",
    "payee": "holder",
    "holder": _HOLDER,
    "subject": _SUBJECT,
    "terms": _TERMS,
    "ownership": _STEP,
    "service_month": "2026-10",
    "amount": _usd("850.00034"),
}
EARNING: Final[dict[str, Any]] = {
    "holder": _HOLDER,
    "subject": _SUBJECT,
    "platform": _PLATFORM,
    "month": "2026-10",
    "amount": _usd("850.00034"),
}
EXPLANATION: Final[dict[str, Any]] = {
    "line": LINE,
    "clause": {
        "agreement": "agr_06evgh4c2xskgjz3kq1v6t9m8q",
        "terms": _TERMS,
        "number": 1,
        "effective_on": "2026-10-01",
        "fee_percent": "15",
        "remix_percent": "10",
    },
    "prices": [{"unit": "generation", "amount": "0.0004"}],
    "owners": [{"holder": _HOLDER, "share": "100"}],
    "batches": [
        {
            "id": _BATCH,
            "count": 20000,
            "content_hash": "cd" * 32,
            "sealed_at": "2026-10-12T18:00:00Z",
        }
    ],
    "generations": [
        {
            "id": "gen_06evgh4c2xskgjz3kq1v6t9m8x",
            "external_id": "g-1",
            "occurred_at": "2026-10-12T17:59:00Z",
            "seconds": None,
            "batch": _BATCH,
            "consent_check": "chk_06evgh4c2xskgjz3kq1v6t9m8y",
            "rule_versions": ["rlv_06evgh4c2xskgjz3kq1v6t9m8z"],
            "entitlement": 50000000,
            "gross": "0.0002",
        }
    ],
    "entries": [f"settlement:{_RUN}:2"],
}


def said(name: str, value: object) -> OpenApiExample:
    """A body."""
    return OpenApiExample(name, value=value, request_only=True)


def shown(value: object, *, status: str = "200") -> OpenApiExample:
    """One thing as an answer."""
    return OpenApiExample("One", value=value, response_only=True, status_codes=[status])


def listed(value: object) -> list[OpenApiExample]:
    """A page of one thing as an answer."""
    page = {"data": [value], "next": None}
    return [OpenApiExample("A page", value=page, response_only=True)]

"""What the API's document shows as examples of the books."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_BOOK: Final = "boo_06evgh4c2xskgjz3kq1v6t9m8a"
_ENTRY: Final = "ent_06evgh4c2xskgjz3kq1v6t9m8b"
_HASH: Final = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_AT: Final = "2026-11-02T09:00:00Z"
_PAYABLE: Final = {
    "id": "acc_4q1v6t9m8cgv4h06evgh4c2xsk",
    "role": "payable",
    "party": "hld_06evgh4c2xskgjz3kq1v6t9m8f",
    "subject": "",
}
_RECEIVABLE: Final = {
    "id": "acc_1v6t9m8dkh06evgh4c2xskgjz3",
    "role": "receivable",
    "party": "plt_06evgh4c2xskgjz3kq1v6t9m8n",
    "subject": "",
}

BOOK: Final[dict[str, Any]] = {
    "id": _BOOK,
    "name": "house",
    "mode": "live",
    "height": 42,
    "head_hash": _HASH,
    "opened_at": _AT,
}
ACCOUNT: Final[dict[str, Any]] = {
    "id": _PAYABLE["id"],
    "number": 7,
    "book": _BOOK,
    "party": {
        "id": "pty_06evgh4c2xskgjz3kq1v6t9m8g",
        "ref": _PAYABLE["party"],
        "kind": "holder",
        "name": "Lantern Studio",
    },
    "role": "payable",
    "kind": "liability",
    "currency": "USD",
    "subject": "",
    "normal_side": "credit",
    "balance": {"amount": "680.0004", "currency": "USD"},
    "opened_at": _AT,
}
LINE: Final[dict[str, Any]] = {
    "line": 1,
    "debit": _RECEIVABLE,
    "credit": _PAYABLE,
    "amount": {"amount": "680.0004", "currency": "USD"},
    "subject": "chr_06evgh4c2xskgjz3kq1v6t9m8j",
}
ENTRY: Final[dict[str, Any]] = {
    "id": _ENTRY,
    "book": _BOOK,
    "height": 42,
    "kind": "royalty",
    "key": "run_06evgh4c2xskgjz3kq1v6t9m8h/1",
    "effective_on": "2026-10-31",
    "posted_at": _AT,
    "actor": "settlement",
    "memo": "October",
    "reverses": None,
    "line_count": 1,
    "total": "680.00040000",
    "content_hash": _HASH,
    "previous_hash": _HASH,
    "hash": _HASH,
}
WHOLE_ENTRY: Final[dict[str, Any]] = {**ENTRY, "lines": [LINE]}
PERIOD: Final[dict[str, Any]] = {
    "month": "2026-10",
    "book": _BOOK,
    "state": "closed",
    "opened_at": _AT,
    "closed_at": _AT,
    "closed_by": "Fin Ance",
    "trial_balance_hash": _HASH,
    "hash": _HASH,
}
CLOSE: Final[dict[str, Any]] = {"book": _BOOK, "trial_balance_hash": _HASH}
TRIAL_BALANCE: Final[dict[str, Any]] = {
    "currencies": [
        {
            "currency": "USD",
            "lines": [
                {"role": "payable", "debit": "0.00", "credit": "680.0004"},
                {"role": "receivable", "debit": "680.0004", "credit": "0.00"},
            ],
            "debit": "680.0004",
            "credit": "680.0004",
        }
    ],
    "hash": _HASH,
}


def shown(value: dict[str, Any]) -> list[OpenApiExample]:
    """An answer's example."""
    return [OpenApiExample("Answer", value=value, response_only=True)]


def listed(value: dict[str, Any]) -> list[OpenApiExample]:
    """A page's example."""
    return shown({"data": [value], "next": None})

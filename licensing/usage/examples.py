"""What the API's document shows as examples of usage."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_SUBJECT: Final = "chr_06evgh4c2xskgjz3kq1v6t9m8j"
_PLATFORM: Final = "plt_06evgh4c2xskgjz3kq1v6t9m8n"
_BATCH: Final = "bat_06evgh4c2xskgjz3kq1v6t9m90"

REPORT: Final[dict[str, Any]] = {
    "external_id": "g-1",
    "occurred_at": "2026-10-01T12:00:00Z",
    "medium": "video",
    "seconds": 8,
    "territory": "US",
    "receipt": "eyJhbGciOiJFZERTQSJ9.eyJqdGkiOiJjaGtfMDZldmdoNGMyeHNrZ2p6M2txMXY2dDltOHAifQ.c2ln",
    "subjects": [{"id": _SUBJECT, "weight": 1}],
    "parents": ["g-0"],
    "model": "x-2",
    "metadata": {},
}
GENERATION: Final[dict[str, Any]] = {
    "id": "gen_06evgh4c2xskgjz3kq1v6t9m8z",
    "platform": _PLATFORM,
    "batch": _BATCH,
    "external_id": "g-1",
    "occurred_at": "2026-10-01T12:00:00Z",
    "medium": "video",
    "seconds": 8,
    "territory": "US",
    "purpose": "",
    "resolution": "",
    "model": "x-2",
    "licensed": True,
    "unlicensed_reason": "",
    "consent_check": "chk_06evgh4c2xskgjz3kq1v6t9m8p",
    "subjects": [{"id": _SUBJECT, "weight": 1}],
    "parents": ["g-0"],
    "metadata": {},
}
LINES: Final = (
    '{"external_id": "g-0", "occurred_at": "2026-10-01T11:59:00Z", "medium": "image", '
    f'"subjects": [{{"id": "{_SUBJECT}"}}]}}\n'
    '{"external_id": "g-1", "occurred_at": "2026-10-01T12:00:00Z", "medium": "video", '
    f'"seconds": 8, "subjects": [{{"id": "{_SUBJECT}"}}], "parents": ["g-0"]}}\n'
)
BATCH: Final[dict[str, Any]] = {
    "id": _BATCH,
    "platform": _PLATFORM,
    "origin": "upload",
    "state": "sealed",
    "opened_at": "2026-10-01T12:05:00Z",
    "sealed_at": "2026-10-01T12:05:00Z",
    "count": 2,
    "content_hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "first_occurred_at": "2026-10-01T11:59:00Z",
    "last_occurred_at": "2026-10-01T12:00:00Z",
    "lines": 2,
    "repeated": 0,
    "refused": 0,
    "refusals": [],
}


def asked(name: str, value: object, media_type: str = "application/json") -> OpenApiExample:
    """An example of a body."""
    return OpenApiExample(name, value=value, request_only=True, media_type=media_type)


def shown(name: str, value: object, *statuses: str) -> list[OpenApiExample]:
    """An example of an answer, under each of the statuses it is given with."""
    return [
        OpenApiExample(f"{name}, {status}", value=value, response_only=True, status_codes=[status])
        for status in statuses or ("200",)
    ]


def listed(name: str, value: object) -> list[OpenApiExample]:
    """An example of a page."""
    return [OpenApiExample(name, value={"data": [value], "next": None}, response_only=True)]

"""What the API's document shows as examples of the catalogue."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_HOLDER: Final = "hld_06evgh4c2xskgjz3kq1v6t9m8f"
_PROPERTY: Final = "prp_06evgh4c2xskgjz3kq1v6t9m8m"
_SUBJECT: Final = "chr_06evgh4c2xskgjz3kq1v6t9m8j"
_AT: Final = "2026-10-01T12:00:00Z"

HOLDER: Final[dict[str, Any]] = {
    "id": _HOLDER,
    "name": "Lantern Studio",
    "organisation": "org_06evgh4c2xskgjz3kq1v6t9m8e",
    "created_at": _AT,
}
PLATFORM: Final[dict[str, Any]] = {
    "id": "plt_06evgh4c2xskgjz3kq1v6t9m8n",
    "name": "Clipforge",
    "created_at": _AT,
}
PROPERTY_EDIT: Final[dict[str, Any]] = {"name": "Tales of the Lamp"}
NEW_PROPERTY: Final[dict[str, Any]] = {"holder": _HOLDER, "name": "Tales of the Lamp"}
PROPERTY: Final[dict[str, Any]] = {
    "id": _PROPERTY,
    **NEW_PROPERTY,
    "parent": None,
    "depth": 1,
    "created_at": _AT,
}
NEW_SUBJECT: Final[dict[str, Any]] = {
    "holder": _HOLDER,
    "name": "Luna",
    "kind": "character",
    "property": _PROPERTY,
}
SUBJECT: Final[dict[str, Any]] = {"id": _SUBJECT, **NEW_SUBJECT, "created_at": _AT}
_THIRDS: Final = [
    {"holder": "hld_06evgh4c2xskgjz3kq1v6t9m8f", "share": "1/3"},
    {"holder": "hld_06evgh4c2xskgjz3kq1v6t9m8g", "share": "1/3"},
    {"holder": "hld_06evgh4c2xskgjz3kq1v6t9m8h", "share": "1/3"},
]
NEW_STEP: Final[dict[str, Any]] = {
    "territory": "GB",
    "effective_on": "2027-01-01",
    "shares": _THIRDS,
}
STEP: Final[dict[str, Any]] = {
    "id": "own_06evgh4c2xskgjz3kq1v6t9m8p",
    "subject": _SUBJECT,
    **NEW_STEP,
    "recorded_at": _AT,
}


def shown(value: object) -> list[OpenApiExample]:
    """One thing as an answer."""
    return [OpenApiExample("One", value=value, response_only=True)]


def listed(value: object) -> list[OpenApiExample]:
    """A page of one thing as an answer."""
    page = {"data": [value], "next": None}
    return [OpenApiExample("A page", value=page, response_only=True)]

"""What the API's document shows as examples of claims."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

_OWNER: Final = "hld_06evgh4c2xskgjz3kq1v6t9m8f"
_CLAIMANT: Final = "hld_06evgh4c2xskgjz3kq1v6t9m8g"
_SUBJECT: Final = "chr_06evgh4c2xskgjz3kq1v6t9m8j"

NEW_CLAIM: Final[dict[str, Any]] = {
    "claimant": _CLAIMANT,
    "subject": _SUBJECT,
    "territory": "DE",
    "statement": "We drew her first: see our comic of 2011, page 4.",
}
CONTEST: Final[dict[str, Any]] = {"statement": "The comic was drawn for us, by contract of 2010."}
DECISION: Final[dict[str, Any]] = {
    "outcome": "rejected",
    "reason": "By the contract of 2010 the comic's characters belong to who ordered it.",
}
FILED: Final[dict[str, Any]] = {
    "id": "clm_06evgh4c2xskgjz3kq1v6t9m8q",
    **NEW_CLAIM,
    "subject_name": "Luna",
    "claimant_name": "Harbour Comics",
    "state": "disputed",
    "filed_at": "2026-10-01T12:00:00Z",
    "contest": None,
    "conceded_by": None,
    "reason": None,
    "ended_at": None,
}
CONTESTED: Final[dict[str, Any]] = {
    **FILED,
    "contest": {"holder": _OWNER, **CONTEST, "contested_at": "2026-10-02T09:00:00Z"},
}
CONCEDED: Final[dict[str, Any]] = {
    **FILED,
    "state": "conceded",
    "conceded_by": _OWNER,
    "ended_at": "2026-10-02T09:00:00Z",
}
WITHDRAWN: Final[dict[str, Any]] = {
    **FILED,
    "state": "withdrawn",
    "ended_at": "2026-10-02T09:00:00Z",
}
REJECTED: Final[dict[str, Any]] = {
    **CONTESTED,
    "state": "rejected",
    "reason": DECISION["reason"],
    "ended_at": "2026-10-09T15:00:00Z",
}


def sent(value: object) -> OpenApiExample:
    """One body as it is sent."""
    return OpenApiExample("One", value=value, request_only=True)


def shown(value: object) -> OpenApiExample:
    """One thing as an answer."""
    return OpenApiExample("One", value=value, response_only=True)


def listed(value: object) -> OpenApiExample:
    """A page of one thing as an answer."""
    page = {"data": [value], "next": None}
    return OpenApiExample("A page", value=page, response_only=True)

"""What the API's document shows as examples of consent."""

from __future__ import annotations

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

from licensing.consent.engine.bodies import canonical
from licensing.consent.interchange.documents import Format, write_document
from licensing.consent.interchange.wordings import Wording

_HOLDER: Final = "hld_06evgh4c2xskgjz3kq1v6t9m8f"
_SUBJECT: Final = "chr_06evgh4c2xskgjz3kq1v6t9m8j"
_PLATFORM: Final = "plt_06evgh4c2xskgjz3kq1v6t9m8n"
_VERSION: Final = "rlv_06evgh4c2xskgjz3kq1v6t9m8r"
_CHECK: Final = "chk_06evgh4c2xskgjz3kq1v6t9m8s"
_APPROVAL: Final = "apr_06evgh4c2xskgjz3kq1v6t9m8t"
_AT: Final = "2026-10-01T12:00:00Z"
_NEXT_DAY: Final = "2026-10-02T12:00:00Z"

BODY: Final[dict[str, Any]] = {
    "effect": "allow",
    "actions": ["generate_image", "generate_video"],
    "territories": {"except": ["DE"]},
    "purposes": ["personal"],
    "content": {"violence": "mild"},
    "obligations": {"watermark": True, "report_within_hours": 24},
    "price": {"amount": "0.002", "currency": "USD", "per": "generation"},
}
NEW_RULE: Final[dict[str, Any]] = {"subject": _SUBJECT, "name": "Clips of Luna", "body": BODY}
EDIT: Final[dict[str, Any]] = {"body": {**BODY, "content": {"violence": "none"}}}
VERSION: Final[dict[str, Any]] = {
    "id": _VERSION,
    "number": 1,
    "state": "published",
    "body": BODY,
    "drafted_at": _AT,
    "published_at": _AT,
    "ended_at": None,
    "notice": None,
}
RULE: Final[dict[str, Any]] = {
    "id": "rul_06evgh4c2xskgjz3kq1v6t9m8q",
    "holder": _HOLDER,
    "property": None,
    "subject": _SUBJECT,
    "name": "Clips of Luna",
    "answers": [],
    "created_at": _AT,
    "latest": VERSION,
    "in_force": VERSION,
}
_BLAST: Final = {"open_receipts": 1204, "generations": 58210, "remixes": 3377}
_NOTICE: Final = {"until": "2026-11-01T12:00:00Z", "platforms": [_PLATFORM]}
_REVOKED: Final = {**VERSION, "state": "revoked", "ended_at": _NEXT_DAY, "notice": _NOTICE}
REVOCATION: Final[dict[str, Any]] = {
    "rule": {**RULE, "latest": _REVOKED, "in_force": None},
    "notice": _NOTICE,
    "blast_radius": _BLAST,
}
PUBLICATION: Final[dict[str, Any]] = {
    **RULE,
    "superseded": {
        "version": {**VERSION, "state": "superseded", "ended_at": _NEXT_DAY, "notice": _NOTICE},
        "blast_radius": _BLAST,
    },
}
NEW_SWITCH: Final[dict[str, Any]] = {"subject": _SUBJECT, "platform": _PLATFORM}
SWITCH: Final[dict[str, Any]] = {
    "id": "kls_06evgh4c2xskgjz3kq1v6t9m8v",
    "holder": _HOLDER,
    "property": None,
    "subject": _SUBJECT,
    "platform": _PLATFORM,
    "thrown_at": _AT,
    "lifted_at": None,
}
THROWN: Final[dict[str, Any]] = {"switch": SWITCH, "blast_radius": _BLAST}
_PREVIEW: Final = {
    "text": "Luna opens a lantern shop; rain outside.",
    "url": "https://reelmaker.example/previews/7f3a",
}
ASKING: Final[dict[str, Any]] = {
    "subjects": [_SUBJECT],
    "action": "generate_video",
    "generations": 2,
    "territory": "US",
    "purpose": "personal",
    "content": {"violence": "none", "codes": []},
    "duration_seconds": 8,
    "co_subjects": [],
    "preview": _PREVIEW,
}
_FACTS: Final = {
    name: value
    for name, value in ASKING.items()
    if name not in ("subjects", "action", "generations", "co_subjects", "preview")
}
ALLOWED: Final[dict[str, Any]] = {
    "id": _CHECK,
    "outcome": "allow",
    "platform": _PLATFORM,
    "subjects": [_SUBJECT],
    "action": "generate_video",
    "generations": 2,
    "facts": _FACTS,
    "verdicts": [{"subject": _SUBJECT, "outcome": "allow"}],
    "reasons": [
        {"code": "allowed", "subject": _SUBJECT, "holder": _HOLDER, "rule_version": _VERSION}
    ],
    "would_allow": [],
    "obligations": {"watermark": True, "report_within_hours": 24},
    "price": {
        "parts": [{"amount": "0.002", "currency": "USD", "per": "generation"}],
        "by_agreement": False,
    },
    "rule_versions": [_VERSION],
    "receipt": "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoi….eyJqdGkiOiJjaGtf….c2lnbmF0dXJl…",
    "issued_at": _AT,
    "expires_at": _NEXT_DAY,
    "approvals": [],
    "granted_by": None,
}
REFUSED: Final[dict[str, Any]] = {
    **ALLOWED,
    "outcome": "deny",
    "facts": {**_FACTS, "territory": "DE"},
    "verdicts": [{"subject": _SUBJECT, "outcome": "deny"}],
    "reasons": [
        {"code": "no_rule", "subject": _SUBJECT, "holder": _HOLDER},
        {
            "code": "territory_not_covered",
            "subject": _SUBJECT,
            "holder": _HOLDER,
            "rule_version": _VERSION,
            "fact": "territory",
        },
    ],
    "would_allow": [
        {
            "changes": [{"fact": "territory", "relation": "none_of", "values": ["DE"]}],
            "sentence": "Allowed if the territory were not Germany.",
        }
    ],
    "obligations": {},
    "price": {"parts": [], "by_agreement": False},
    "receipt": None,
    "expires_at": None,
}
ALWAYS: Final[dict[str, Any]] = {"always": True}
APPROVAL: Final[dict[str, Any]] = {
    "id": _APPROVAL,
    "holder": _HOLDER,
    "state": "open",
    "consent_check": _CHECK,
    "platform": _PLATFORM,
    "subjects": [_SUBJECT],
    "action": "generate_video",
    "generations": 2,
    "facts": _FACTS,
    "preview": _PREVIEW,
    "asked_at": _AT,
    "expires_at": "2026-10-31T12:00:00Z",
    "answered_at": None,
    "drafted_rules": [],
}


def _exported(format: Format) -> dict[str, Any]:  # noqa: A002 - the field's word
    """The rule in another format."""
    wording = Wording(
        version=_VERSION,
        rule=RULE["id"],
        holder=_HOLDER,
        scope=_SUBJECT,
        name=RULE["name"],
        body=canonical(BODY),
        published=_AT,
        ask_at="https://assent.example",
    )
    document = write_document(wording, format)
    return {
        "rule": RULE["id"],
        "version": _VERSION,
        "number": 1,
        "format": str(format),
        "media_type": document.media_type,
        "document": document.content,
        "not_expressed": list(document.not_expressed),
    }


EXPORTS: Final = [_exported(name) for name in Format]
POLICY: Final = EXPORTS[0]["document"]


BUNDLE: Final[dict[str, Any]] = {
    "bundle": "eyJhbGciOiJFZDI1NTE5Iiwia2lkIjoi….eyJpc3MiOiJodHRwczovL2Fz….c2lnbmF0dXJl…",
    "version": "3f0c6c1d5d0e4c4f8a3f9e0b7a1d2c44",
    "issued_at": _AT,
    "expires_at": "2026-10-01T12:15:00Z",
}


def sent(name: str, value: object) -> OpenApiExample:
    """One body as it is sent."""
    return OpenApiExample(name, value=value, request_only=True)


def shown(*values: object) -> list[OpenApiExample]:
    """Things as answers."""
    names = ("One", "Another", "A third")
    return [
        OpenApiExample(name, value=value, response_only=True)
        for name, value in zip(names, values, strict=False)
    ]


def listed(value: object) -> list[OpenApiExample]:
    """A page of one thing as an answer."""
    page = {"data": [value], "next": None}
    return [OpenApiExample("A page", value=page, response_only=True)]

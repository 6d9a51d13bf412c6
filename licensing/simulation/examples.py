"""What the API's document shows as examples of simulations."""

from __future__ import annotations

from typing import Any, Final

from licensing.consent.windows.examples import listed, sent, shown

__all__ = ["listed", "sent", "shown"]

_PLATFORM: Final = "plt_06evgh4c2xskgjz3kq1v6t9m8n"
_SUBJECT: Final = "chr_06evgh4c2xskgjz3kq1v6t9m8j"
_HOLDER: Final = "hld_06evgh4c2xskgjz3kq1v6t9m8f"
_VERSION: Final = "rlv_06evgh4c2xskgjz3kq1v6t9m8w"
_RULE: Final = "rul_06evgh4c2xskgjz3kq1v6t9m8q"

NEW: Final[dict[str, Any]] = {"rule": _RULE, "days": 30}
NEW_WINDOW: Final[dict[str, Any]] = {
    "rule": _RULE,
    "from": "2026-09-01T00:00:00Z",
    "to": "2026-10-01T00:00:00Z",
}
QUEUED: Final[dict[str, Any]] = {
    "id": "sim_06evgh4c2xskgjz3kq1v6t9m8x",
    "rule": _RULE,
    "rule_version": _VERSION,
    "revision": 3,
    "content_hash": "5f2b7c1e0d9a48c6b3e1f7a2d4c5968770e1b2a3948576c5d4e3f20191827364",
    "of_latest": True,
    "from": "2026-09-01T12:00:00Z",
    "to": "2026-10-01T12:00:00Z",
    "state": "queued",
    "requests": None,
    "replayed": 0,
    "error": "",
    "created_at": "2026-10-01T12:00:00Z",
    "started_at": None,
    "finished_at": None,
    "result": None,
}
_LISTED: Final = {name: value for name, value in QUEUED.items() if name != "result"}
CANCELLED: Final[dict[str, Any]] = {
    **QUEUED,
    "state": "cancelled",
    "finished_at": "2026-10-01T12:00:05Z",
}
LISTED: Final[dict[str, Any]] = {**_LISTED, "state": "running", "requests": 1204, "replayed": 400}
_KEPT: Final = {"was": "allow", "becomes": "allow", "requests": 1100}
_FLIPPED: Final = {"was": "allow", "becomes": "deny", "requests": 104}
_WAYS: Final[dict[str, Any]] = {"requests": 1204, "changed": 104, "ways": [_FLIPPED, _KEPT]}
_NO_MONEY: Final[dict[str, Any]] = {
    "requests": 0,
    "amounts": [],
    "by_agreement": 0,
    "unmeasured": 0,
}
DONE: Final[dict[str, Any]] = {
    **QUEUED,
    "state": "done",
    "requests": 1204,
    "replayed": 1204,
    "started_at": "2026-10-01T12:00:01Z",
    "finished_at": "2026-10-01T12:00:02Z",
    "result": {
        "as_of": "2026-10-01T12:00:01Z",
        **_WAYS,
        "by": {
            "platform": {"values": [{"value": _PLATFORM, **_WAYS}], "other": None},
            "action": {"values": [{"value": "generate_video", **_WAYS}], "other": None},
            "territory": {
                "values": [
                    {"value": "DE", "requests": 104, "changed": 104, "ways": [_FLIPPED]},
                    {"value": "US", "requests": 1100, "changed": 0, "ways": [_KEPT]},
                ],
                "other": None,
            },
            "subject": {"values": [{"value": _SUBJECT, **_WAYS}], "other": None},
        },
        "money": {
            "lost": {
                "requests": 104,
                "amounts": [{"amount": "0.208", "currency": "USD"}],
                "by_agreement": 0,
                "unmeasured": 0,
            },
            "gained": _NO_MONEY,
            "repriced": _NO_MONEY,
        },
        "recorded": {"differ": 0, "ways": [_KEPT | {"requests": 1204}]},
        "hang_on_words": 0,
        "stopped": 0,
        "quotas": "ignored",
        "notices": "run_out",
        "examples": [
            {
                "was": "allow",
                "becomes": "deny",
                "requests": [
                    {
                        "consent_check": "chk_06evgh4c2xskgjz3kq1v6t9m8s",
                        "issued_at": "2026-09-30T21:14:08.112Z",
                        "platform": _PLATFORM,
                        "subjects": [_SUBJECT],
                        "action": "generate_video",
                        "facts": {"territory": "DE", "duration_seconds": 8},
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
                                "changes": [
                                    {"fact": "territory", "relation": "none_of", "values": ["DE"]}
                                ],
                                "sentence": "Allowed with territory none of DE.",
                            }
                        ],
                    }
                ],
            }
        ],
    },
}

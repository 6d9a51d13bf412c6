"""A decision's facts as JSON: what it was taken on, so that it can be taken again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from licensing.consent.engine import words
from licensing.consent.engine.compiling import RuleBook
from licensing.consent.engine.deciding import Asked
from licensing.consent.engine.explanations import would_allow
from licensing.consent.engine.language import (
    LEVEL,
    LEVELS,
    Change,
    Decision,
    Reason,
    Request,
)

Json = dict[str, Any]

# Facts that are one text or number, by the name the API gives them.
PLAIN: Final = {
    "territory": "territory",
    "purpose": "purpose",
    "audience": "audience",
    "channel": "channel",
    "language": "language",
    "model": "model",
    "viewer_age": "viewer_age",
    "depicted_age": "depicted_age",
    "duration_seconds": "duration",
    "resolution": "resolution",
    "remix_depth": "remix_depth",
}


def said(request: Request) -> Json:
    """What a platform said, without what it left open: the facts a receipt rests on."""
    told: Json = {}
    for name, field in PLAIN.items():
        value = getattr(request, field)
        if value is not None:
            told[name] = value
    content: Json = {axis: LEVELS[level] for axis, level in request.ratings.items()}
    if request.codes is not None:
        content["codes"] = sorted(request.codes)
    if content:
        told["content"] = content
    return told


def write_request(request: Request) -> Json:
    """A request in full. Of the prompt only the forbidden words found in it are kept."""
    written = said(request)
    written["action"] = request.action
    written["platform"] = request.platform
    written["at"] = request.at.isoformat()
    if request.words is not None:
        written["words"] = sorted(request.words)
    if request.co_subjects is not None:
        written["co_subjects"] = [sorted(other) for other in request.co_subjects]
    return written


def read_request(written: Mapping[str, Any]) -> Request:
    """The request behind what `write_request` wrote."""
    content = dict(written.get("content") or {})
    codes = content.pop("codes", None)
    found = written.get("words")
    co_subjects = written.get("co_subjects")
    plain: Json = {field: written.get(name) for name, field in PLAIN.items()}
    return Request(
        action=written["action"],
        platform=written["platform"],
        at=datetime.fromisoformat(written["at"]),
        ratings={axis: LEVEL[level] for axis, level in content.items()},
        codes=None if codes is None else frozenset(codes),
        # Kept before accents were looked past, they are still there.
        words=None if found is None else frozenset(map(words.bare, found)),
        co_subjects=None if co_subjects is None else tuple(map(frozenset, co_subjects)),
        **plain,
    )


def write_reasons(reasons: Sequence[Reason]) -> list[Json]:
    """Reasons for an answer: empty places are left out."""
    return [
        {
            name: value
            for name in ("code", "subject", "holder", "rule_version", "fact")
            if (value := getattr(reason, name))
        }
        for reason in reasons
    ]


def write_changes(options: Sequence[Sequence[Change]]) -> list[Json]:
    """What would have been allowed, for programs and as a sentence."""
    return [
        {
            "changes": [
                {
                    "fact": change.fact,
                    "relation": change.relation,
                    "values": list(change.values),
                }
                for change in changes
            ],
            "sentence": would_allow(changes),
        }
        for changes in options
    ]


def write_verdicts(decision: Decision) -> list[Json]:
    """What became of each subject."""
    return [
        {"subject": verdict.subject, "outcome": str(verdict.outcome)}
        for verdict in decision.verdicts
    ]


def write_asked(asked: Asked) -> Json:
    """A subject with whose consent it needed, and what stopped it; elsewhere too, if others do."""
    written: Json = {
        "subject": asked.subject,
        "chain": list(asked.chain),
        "consents": [holder for holder, _ in asked.consents],
        "holds": list(asked.holds),
    }
    if asked.elsewhere:
        written["elsewhere"] = {
            place: {
                "consents": [holder for holder, _ in there.consents],
                "holds": list(there.holds),
            }
            for place, there in asked.elsewhere.items()
        }
    return written


def read_asked(written: Mapping[str, Any], book_of: Callable[[str], RuleBook]) -> Asked:
    """What `write_asked` wrote, with each holder's book."""

    def read(there: Mapping[str, Any]) -> Asked:
        return Asked(
            subject=written["subject"],
            chain=tuple(written["chain"]),
            consents=tuple((holder, book_of(holder)) for holder in there["consents"]),
            holds=tuple(there["holds"]),
        )

    elsewhere = {place: read(there) for place, there in written.get("elsewhere", {}).items()}
    return replace(read(written), elsewhere=elsewhere or None)


def write_spent(spent: Mapping[str, datetime | None]) -> Json:
    """The rule versions whose quota had no room, each with when it has room again, if ever."""
    return {version: until and until.isoformat() for version, until in sorted(spent.items())}


def read_spent(written: Mapping[str, str | None]) -> dict[str, datetime | None]:
    """What `write_spent` wrote."""
    return {
        version: datetime.fromisoformat(until) if until else None
        for version, until in written.items()
    }

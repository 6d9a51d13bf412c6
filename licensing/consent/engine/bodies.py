"""A rule's body as JSON, the form it is sent, stored and hashed in, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from licensing.consent.engine import words
from licensing.consent.engine.language import (
    LEVEL,
    NO_OBLIGATIONS,
    Choice,
    Effect,
    Interval,
    Obligations,
    Per,
    Price,
    Quota,
    QuotaOf,
    RuleBody,
    spell_language,
)

Json = dict[str, Any]
# Fields that are plain lists of names, and fields that are one number, by the body's name for them.
LISTS = ("actions", "audience", "purposes", "channels", "languages", "models", "forbidden_codes")
NUMBERS = {
    "viewer_age_min": "viewer_age_min",
    "depicted_age_min": "depicted_age_min",
    "duration_seconds_max": "duration_max",
    "resolution_max": "resolution_max",
    "remix_depth_max": "remix_depth_max",
    "revocation_notice_days": "revocation_notice",
}


def read_body(stored: Mapping[str, Any]) -> RuleBody:
    """What a stored body says. Total over what the API lets be stored."""
    window = stored.get("window") or {}
    together = stored.get("co_appearance") or {}
    only_with = together.get("only_with")
    named: Json = {name: frozenset(stored.get(name) or ()) for name in LISTS}
    named["languages"] = frozenset(map(spell_language, named["languages"]))
    named |= {field: stored.get(name) for name, field in NUMBERS.items()}
    return RuleBody(
        effect=Effect(stored["effect"]),
        platforms=_choice(stored.get("platforms")),
        territories=_choice(stored.get("territories")),
        window_from=_moment(window.get("from")),
        window_to=_moment(window.get("to")),
        ceilings=tuple(
            sorted((axis, LEVEL[level]) for axis, level in (stored.get("content") or {}).items())
        ),
        forbidden_words=frozenset(map(words.fold, stored.get("forbidden_words") or ())),
        only_with=None if only_with is None else frozenset(only_with),
        never_with=frozenset(together.get("never_with") or ()),
        quotas=tuple(sorted(map(_quota, stored.get("quotas") or ()), key=_of_quota)),
        obligations=_obligations(stored.get("obligations")),
        price=_price(stored.get("price")),
        **named,
    )


def canonical(body: Mapping[str, Any]) -> Json:
    """The one way to write a body: open fields left out, lists sorted and without repetition."""
    kept: Json = {}
    for name in sorted(body):
        value = _canonical(body[name])
        # "Only with: nobody" says something, and an empty list is how it says it.
        empty = value is None or value is False or value in ({}, [])
        if not empty or (name == "only_with" and value is not None):
            kept[name] = value
    return kept


def content_hash(body: Mapping[str, Any]) -> bytes:
    """SHA-256 over the canonical body."""
    return hashlib.sha256(_text(canonical(body)).encode()).digest()


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _canonical(value: Any) -> Any:
    if isinstance(value, Mapping):
        return canonical(value)
    if isinstance(value, list):
        if any(isinstance(each, Mapping) for each in value):
            return sorted(map(canonical, value), key=_text)
        return sorted(set(value))
    return value


def _choice(stored: Mapping[str, list[str]] | None) -> Choice | None:
    if not stored:
        return None
    if "except" in stored:
        return Choice(values=frozenset(stored["except"]), inverted=True)
    return Choice(values=frozenset(stored["only"]))


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _quota(stored: Mapping[str, Any]) -> Quota:
    return Quota(count=stored["count"], per=Interval(stored["per"]), of=QuotaOf(stored["of"]))


def _of_quota(quota: Quota) -> tuple[str, str]:
    """What a quota counts, of which a rule has one: the one order to read them in."""
    return quota.per, quota.of


def _obligations(stored: Mapping[str, Any] | None) -> Obligations:
    if not stored:
        return NO_OBLIGATIONS
    attribution = stored.get("attribution")
    return Obligations(
        watermark=stored.get("watermark", False),
        c2pa=stored.get("c2pa", False),
        attribution=frozenset() if attribution is None else frozenset({attribution}),
        report_within=stored.get("report_within_hours"),
        delete_on_revocation=stored.get("delete_on_revocation", False),
    )


def _price(stored: Mapping[str, Any] | None) -> Price | None:
    if not stored:
        return None
    per = Per(stored["per"])
    if per is Per.AGREEMENT:
        return Price(per=per)
    return Price(per=per, amount=Decimal(stored["amount"]), currency=stored["currency"])

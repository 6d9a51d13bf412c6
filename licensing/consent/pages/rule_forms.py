"""A rule's body as the fields of a form, and back: nothing lost on the way, every fault by its field.

A field is a name and the texts it holds, as a browser sends them. What they come to is a raw body,
which the API's own shape examines; where it finds a fault is told by the field that caused it.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ledger.errors import Fault, Invalid
from ledger.wire import flatten
from licensing.consent import rules
from licensing.consent.engine.bodies import LISTS, canonical
from licensing.consent.engine.language import Axis, Effect, Interval, Per, QuotaOf
from licensing.consent.windows.shapes import RuleBodyShape

Json = dict[str, Any]
# What a form holds: a name and its texts.
Fields = Mapping[str, Sequence[str]]

# Lists that are typed, separated by commas or lines; the others are ticked.
TYPED: Final = ("channels", "languages", "models", "forbidden_words")
TICKED: Final = tuple(name for name in LISTS if name not in TYPED)
COUNTS: Final = (
    "viewer_age_min",
    "depicted_age_min",
    "duration_seconds_max",
    "resolution_max",
    "remix_depth_max",
    "revocation_notice_days",
)
FLAGS: Final = ("watermark", "c2pa", "delete_on_revocation")
QUOTAS: Final = tuple((str(per), str(of)) for per in Interval for of in QuotaOf)
# Every place in the editor at which something may be found to be wrong.
PLACES: Final = (
    *RuleBodyShape().fields,
    "name",
    "over",
    "window.from",
    "window.to",
    *(f"content.{axis}" for axis in Axis),
    "co_appearance.only_with",
    "co_appearance.never_with",
    *(f"quotas.{per}.{of}" for per, of in QUOTAS),
    "obligations.attribution",
    "obligations.report_within_hours",
    "price.per",
    "price.amount",
    "price.currency",
)
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}\Z", re.ASCII)
_MINUTE: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}\Z", re.ASCII)
_MOMENT: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,6})?\Z", re.ASCII)

# Faults that the shapes tell to programmers, told to people.
_PLAINLY: Final = {
    "min_length": "Choose at least one.",
    "invalid_time": "Write a day and a time, such as 2026-10-01T12:00.",
    "invalid_decimal": "Write an amount such as 0.002.",
    "unknown_currency": "Write the three letters of a currency, such as USD.",
    "required": "This is needed.",
    "quota_on_deny": "What is denied has no quota.",
}
_WRITTEN: Final = {
    "forbidden_words": "Write a word, or up to eight in a row: letters and digits. It is looked for "
    "as it stands; a pattern is not.",
    "channels": "Write the platform’s own name for it: letters, digits and . _ : / - only.",
    "models": "Write the platform’s own name for it: letters, digits and . _ : / - only.",
    "languages": "Write a language tag such as en or pt-BR.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a form came to: the body as far as it can be read, and what is wrong by field."""

    body: Json
    wrong: Mapping[str, list[str]]


def fields_of(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """The fields of a form that say `body`, a stored one."""
    found: dict[str, list[str]] = {"effect": [body["effect"]]}
    for name in TICKED:
        found[name] = list(body.get(name) or ())
    for name in TYPED:
        separator = "\n" if name == "forbidden_words" else ", "
        found[name] = [separator.join(body.get(name) or ())]
    for name in ("platforms", "territories"):
        way, chosen = next(iter((body.get(name) or {}).items()), ("", []))
        found[f"{name}.way"], found[name] = [way], list(chosen)
    for name in COUNTS:
        value = body.get(name)
        found[name] = ["" if value is None else str(value)]
    for end in ("from", "to"):
        found[f"window.{end}"] = [_show_moment((body.get("window") or {}).get(end))]
    for axis in Axis:
        found[f"content.{axis}"] = [(body.get("content") or {}).get(axis, "")]
    together = body.get("co_appearance") or {}
    found["co_appearance.way"] = ["only" if together.get("only_with") is not None else ""]
    for name in ("only_with", "never_with"):
        found[f"co_appearance.{name}"] = list(together.get(name) or ())
    counts = {(each["per"], each["of"]): each["count"] for each in body.get("quotas") or ()}
    for place in QUOTAS:
        found["quotas." + ".".join(place)] = [str(counts.get(place, ""))]
    return found | _returns(body)


def _returns(body: Mapping[str, Any]) -> dict[str, list[str]]:
    """What is asked in return."""
    duties, price = body.get("obligations") or {}, body.get("price") or {}
    return {
        **{f"obligations.{name}": ["on"] if duties.get(name) else [] for name in FLAGS},
        "obligations.attribution": [duties.get("attribution", "")],
        "obligations.report_within_hours": [str(duties.get("report_within_hours", ""))],
        "price.per": [price.get("per", "")],
        "price.amount": [price.get("amount", "")],
        "price.currency": [price.get("currency", "")],
    }


def read(fields: Fields, *, now: datetime) -> Reading:
    """The body that `fields` say, examined as the API examines it, and as of `now`."""
    raw = raw_body(fields)
    shape = RuleBodyShape(data=raw)
    if shape.is_valid():
        body = canonical(shape.validated_data)
        try:
            rules.examine_window(body, now=now)
        except Invalid as refusal:
            return Reading(body=body, wrong=wrong_of(refusal))
        return Reading(body=body, wrong={})
    wrong: dict[str, list[str]] = defaultdict(list)
    for fault in flatten(shape.errors):
        path = tuple(filter(None, fault.pointer.split("/")))
        wrong[_field(path, fault.code, fields)].append(_told(raw, path, fault))
    # What is wrong is left out, so that the rest can be read aloud meanwhile.
    faulty = {name.partition(".")[0] for name in wrong}
    rest = {name: value for name, value in raw.items() if name not in faulty}
    again = RuleBodyShape(data={"effect": str(Effect.ALLOW), **rest})
    read_so_far = canonical(again.validated_data) if again.is_valid() else {"effect": "allow"}
    try:
        rules.examine_window(read_so_far, now=now)
    except Invalid as refusal:
        wrong |= wrong_of(refusal)
        del read_so_far["window"]
    return Reading(body=read_so_far, wrong=wrong)


def wrong_of(refusal: Invalid) -> dict[str, list[str]]:
    """A verb's refusal by the field it points to; by what the rule is over if it points to none."""
    places = [each.pointer.strip("/").split("/") for each in refusal.faults]
    found: dict[str, list[str]] = {}
    for place in places:
        if place[0] == "body":
            found[".".join(place[1:3])] = [refusal.detail]
        else:
            found["name" if place[0] == "name" else "over"] = [refusal.detail]
    return found or {"over": [refusal.detail]}


def raw_body(fields: Fields) -> Json:
    """What `fields` come to, before anybody has examined it. A field left empty is left open."""
    raw: Json = {"effect": one(fields, "effect")}
    for name in TICKED:
        raw[name] = list(fields.get(name, ()))
    for name in TYPED:
        raw[name] = split(one(fields, name))
    for name in ("platforms", "territories"):
        way = one(fields, f"{name}.way")
        raw[name] = {way: list(fields.get(name, ()))} if way else {}
    for name in COUNTS:
        raw[name] = _number(one(fields, name))
    raw["window"] = {
        end: moment for end in ("from", "to") if (moment := _moment(one(fields, f"window.{end}")))
    }
    raw["content"] = {
        str(axis): level for axis in Axis if (level := one(fields, f"content.{axis}"))
    }
    raw["co_appearance"] = _company(fields)
    raw["quotas"] = [
        {"count": _number(text), "per": per, "of": of}
        for per, of in QUOTAS
        if (text := one(fields, f"quotas.{per}.{of}").strip())
    ]
    raw["obligations"] = _obligations(fields)
    raw["price"] = _price(fields)
    return {name: value for name, value in raw.items() if value not in (None, [], {})}


def one(fields: Fields, name: str) -> str:
    """The last text of a field, empty if there is none."""
    texts = fields.get(name)
    return texts[-1] if texts else ""


def split(text: str) -> list[str]:
    """What is typed with commas or on lines of its own."""
    return [part.strip() for part in re.split(r"[,\n]", text) if part.strip()]


def _company(fields: Fields) -> Json:
    found: Json = {}
    if one(fields, "co_appearance.way") == "only":
        found["only_with"] = list(fields.get("co_appearance.only_with", ()))
    if unwelcome := list(fields.get("co_appearance.never_with", ())):
        found["never_with"] = unwelcome
    return found


def _obligations(fields: Fields) -> Json:
    found: Json = {name: True for name in FLAGS if one(fields, f"obligations.{name}")}
    if credit := one(fields, "obligations.attribution").strip():
        found["attribution"] = credit
    hours = _number(one(fields, "obligations.report_within_hours"))
    return found if hours is None else {**found, "report_within_hours": hours}


def _price(fields: Fields) -> Json:
    per = one(fields, "price.per")
    if not per:
        return {}
    if per == Per.AGREEMENT:
        return {"per": per}
    typed = {name: one(fields, f"price.{name}").strip() for name in ("amount", "currency")}
    return {"per": per, "amount": typed["amount"], "currency": typed["currency"].upper()}


def _number(text: str) -> int | str | None:
    """A whole number; what is none stays as it was typed, for the shape to refuse."""
    text = text.strip()
    if not text:
        return None
    return int(text) if _INTEGER.match(text) else text


def _moment(text: str) -> str:
    """A moment typed in UTC, as the API takes it."""
    text = text.strip()
    if _MINUTE.match(text):
        return f"{text}:00Z"
    return f"{text}Z" if _MOMENT.match(text) else text


def _show_moment(stored: str | None) -> str:
    """A stored moment, which is in UTC, as it is typed."""
    if stored is None:
        return ""
    typed = stored.removesuffix("Z").removesuffix("+00:00")
    return typed.removesuffix(":00") if _MOMENT.match(typed) else typed


def _field(path: tuple[str, ...], code: str, fields: Fields) -> str:
    """The field of the form that a fault of the body is beside."""
    if not path:
        return "quotas" if code.startswith("quota") else "effect"
    name, *rest = path
    if name == "quotas":
        given = [place for place in QUOTAS if one(fields, "quotas." + ".".join(place)).strip()]
        return "quotas." + ".".join(given[int(rest[0])]) if rest else name
    if name in ("window", "content", "co_appearance", "obligations", "price") and rest:
        return f"{name}.{rest[0]}"
    return name


def _told(raw: Json, path: tuple[str, ...], fault: Fault) -> str:
    message = _WRITTEN.get(path[0] if path else "") if fault.code == "bad_name" else None
    if fault.code == "invalid" and path and path[0] in (*COUNTS, "quotas", "obligations"):
        message = "Write a whole number."
    message = message or _PLAINLY.get(fault.code) or fault.detail
    if path and path[0] in TYPED and path[-1].isdigit():
        return f"“{raw[path[0]][int(path[-1])]}”: {message}"
    return message

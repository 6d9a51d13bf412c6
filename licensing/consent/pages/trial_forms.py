"""A request to be tried, as the fields of a form: what a platform would say, and what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rest_framework import serializers

from ledger.errors import Invalid
from ledger.wire import flatten
from licensing.catalog.territories import NAMES
from licensing.consent.decisions import Asking
from licensing.consent.engine import wording
from licensing.consent.engine.language import LEVELS, Axis
from licensing.consent.pages.rule_clauses import Control, Option
from licensing.consent.pages.rule_forms import Fields, one, split
from licensing.consent.windows.asking import AskingShape, read_asking
from licensing.consent.windows.shapes import AnyReference

Json = dict[str, Any]
# Facts that are one whole number, with their label and unit.
NUMBERS: Final = {
    "duration_seconds": ("Length", "seconds"),
    "resolution": ("Resolution", "pixels on the shorter side"),
    "remix_depth": ("Times remixed", "0 if it is no remix"),
    "viewer_age": ("Viewer’s age", "years"),
    "depicted_age": ("Shown aged", "years"),
    "generations": ("How many", "generations"),
}
TEXTS: Final = {"channel": "Channel", "language": "Language", "model": "Model"}
# What most requests say, to begin with: nothing sensitive is shown and nobody else appears.
BEGINNING: Final[Mapping[str, list[str]]] = {
    "action": ["generate_video"],
    "purpose": ["personal"],
    "territory": ["US"],
    "codes.way": ["told"],
    "co_subjects.way": ["told"],
}
_POINTERS: Final = {"/user/age": "viewer_age", "/content/codes": "codes"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What a form came to: an asking, or what is wrong by field. `strangers` are ids of others."""

    asking: Asking | None
    strangers: tuple[str, ...]
    wrong: Mapping[str, list[str]]


def read(fields: Fields) -> Tried:
    """The asking that `fields` say, examined as the API examines it."""
    strangers, wrong = _strangers(one(fields, "others"))
    shape = AskingShape(data=raw_asking(fields))
    try:
        if shape.is_valid() and not wrong:
            asking = read_asking(shape.validated_data)
            return Tried(asking=asking, strangers=strangers, wrong={})
    except Invalid as refusal:
        wrong["prompt"] = [refusal.detail]
        return Tried(asking=None, strangers=(), wrong=wrong)
    for fault in flatten(shape.errors):
        wrong.setdefault(_field(fault.pointer), []).append(_plainly(fault.code, fault.detail))
    return Tried(asking=None, strangers=(), wrong=wrong)


def raw_asking(fields: Fields) -> Json:
    """What `fields` come to as a body of the API. A field left empty is not told."""
    raw: Json = {"subjects": list(fields.get("subjects", ()))}
    for name in ("action", "territory", "purpose", "audience", *TEXTS):
        if said := one(fields, name).strip():
            raw[name] = said
    if prompt := one(fields, "prompt"):
        raw["prompt"] = prompt
    for name in NUMBERS:
        if (typed := one(fields, name).strip()) != "":
            number: int | str = int(typed) if _is_whole(typed) else typed
            raw |= {"user": {"age": number}} if name == "viewer_age" else {name: number}
    content: Json = {str(axis): level for axis in Axis if (level := one(fields, f"content.{axis}"))}
    if one(fields, "codes.way") == "told":
        content["codes"] = list(fields.get("codes", ()))
    if content:
        raw["content"] = content
    if one(fields, "co_subjects.way") == "told":
        raw["co_subjects"] = list(fields.get("co_subjects", ()))
    return raw


def controls(
    fields: Fields,
    *,
    wrong: Mapping[str, Sequence[str]],
    subjects: Sequence[tuple[str, str]],
    platforms: Sequence[tuple[str, str]],
    drafts: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """The form's fields as a page shows them."""

    def pick(name: str, offered: Sequence[tuple[str, str]], label: str = "") -> Control:
        chosen = set(fields.get(name, ()))
        options = tuple(Option(value=v, label=each, chosen=v in chosen) for v, each in offered)
        return Control(name=name, label=label, options=options, wrong=wrong.get(name, ()))

    def told(name: str, words: Mapping[str, str], label: str, none: str = "not told") -> Control:
        offered = [("", none), *((value, word.capitalize()) for value, word in words.items())]
        return pick(name, offered, label)

    def text(name: str, label: str, unit: str = "") -> Control:
        value = one(fields, name)
        return Control(name=name, label=label, unit=unit, value=value, wrong=wrong.get(name, ()))

    steps = [("", "not told"), *((level, level) for level in LEVELS)]
    territories = sorted(NAMES.items(), key=lambda pair: pair[1].casefold())
    return {
        "subjects": pick("subjects", subjects, "Who it is about"),
        "action": pick("action", _capital(wording.ACTIONS), "What is made"),
        "platform": pick("platform", platforms, "On which platform"),
        "territory": pick("territory", [("", "not told"), *territories], "Where"),
        "purpose": told("purpose", wording.PURPOSES, "What for"),
        "audience": told("audience", wording.AUDIENCES, "Who asks"),
        "draft": pick("draft", [("", "The rules in force"), *drafts], "By which rules"),
        "levels": [
            pick(f"content.{axis}", steps, word.capitalize()) for axis, word in wording.AXES.items()
        ],
        "codes_way": pick("codes.way", [("", "Not told"), ("told", "Just what is ticked")]),
        "codes": pick("codes", _capital(wording.CODES), "What it shows"),
        "company_way": pick(
            "co_subjects.way", [("", "Not told"), ("told", "Just whoever is ticked or named")]
        ),
        "company": pick("co_subjects", subjects, "Who else appears"),
        "others": text("others", "Others by their id"),
        "prompt": text("prompt", "Prompt"),
        "numbers": [text(name, *told) for name, told in NUMBERS.items()],
        "texts": [text(name, label) for name, label in TEXTS.items()],
    }


def _capital(words: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(value, word[:1].upper() + word[1:]) for value, word in words.items()]


def _strangers(typed: str) -> tuple[tuple[str, ...], dict[str, list[str]]]:
    found = []
    for text in split(typed):
        try:
            found.append(AnyReference().run_validation(text))
        except serializers.ValidationError:
            message = f"“{text}” is no id of a subject, property or rights holder."
            return (), {"others": [message]}
    return tuple(found), {}


def _field(pointer: str) -> str:
    if pointer in _POINTERS:
        return _POINTERS[pointer]
    parts = pointer.strip("/").split("/")
    if parts[0] == "content" and len(parts) > 1:
        return "codes" if parts[1] == "codes" else f"content.{parts[1]}"
    return parts[0] or "subjects"


def _plainly(code: str, detail: str) -> str:
    plain = {
        "invalid": "Write a whole number.",
        "min_length": "Choose at least one.",
        "subject_twice": "Whoever it is about does not appear besides.",
        "not_found": "There is nobody of that id.",
    }
    return plain.get(code, detail)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 18

"""A rule's body as sentences: every field that it sets, in plain words, and nothing else.

Allow images and video on any platform, worldwide except Germany, for personal use, violence up
to mild, for $0.002 per generation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from types import MappingProxyType
from typing import Any, Final

from licensing.consent.engine import wording
from licensing.consent.engine.wording import Names, counted, listing, named

Json = Mapping[str, Any]
NO_NAMES: Final[Names] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A stretch of a sentence. `field` is the body's field it speaks of, empty for what only joins;
    `said` tells what the rule says from the words around it."""

    text: str
    field: str = ""
    said: bool = False


Sentence = tuple[Part, ...]


class Said(str):
    """What the rule says, within a clause."""

    __slots__ = ()


# One field in words: its name, and its words in order.
_Clause = tuple[str, tuple[str, ...]]

# What the fields that a body leaves open come to, for whoever edits them one by one.
OPEN: Final[Mapping[str, str]] = MappingProxyType(
    {
        "actions": "every action",
        "platforms": "on any platform",
        "territories": "worldwide",
        "window": "at any time",
        "purposes": "for any purpose",
        "audience": "whoever asks",
        "channels": "through any channel",
        "languages": "in any language",
        "models": "made with any model",
        "content": "however strong it is",
        "forbidden_codes": "nothing is ruled out",
        "forbidden_words": "no word is ruled out",
        "co_appearance": "together with anyone",
        "viewer_age_min": "for viewers of any age",
        "depicted_age_min": "shown at any age",
        "duration_seconds_max": "of any length",
        "resolution_max": "at any resolution",
        "remix_depth_max": "remixed any number of times",
        "quotas": "as often as one likes",
        "obligations": "nothing is asked in return",
        "revocation_notice_days": "ends at once when revoked",
        "price": "no price is named",
    }
)


def sentences(body: Json, names: Names = NO_NAMES) -> list[Sentence]:
    """What `body`, a rule's JSON form as it is stored, says. `names` are what ids are called.

    The first sentence says what is covered; those after it quotas, obligations and notice.
    """
    found = dict(_covering(body, names))
    first: list[Part] = [Part(text=wording.EFFECTS[body["effect"]], field="effect", said=True)]
    for place, (field, words) in enumerate(found.items()):
        # The action and the platform follow the verb; from then on clauses stand apart.
        first.append(Part(text=" " if place < 2 else ", "))
        first += _parts(field, words)
    first.append(Part(text="."))
    rest = [(*_parts(field, words), Part(text=".")) for field, words in _beside(body)]
    return [tuple(first), *rest]


def clauses(body: Json, names: Names = NO_NAMES) -> dict[str, Sentence]:
    """Each field in words by itself, also those that are open; not the effect."""
    said = {
        field: _parts(field, words) for field, words in (*_covering(body, names), *_beside(body))
    }
    return {
        field: said[field] if is_set(body, field) else (Part(text=words, field=field),)
        for field, words in OPEN.items()
    }


def is_set(body: Json, field: str) -> bool:
    """Whether `body` says anything about `field`."""
    if field == "co_appearance":
        together = body.get(field) or {}
        return together.get("only_with") is not None or bool(together.get("never_with"))
    value = body.get(field)
    return value is not None and value not in ([], {})


def duties(obligations: Json) -> list[str]:
    """What obligations ask for, each as something one must do. Several credits may be listed."""
    credit = obligations.get("attribution") or []
    hours = obligations.get("report_within_hours")
    found = {
        "add a watermark": obligations.get("watermark"),
        "embed a C2PA credential": obligations.get("c2pa"),
        **{f"credit “{each}”": True for each in ([credit] if isinstance(credit, str) else credit)},
        f"report it within {counted(hours or 0, 'hour')}": hours,
        "delete it on revocation": obligations.get("delete_on_revocation"),
    }
    return [words for words, owed in found.items() if owed]


def text(parts: list[Sentence] | Sentence) -> str:
    """One or several sentences as plain text."""
    if isinstance(parts, list):
        return " ".join(map(text, parts))
    return "".join(part.text for part in parts)


def differences(old: str, new: str) -> list[tuple[str, str]]:
    """What changed between two texts, by whole words: pairs of `same`, `gone` or `new` and a text.

    What is the same and what is new make up the new text, what is the same and gone the old one.
    """
    before, after = _WORDS.findall(old), _WORDS.findall(new)
    found: list[tuple[str, str]] = []
    matcher = SequenceMatcher(a=before, b=after, autojunk=False)
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind == "equal":
            found.append(("same", "".join(before[i:j])))
            continue
        if i < j:
            found.append(("gone", "".join(before[i:j])))
        if k < m:
            found.append(("new", "".join(after[k:m])))
    return found


# Words with the blanks before them, and by themselves the stops after them.
_WORDS: Final = re.compile(r"\s*\S+?(?=[,.;]?(?:\s|\Z))|[,.;](?=\s|\Z)|\s+")


def cautions(body: Json) -> list[str]:
    """What is easily overlooked in what `body` says."""
    found = []
    if body["effect"] == "allow":
        if not body.get("actions"):
            found.append(
                "No action is named, so this covers everything there is, also the training of models."
            )
        if not body.get("purposes"):
            found.append(
                "No purpose is named, so this covers every one, also advertising and politics."
            )
    elif any(is_set(body, field) for field in _NARROWING):
        found.append(
            "Every part narrows what is covered. What is stronger than a level here, longer, or shows"
            " something that is ruled out, is not covered by this rule."
        )
    if body["effect"] == "deny" and any(is_set(body, field) for field in _FOR_AN_ALLOW):
        found.append("What is denied is never made: price, obligations and notice have no effect.")
    return found


_NARROWING: Final = (
    "content",
    "forbidden_codes",
    "forbidden_words",
    "co_appearance",
    "viewer_age_min",
    "depicted_age_min",
    "duration_seconds_max",
    "resolution_max",
    "remix_depth_max",
)
_FOR_AN_ALLOW: Final = ("price", "obligations", "revocation_notice_days")


def _parts(field: str, words: tuple[str, ...]) -> Sentence:
    return tuple(Part(text=word, field=field, said=isinstance(word, Said)) for word in words)


def _covering(body: Json, names: Names) -> Iterator[_Clause]:
    """The clauses of the first sentence, in their order."""
    actions = body.get("actions") or ()
    spoken = [word for name, word in wording.ACTIONS.items() if name in actions]
    yield "actions", (Said(listing(spoken) if spoken else OPEN["actions"]),)
    yield from _where(body, names)
    yield from _what_for(body)
    yield from _shown(body, names)
    yield from _bounds(body)
    yield from _price(body)


def _where(body: Json, names: Names) -> Iterator[_Clause]:
    platforms = body.get("platforms") or {}
    if platforms.get("only"):
        yield "platforms", ("on ", Said(named(platforms["only"], names, "and")))
    elif platforms.get("except"):
        excepted = named(platforms["except"], names, "and")
        yield "platforms", ("on ", Said("any platform"), " except ", Said(excepted))
    else:
        yield "platforms", ("on ", Said("any platform"))
    territories = body.get("territories") or {}
    if territories.get("only"):
        yield "territories", ("in ", Said(wording.places(territories["only"])))
    elif territories.get("except"):
        excepted = wording.places(territories["except"])
        yield "territories", (Said("worldwide"), " except ", Said(excepted))
    else:
        yield "territories", (Said("worldwide"),)
    window = body.get("window") or {}
    start, end = window.get("from"), window.get("to")
    pieces: list[str] = []
    if start:
        pieces += ["from ", Said(wording.moment(start))]
    if end:
        pieces += [" until " if start else "until ", Said(wording.moment(end))]
    if pieces:
        yield "window", tuple(pieces)


def _what_for(body: Json) -> Iterator[_Clause]:
    purposes = [
        word for name, word in wording.PURPOSES.items() if name in (body.get("purposes") or ())
    ]
    yield "purposes", ("for ", Said(listing(purposes) if purposes else "any purpose"))
    audience = [
        word for name, word in wording.AUDIENCES.items() if name in (body.get("audience") or ())
    ]
    if audience:
        yield "audience", ("asked for by ", Said(listing(audience, "or")))
    if channels := body.get("channels"):
        kind = "channel" if len(channels) == 1 else "channels"
        yield "channels", (f"through the {kind} ", Said(named(channels, NO_NAMES)))
    if languages := body.get("languages"):
        tongues = sorted(map(wording.language, languages), key=str.casefold)
        yield "languages", ("in ", Said(listing(tongues, "or")))
    if models := body.get("models"):
        kind = "model" if len(models) == 1 else "models"
        yield "models", (f"made with the {kind} ", Said(named(models, NO_NAMES)))


def _shown(body: Json, names: Names) -> Iterator[_Clause]:
    never = "never" if body["effect"] == "allow" else "not"
    levels = body.get("content") or {}
    pieces: list[str] = []
    for axis, word in wording.AXES.items():
        if axis in levels:
            pieces += [", "] if pieces else []
            none = levels[axis] == "none"
            pieces += [Said(f"no {word}")] if none else [f"{word} up to ", Said(levels[axis])]
    if pieces:
        yield "content", tuple(pieces)
    codes = [
        word for name, word in wording.CODES.items() if name in (body.get("forbidden_codes") or ())
    ]
    if codes:
        yield "forbidden_codes", (f"{never} showing ", Said(listing(codes, "or")))
    if words := body.get("forbidden_words"):
        quoted = listing([f"“{word}”" for word in sorted(words, key=str.casefold)], "or")
        word = "word" if len(words) == 1 else "words"
        yield "forbidden_words", (f"{never} with the {word} ", Said(quoted))
    together = body.get("co_appearance") or {}
    only, unwelcome = together.get("only_with"), together.get("never_with")
    pieces = []
    if only is not None:
        pieces += ["only with ", Said(named(only, names))] if only else [Said("with nobody else")]
    if unwelcome:
        pieces += [", "] if pieces else []
        pieces += [f"{never} with ", Said(named(unwelcome, names))]
    if pieces:
        yield "co_appearance", tuple(pieces)


def _bounds(body: Json) -> Iterator[_Clause]:
    if (age := body.get("viewer_age_min")) is not None:
        yield "viewer_age_min", ("for viewers aged ", Said(f"{age} or older"))
    if (age := body.get("depicted_age_min")) is not None:
        yield "depicted_age_min", ("shown aged ", Said(f"{age} or older"))
    if (length := body.get("duration_seconds_max")) is not None:
        yield "duration_seconds_max", ("at most ", Said(wording.seconds(length)), " long")
    if (pixels := body.get("resolution_max")) is not None:
        short = counted(pixels, "pixel")
        yield "resolution_max", ("at most ", Said(short), " on the shorter side")
    if (depth := body.get("remix_depth_max")) is not None:
        deep = ("remixed at most ", Said(counted(depth, "time")))
        yield "remix_depth_max", deep if depth else (Said("not as a remix"),)


def _price(body: Json) -> Iterator[_Clause]:
    price = body.get("price")
    if not price:
        return
    if price["per"] == "agreement":
        yield "price", ("at a price ", Said("by agreement"))
    else:
        amount = wording.money(price["amount"], price["currency"])
        yield "price", ("for ", Said(amount), " ", Said(wording.PER[price["per"]]))


def _beside(body: Json) -> Iterator[_Clause]:
    """The clauses that are sentences of their own."""
    rows = {(quota["per"], quota["of"]): quota["count"] for quota in body.get("quotas") or ()}
    pieces: list[str] = []
    for per, interval in wording.INTERVALS.items():
        for of, whose in wording.QUOTA_OF.items():
            if (per, of) in rows:
                pieces += ["; at most " if pieces else "At most "]
                pieces += [Said(f"{counted(rows[per, of], 'time')} {interval}"), f" {whose}"]
    if pieces:
        yield "quotas", tuple(pieces)
    if owed := duties(body.get("obligations") or {}):
        yield "obligations", ("Whoever uses it must ", Said(listing(owed)))
    if (days := body.get("revocation_notice_days")) is not None:
        notice = Said(counted(days, "day"))
        yield (
            "revocation_notice_days",
            ("Platforms that rely on it may go on for ", notice, " after it ends"),
        )

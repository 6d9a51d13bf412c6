"""The words of the rule language in English: what people call actions, purposes, places and moments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from babel import Locale
from babel.numbers import get_currency_symbol

from ledger.money import format_amount
from licensing.catalog import territories

# What ids are called. An id that is not there stands for itself.
Names = Mapping[str, str]

EFFECTS: Final = {
    "allow": "Allow",
    "deny": "Deny",
    "needs_approval": "Ask me first about",
}
ACTIONS: Final = {
    "generate_image": "images",
    "generate_video": "video",
    "generate_voice": "voice",
    "generate_text": "text",
    "generate_3d": "3D models",
    "remix": "remixes",
    "merchandise": "merchandise",
    "train": "training of models",
    "infer": "inference",
    "index": "indexing",
}
PURPOSES: Final = {
    "personal": "personal use",
    "commercial": "commercial use",
    "advertising": "advertising",
    "political": "political purposes",
    "news": "news",
    "education": "education",
    "parody": "parody",
}
AUDIENCES: Final = {
    "self": "the person themselves",
    "approved": "approved people",
    "mutuals": "mutuals",
    "everyone": "everyone",
}
AXES: Final = {
    "violence": "violence",
    "sexual": "sexual content",
    "fear": "fear",
    "drugs": "drugs",
    "profanity": "profanity",
}
CODES: Final = {
    "alcohol": "alcohol",
    "body_horror": "body horror",
    "drug_use": "drug use",
    "fabricated_news": "fabricated news",
    "financial_promotion": "financial promotion",
    "gambling": "gambling",
    "gore": "gore",
    "harassment": "harassment",
    "hate": "hate",
    "medical_claims": "medical claims",
    "minors": "minors",
    "nudity": "nudity",
    "politics": "politics",
    "religion": "religion",
    "self_harm": "self-harm",
    "stereotypes": "stereotypes",
    "tobacco": "tobacco",
    "weapons": "weapons",
}
INTERVALS: Final = {"total": "in all", "hour": "an hour", "day": "a day", "month": "a month"}
QUOTA_OF: Final = {"platform": "on each platform", "everyone": "on all platforms together"}
PER: Final = {"generation": "per generation", "second": "per second"}

_LANGUAGES: Final = Locale("en").languages
# Of a region, at most so many may be missing for "all of it except those" to be shorter.
_FEW: Final = 5
_EXCEPT: Final = re.compile(r"(except .*)")
# What is called by a word of its own has an article: the United States, the Cook Islands.
_ARTICLE: Final = re.compile(
    r"United|Islands|Territor|Republic|Outlying|^(Isle of Man|Netherlands|Philippines|Bahamas"
    r"|Maldives|Gambia|Comoros|Seychelles|Caribbean Netherlands)$"
)


def listing(names: Iterable[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    *most, end = names
    return f"{', '.join(most)} {last} {end}" if most else end


def named(values: Iterable[str], names: Names, last: str = "or") -> str:
    """Values by what they are called, in the alphabet's order."""
    return listing(sorted((names.get(value, value) for value in values), key=str.casefold), last)


def places(codes: Iterable[str]) -> str:
    """Territories, with whole regions by their name: `Europe except Germany`."""
    left = set(codes)
    found: list[str] = []
    regions = sorted(territories.REGIONS.items(), key=lambda region: -len(region[1]))
    for name, region in regions:
        if region <= left:
            found.append(name)
            left -= region
    for name, region in regions:
        missing = region - left
        if 0 < len(missing) <= min(_FEW, len(region) // 3):
            found.append(f"{name} except {listing(_territories(missing))}")
            left -= region
    single = _territories(left)
    if len(found) + len(single) > 1:
        found = [_EXCEPT.sub(r"(\1)", one) for one in found]
    return listing([*found, *single])


def language(tag: str) -> str:
    """A language by its name where it has one; a tag with parts stays a tag."""
    return str(_LANGUAGES.get(tag, tag))


def money(amount: str, currency: str) -> str:
    """An amount in full with its currency's sign: `$0.002`, `CHF 5.00`."""
    sign = get_currency_symbol(currency, locale="en")
    return f"{sign}{' ' if sign[-1:].isalpha() else ''}{format_amount(Decimal(amount), currency)}"


def moment(text: str | datetime) -> str:
    """A moment in UTC: `1 October 2026, 12:00 UTC`, with seconds only where there are any."""
    at = datetime.fromisoformat(text) if isinstance(text, str) else text
    at = at.astimezone(UTC)
    time = f"{at:%H:%M}"
    if at.second or at.microsecond:
        time = f"{at:%H:%M:%S.%f}".rstrip("0").rstrip(".")
    return f"{at.day} {at:%B %Y}, {time} UTC"


def seconds(number: int) -> str:
    """A length of time in the largest unit that is whole."""
    for unit, length in (("hour", 3600), ("minute", 60)):
        if number and number % length == 0:
            return counted(number // length, unit)
    return counted(number, "second")


def counted(number: int, thing: str) -> str:
    """`1 day`, `1,200 days`."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def _territories(codes: Iterable[str]) -> list[str]:
    named = sorted((territories.NAMES.get(code, code), code) for code in codes)
    return [f"the {name}" if _ARTICLE.search(name) else name for name, _ in named]

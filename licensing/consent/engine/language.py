"""The rule language: what a rule can say, what a request can say, what a decision says.

Plain frozen values and nothing but the standard library, so that the same decision can be taken
anywhere. Ids are opaque texts here (`plt_…`, `chr_…`, `rlv_…`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple


def spell_language(tag: str) -> str:
    """A tag as BCP 47 recommends to write it. Its case means nothing, so `pt-br` is `pt-BR`."""
    first, *others = tag.split("-")
    return "-".join((first, *(_SPELLED.get(len(part), str.lower)(part) for part in others)))


_SPELLED: Final = {2: str.upper, 4: str.title}


class Effect(StrEnum):
    """What a rule that covers a request does to it."""

    ALLOW = "allow"
    DENY = "deny"
    NEEDS_APPROVAL = "needs_approval"


class Action(StrEnum):
    """What a platform wants to do with a subject."""

    GENERATE_IMAGE = "generate_image"
    GENERATE_VIDEO = "generate_video"
    GENERATE_VOICE = "generate_voice"
    GENERATE_TEXT = "generate_text"
    GENERATE_3D = "generate_3d"
    REMIX = "remix"
    MERCHANDISE = "merchandise"
    TRAIN = "train"
    INFER = "infer"
    INDEX = "index"


class Purpose(StrEnum):
    """What it is for."""

    PERSONAL = "personal"
    COMMERCIAL = "commercial"
    ADVERTISING = "advertising"
    POLITICAL = "political"
    NEWS = "news"
    EDUCATION = "education"
    PARODY = "parody"


class Audience(StrEnum):
    """Who asks for it, as the subject stands to them."""

    SELF = "self"
    APPROVED = "approved"
    MUTUALS = "mutuals"
    EVERYONE = "everyone"


class Axis(StrEnum):
    """What content is rated on."""

    VIOLENCE = "violence"
    SEXUAL = "sexual"
    FEAR = "fear"
    DRUGS = "drugs"
    PROFANITY = "profanity"


class ContentCode(StrEnum):
    """What content may show: a closed list, which only grows."""

    ALCOHOL = "alcohol"
    BODY_HORROR = "body_horror"
    DRUG_USE = "drug_use"
    FABRICATED_NEWS = "fabricated_news"
    FINANCIAL_PROMOTION = "financial_promotion"
    GAMBLING = "gambling"
    GORE = "gore"
    HARASSMENT = "harassment"
    HATE = "hate"
    MEDICAL_CLAIMS = "medical_claims"
    MINORS = "minors"
    NUDITY = "nudity"
    POLITICS = "politics"
    RELIGION = "religion"
    SELF_HARM = "self_harm"
    STEREOTYPES = "stereotypes"
    TOBACCO = "tobacco"
    WEAPONS = "weapons"


# How many generations one consent check may be about, and its receipt cover.
MOST_GENERATIONS: Final = 100
# How a platform's own name for a channel or a model is written, and a language's tag of BCP 47.
LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}\Z", re.ASCII)
LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}\Z", re.ASCII)
# The steps of a rating, weakest first; inside, a rating is its place here.
LEVELS: Final = ("none", "mild", "moderate", "strong")
LEVEL: Final[Mapping[str, int]] = MappingProxyType({name: n for n, name in enumerate(LEVELS)})


class Per(StrEnum):
    """What a price is for; `agreement` leaves it to the parties' agreement."""

    GENERATION = "generation"
    SECOND = "second"
    AGREEMENT = "agreement"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Listed ones only, or all but the listed."""

    values: frozenset[str]
    inverted: bool = False

    def holds(self, value: str) -> bool:
        """Whether `value` is among the chosen."""
        return (value in self.values) is not self.inverted


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """An amount per generation or per second; zero and without a currency if by agreement."""

    per: Per
    amount: Decimal = Decimal(0)
    currency: str = ""


class Interval(StrEnum):
    """Over how long a quota counts; hours, days and months are the calendar's, in UTC."""

    TOTAL = "total"
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class QuotaOf(StrEnum):
    """Whose generations a quota counts: each platform's by itself, or everybody's together."""

    PLATFORM = "platform"
    EVERYONE = "everyone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """At most `count` generations in each interval."""

    count: int
    per: Interval
    of: QuotaOf


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligations:
    """What whoever is allowed must do. `report_within` is in hours."""

    watermark: bool = False
    c2pa: bool = False
    attribution: frozenset[str] = frozenset()
    report_within: int | None = None
    delete_on_revocation: bool = False

    def __or__(self, other: Obligations) -> Obligations:
        """The strictest of both."""
        hours = [h for h in (self.report_within, other.report_within) if h is not None]
        return Obligations(
            watermark=self.watermark or other.watermark,
            c2pa=self.c2pa or other.c2pa,
            attribution=self.attribution | other.attribution,
            report_within=min(hours, default=None),
            delete_on_revocation=self.delete_on_revocation or other.delete_on_revocation,
        )


NO_OBLIGATIONS: Final = Obligations()


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleBody:
    """What one version of a rule says. None, and an empty collection, leave a field open.

    Every field but effect, obligations, price and revocation notice narrows what the rule covers,
    whatever its effect: a ceiling on a *deny* makes it deny what stays under the ceiling. `only_with` and `never_with`
    name subjects, properties and holders. Ages are in years, `duration_max` in seconds,
    `resolution_max` in pixels of the shorter side,
    `revocation_notice` in days. No two quotas count the same interval of the same platforms.
    """

    effect: Effect
    actions: frozenset[str] = frozenset()
    platforms: Choice | None = None
    audience: frozenset[str] = frozenset()
    territories: Choice | None = None
    window_from: datetime | None = None
    window_to: datetime | None = None
    purposes: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()
    languages: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    ceilings: tuple[tuple[str, int], ...] = ()
    forbidden_codes: frozenset[str] = frozenset()
    forbidden_words: frozenset[str] = frozenset()
    only_with: frozenset[str] | None = None
    never_with: frozenset[str] = frozenset()
    viewer_age_min: int | None = None
    depicted_age_min: int | None = None
    duration_max: int | None = None
    resolution_max: int | None = None
    remix_depth_max: int | None = None
    quotas: tuple[Quota, ...] = ()
    obligations: Obligations = NO_OBLIGATIONS
    revocation_notice: int | None = None
    price: Price | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a platform says it wants to do. None is unknown, which never helps an allow.

    `words` are the forbidden words found in the prompt, folded; `unsearched` those that nobody has
    looked for in it, so that they are unknown. `co_subjects` are those that appear besides the
    ones asked for, each as the set of ids it answers to (its own, its properties', its owners').
    """

    action: str
    platform: str
    at: datetime
    territory: str | None = None
    purpose: str | None = None
    audience: str | None = None
    channel: str | None = None
    language: str | None = None
    model: str | None = None
    ratings: Mapping[str, int] = field(default_factory=dict)
    codes: frozenset[str] | None = None
    words: frozenset[str] | None = None
    unsearched: frozenset[str] = frozenset()
    co_subjects: tuple[frozenset[str], ...] | None = None
    viewer_age: int | None = None
    depicted_age: int | None = None
    duration: int | None = None
    resolution: int | None = None
    remix_depth: int | None = None


class Reason(NamedTuple):
    """Why, as a stable code: about which subject, whose consent, by which rule version and fact.

    A refusal has a dozen, so they are tuples: those are made three times as fast.
    """

    code: str
    subject: str
    holder: str = ""
    rule_version: str = ""
    fact: str = ""


class Verdict(NamedTuple):
    """What became of one subject of a request."""

    subject: str
    outcome: Effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One fact that would have to be otherwise.

    `relation` is one_of, none_of, at_most, at_least, between (both included), from (a moment), or
    none (said to be nobody).
    """

    fact: str
    relation: str
    values: tuple[str | int, ...]

    def __str__(self) -> str:
        shown = ", ".join(str(value) for value in self.values)
        return f"{self.fact} {self.relation.replace('_', ' ')} {shown}".rstrip()


@dataclass(slots=True, kw_only=True)
class Decision:
    """The answer to a request.

    `rule_versions` made it. `prices` holds one sum per currency and unit; `by_agreement` says that
    some part has its price in an agreement. `awaiting` are the holders who have to approve.
    `would_allow` holds the smallest sets of changes that lead to an allow. To be changed by
    `replace` alone: it is not frozen, because that would take a tenth of the time of a decision.
    """

    outcome: Effect
    reasons: tuple[Reason, ...]
    verdicts: tuple[Verdict, ...]
    rule_versions: tuple[str, ...]
    obligations: Obligations = NO_OBLIGATIONS
    prices: tuple[Price, ...] = ()
    by_agreement: bool = False
    awaiting: tuple[str, ...] = ()
    would_allow: tuple[tuple[Change, ...], ...] = ()

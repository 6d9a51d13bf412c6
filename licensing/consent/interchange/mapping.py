"""Which constraint of ODRL says which field of a rule: one table, read in both directions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from licensing.consent.interchange.vocabulary import LX, ODRL


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """A field that is one whole number, and the constraint that bounds a fact by it."""

    operand: str
    operator: str
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A field that is a list of names. `group` is the closed list they are of, or nothing if they
    are literals; `operand` may have other names of the same meaning."""

    operand: str
    operator: str = ODRL + "isAnyOf"
    group: str = ""


IS_ANY_OF: Final = ODRL + "isAnyOf"
IS_NONE_OF: Final = ODRL + "isNoneOf"
LTEQ: Final = ODRL + "lteq"
GTEQ: Final = ODRL + "gteq"
LT: Final = ODRL + "lt"
EQ: Final = ODRL + "eq"

BOUNDS: Final[Mapping[str, Bound]] = {
    "viewer_age_min": Bound(operand=LX + "viewerAge", operator=GTEQ),
    "depicted_age_min": Bound(operand=LX + "depictedAge", operator=GTEQ),
    "duration_seconds_max": Bound(operand=LX + "durationSeconds", operator=LTEQ),
    "resolution_max": Bound(operand=ODRL + "resolution", operator=LTEQ, unit=LX + "pixels"),
    "remix_depth_max": Bound(operand=LX + "depth", operator=LTEQ),
}
LISTINGS: Final[Mapping[str, Listing]] = {
    "purposes": Listing(operand=ODRL + "purpose", group="purpose"),
    "channels": Listing(operand=ODRL + "deliveryChannel"),
    "languages": Listing(operand=ODRL + "language"),
    "models": Listing(operand=ODRL + "systemDevice"),
    "forbidden_codes": Listing(operand=LX + "contentCode", operator=IS_NONE_OF, group="code"),
    "forbidden_words": Listing(operand=LX + "lexeme", operator=IS_NONE_OF),
}
# Older names of ODRL's for the same operand.
SAME_OPERAND: Final[Mapping[str, str]] = {
    ODRL + "system": ODRL + "systemDevice",
    ODRL + "device": ODRL + "systemDevice",
}
SPATIAL: Final = ODRL + "spatial"
DATE_TIME: Final = ODRL + "dateTime"
CO_SUBJECT: Final = LX + "coSubject"
RATING_MAX: Final = LX + "ratingMax"
COUNT: Final = ODRL + "count"
COUNT_PER_INTERVAL: Final = LX + "countPerInterval"
PLATFORM: Final = LX + "platform"
RELATIONSHIP: Final = LX + "relationship"
HOLDER: Final = LX + "holder"
# A list of one's operator may be written for one value, too.
FOR_ONE: Final[Mapping[str, str]] = {EQ: IS_ANY_OF, ODRL + "neq": IS_NONE_OF}
WINDOW: Final[Mapping[str, str]] = {"from": GTEQ, "to": LT}

"""The `lx:` profile of ODRL 2.2: the terms a rule needs and ODRL has no word for.

The terms are the same in every installation, so that a policy that one wrote is read by another.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from licensing.consent.engine.language import (
    LEVELS,
    Action,
    Audience,
    Axis,
    ContentCode,
    Interval,
    Per,
    Purpose,
    QuotaOf,
)

ODRL: Final = "http://www.w3.org/ns/odrl/2/"
RDF_VALUE: Final = "http://www.w3.org/1999/02/22-rdf-syntax-ns#value"
XSD: Final = "http://www.w3.org/2001/XMLSchema#"
# What Assent's ids are in front of when they stand in a policy, and the profile's terms.
THINGS: Final = "urn:assent:"
LX: Final = "urn:assent:lx:"
PROFILE: Final = "urn:assent:lx"
CURRENCY: Final = "urn:iso:std:iso:4217:"


class Kind(StrEnum):
    """What a term is to ODRL."""

    ACTION = "Action"
    DUTY = "Duty's action"
    LEFT_OPERAND = "Left operand"
    VALUE = "Right operand"
    UNIT = "Unit"
    PROPERTY = "Property"
    COLLECTION = "Collection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term: its name after `lx:`, what it is, what it means, and where it stands.

    `domain` says in words what it is used on or with which values; `within` is the action of ODRL
    that includes it.
    """

    name: str
    kind: Kind
    definition: str
    domain: str
    within: str = ""

    @property
    def iri(self) -> str:
        """The term in full."""
        return LX + self.name


# The rule language's actions as ODRL has them: its own where it has the same, else the profile's.
ACTIONS: Final = {
    Action.GENERATE_IMAGE: LX + "generateImage",
    Action.GENERATE_VIDEO: LX + "generateVideo",
    Action.GENERATE_VOICE: LX + "generateVoice",
    Action.GENERATE_TEXT: LX + "generateText",
    Action.GENERATE_3D: LX + "generate3d",
    Action.REMIX: LX + "remix",
    Action.MERCHANDISE: LX + "merchandise",
    Action.TRAIN: LX + "train",
    Action.INFER: LX + "infer",
    Action.INDEX: ODRL + "index",
}
ANY_ACTION: Final = LX + "any"
NOBODY: Final = LX + "nobody"
EVERYONE: Final = LX + "everyone"
EVERYTHING: Final = LX + "everything"
QUOTA_UNITS: Final = {
    (Interval.HOUR, QuotaOf.EVERYONE): LX + "perHour",
    (Interval.DAY, QuotaOf.EVERYONE): LX + "perDay",
    (Interval.MONTH, QuotaOf.EVERYONE): LX + "perMonth",
    (Interval.TOTAL, QuotaOf.PLATFORM): LX + "perPlatform",
    (Interval.HOUR, QuotaOf.PLATFORM): LX + "perPlatformAndHour",
    (Interval.DAY, QuotaOf.PLATFORM): LX + "perPlatformAndDay",
    (Interval.MONTH, QuotaOf.PLATFORM): LX + "perPlatformAndMonth",
}
PRICE_UNITS: Final = {
    Per.GENERATION: LX + "perGeneration",
    Per.SECOND: LX + "perSecond",
    Per.AGREEMENT: LX + "byAgreement",
}


def listed(group: str, name: str) -> str:
    """The term for a name of one of the rule language's closed lists, such as `code/gore`."""
    return f"{LX}{group}/{name}"


def terms() -> Iterator[Term]:
    """Every term of the profile, in the order they are told of."""
    for kind, domain, rows in _TABLE:
        for name, within, definition in rows:
            yield Term(name=name, kind=kind, definition=definition, domain=domain, within=within)
    for group, domain, definitions in _LISTS:
        for name, definition in definitions.items():
            yield Term(
                name=f"{group}/{name}", kind=Kind.VALUE, definition=definition, domain=domain
            )


_Rows = tuple[tuple[str, str, str], ...]
_TABLE: Final[tuple[tuple[Kind, str, _Rows], ...]] = (
    (
        Kind.ACTION,
        "Action of a permission or prohibition",
        (
            ("any", "use", "Any of the actions of this profile, and to index."),
            ("generateImage", "derive", "To generate a still image that shows the asset."),
            ("generateVideo", "derive", "To generate moving images that show the asset."),
            ("generateVoice", "derive", "To generate speech or singing in the asset's voice."),
            ("generateText", "derive", "To generate text in which the asset appears or speaks."),
            ("generate3d", "derive", "To generate a model in three dimensions of the asset."),
            ("remix", "derive", "To generate from an earlier generation that shows the asset."),
            ("merchandise", "derive", "To make goods that show the asset, in order to sell them."),
            ("train", "use", "To train or fine-tune a model with the asset."),
            ("infer", "use", "To give the asset to a trained model as input."),
        ),
    ),
    (
        Kind.DUTY,
        "Action of a duty",
        (("embedC2pa", "modify", "To embed a C2PA content credential in what is generated."),),
    ),
    (
        Kind.LEFT_OPERAND,
        "Refines the collection of assignees or of assets",
        (
            ("platform", "", "The platform through which it is asked. With isAnyOf or isNoneOf."),
            (
                "relationship",
                "",
                "How the asset stands to the person who asks: a list relationship. With isAnyOf.",
            ),
            ("holder", "", "The rights holder whose assets are meant. With eq."),
        ),
    ),
    (
        Kind.LEFT_OPERAND,
        "Constrains a permission or prohibition",
        (
            (
                "ratingMax",
                "",
                "The strongest rating of the content on the scale that the unit names. With lteq and "
                "a rating.",
            ),
            ("contentCode", "", "What the content shows: codes of the list code. With isNoneOf."),
            (
                "lexeme",
                "",
                "A word or phrase of the prompt: whole words, whatever their case, form or "
                "look-alike letters. With isNoneOf.",
            ),
            (
                "coSubject",
                "",
                "Everyone else in the picture, by subject, property or holder. isAnyOf: all others "
                "are among these; isNoneOf: none is.",
            ),
            ("viewerAge", "", "The age of who will see it, in years. With gteq."),
            ("depictedAge", "", "The age at which the asset is depicted, in years. With gteq."),
            ("durationSeconds", "", "The length of what is generated, in seconds. With lteq."),
            (
                "depth",
                "",
                "How many remixes lie between what is generated and a first generation; that has "
                "none. With lteq.",
            ),
            (
                "countPerInterval",
                "",
                "How many generations there are in the interval that the unit names; intervals are "
                "the calendar's, in UTC. With lteq.",
            ),
        ),
    ),
    (
        Kind.LEFT_OPERAND,
        "Refines the action attribute",
        (("attributionText", "", "The text of the attribution. With eq."),),
    ),
    (
        Kind.UNIT,
        "Unit of resolution",
        (("pixels", "", "Pixels of the shorter side."),),
    ),
    (
        Kind.UNIT,
        "Unit of lx:ratingMax",
        tuple((f"{axis}Scale", "", f"The scale on which {axis} is rated.") for axis in Axis),
    ),
    (
        Kind.UNIT,
        "Unit of lx:countPerInterval",
        (
            ("perHour", "", "An hour, everyone's generations together."),
            ("perDay", "", "A day, everyone's generations together."),
            ("perMonth", "", "A month, everyone's generations together."),
            ("perPlatform", "", "All the time, each platform's generations by themselves."),
            ("perPlatformAndHour", "", "An hour, each platform's generations by themselves."),
            ("perPlatformAndDay", "", "A day, each platform's generations by themselves."),
            ("perPlatformAndMonth", "", "A month, each platform's generations by themselves."),
        ),
    ),
    (
        Kind.VALUE,
        "Value of unitOfCount in the duty to compensate",
        (
            ("perGeneration", "", "The amount is owed for each generation."),
            ("perSecond", "", "The amount is owed for each second of what is generated."),
            ("byAgreement", "", "The amount is in an agreement of the parties."),
        ),
    ),
    (
        Kind.VALUE,
        "Value of lx:coSubject",
        (("nobody", "", "Nobody else is in the picture. Stands alone."),),
    ),
    (
        Kind.VALUE,
        "Value of event in the duty to delete",
        (("revocation", "", "The consent is revoked."),),
    ),
    (
        Kind.PROPERTY,
        "Property of a permission or prohibition",
        (
            (
                "revocationNotice",
                "",
                "For how long what is permitted goes on after it was revoked: xsd:duration in "
                "days.",
            ),
        ),
    ),
    (
        Kind.PROPERTY,
        "Property of a prohibition",
        (
            (
                "statedDuty",
                "",
                "A duty that was written down with a prohibition, where nobody has to fulfil it. "
                "It is kept so that a rule is handed on whole.",
            ),
        ),
    ),
    (
        Kind.COLLECTION,
        "Source of a collection",
        (
            ("everyone", "", "Everyone who asks, through any platform."),
            ("everything", "", "All assets that are known."),
        ),
    ),
)

_PURPOSES: Final = {
    Purpose.PERSONAL: "For oneself and one's friends, without earning anything.",
    Purpose.COMMERCIAL: "For a business.",
    Purpose.ADVERTISING: "To advertise a product, a service or a brand.",
    Purpose.POLITICAL: "To win people for a party, a candidate or a political cause.",
    Purpose.NEWS: "To report what has happened.",
    Purpose.EDUCATION: "To teach or to learn.",
    Purpose.PARODY: "To make fun of the asset or of something by means of it.",
}
_RELATIONSHIPS: Final = {
    Audience.SELF: "The asset is the person who asks, or belongs to them.",
    Audience.APPROVED: "The person who asks was approved by name.",
    Audience.MUTUALS: "Each follows the other.",
    Audience.EVERYONE: "Anybody.",
}
_RATINGS: Final = dict(
    zip(
        LEVELS,
        (
            "Nothing of the kind.",
            "Hinted at, or as in what is made for children.",
            "Shown, but neither in detail nor for long.",
            "Shown in detail or at length.",
        ),
        strict=True,
    )
)
_CODES: Final = {
    ContentCode.ALCOHOL: "Alcohol, or somebody drinking it.",
    ContentCode.BODY_HORROR: "Bodies that are deformed or come apart.",
    ContentCode.DRUG_USE: "Somebody taking drugs.",
    ContentCode.FABRICATED_NEWS: "An event that did not happen, told as news.",
    ContentCode.FINANCIAL_PROMOTION: "Advice or advertising to invest money.",
    ContentCode.GAMBLING: "Betting or games for money.",
    ContentCode.GORE: "Blood and wounds in detail.",
    ContentCode.HARASSMENT: "A real person mocked, threatened or pursued.",
    ContentCode.HATE: "Contempt of people for what they are.",
    ContentCode.MEDICAL_CLAIMS: "Claims about health, illness or a cure.",
    ContentCode.MINORS: "Anybody who is or looks under age.",
    ContentCode.NUDITY: "Naked bodies.",
    ContentCode.POLITICS: "Politicians, parties or political causes.",
    ContentCode.RELIGION: "Faith, its figures or its signs.",
    ContentCode.SELF_HARM: "Somebody hurting or killing themselves.",
    ContentCode.STEREOTYPES: "People drawn as the cliché of their group.",
    ContentCode.TOBACCO: "Tobacco, or somebody smoking.",
    ContentCode.WEAPONS: "Weapons.",
}
_LISTS: Final = (
    ("purpose", "Value of purpose", _PURPOSES),
    ("relationship", "Value of lx:relationship", _RELATIONSHIPS),
    ("rating", "Value of lx:ratingMax, weakest first", _RATINGS),
    ("code", "Value of lx:contentCode", _CODES),
)

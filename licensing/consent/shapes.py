"""What rules, checks, approvals and kill switches look like on the wire."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger import ids
from ledger.wire import (
    Currency,
    DecimalText,
    Flag,
    Id,
    Instant,
    Integer,
    Shape,
    Text,
    show_instant,
)
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.catalog.shapes import Territory
from licensing.consent import words
from licensing.consent.language import (
    LEVELS,
    Action,
    Audience,
    ContentCode,
    Effect,
    Interval,
    Per,
    Purpose,
    QuotaOf,
)
from licensing.consent.models import (
    ApprovalRequest,
    ConsentCheck,
    ConsentRule,
    KillSwitch,
    RuleVersion,
)
from licensing.consent.previews import PreviewShape
from licensing.consent.states import ApprovalState, VersionState

# The longest list a rule may hold: there are 249 territories.
_LONGEST_LIST: Final = 250
# Closed lists of names as the API's document names them.
ACTIONS: Final = [str(action) for action in Action]
PURPOSES: Final = [str(purpose) for purpose in Purpose]
AUDIENCES: Final = [str(audience) for audience in Audience]
CODES: Final = [str(code) for code in ContentCode]
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:/-]{0,63}\Z", re.ASCII)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,4}\Z", re.ASCII)
_PHRASE: Final = re.compile(r"[^\W_]+([ '’&-][^\W_]+){0,7}\Z")


class Named(serializers.ChoiceField):
    """One of a closed list of names."""

    default_error_messages = {"unknown_name": "That is none of the names known here."}

    def __init__(self, names: Iterable[str], **options: Any) -> None:
        super().__init__(choices=[(str(name), str(name)) for name in names], **options)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str) or data not in self.choices:
            self.fail("unknown_name")
        return data


class Several(serializers.ListField):
    """A list in which nothing stands twice."""

    default_error_messages = {"twice": "The same stands here twice."}

    def __init__(self, child: serializers.Field[Any, Any, Any, Any], **options: Any) -> None:
        options.setdefault("max_length", _LONGEST_LIST)
        super().__init__(child=child, **options)

    def to_internal_value(self, data: Any) -> list[Any]:
        found: list[Any] = super().to_internal_value(data)
        if len(set(found)) != len(found):
            self.fail("twice")
        return found


class _Patterned(Text):
    pattern: re.Pattern[str]
    default_error_messages = {"bad_name": "That is not written as it has to be."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not self.pattern.match(self.spelled(text)):
            self.fail("bad_name")
        return text

    def spelled(self, text: str) -> str:
        """What the pattern is held against."""
        return text


class Label(_Patterned):
    """A platform's own name for a channel or a model: letters, digits and ` ._:/-`."""

    pattern = _LABEL


class Language(_Patterned):
    """A BCP 47 tag such as `en` or `pt-BR`."""

    pattern = _LANGUAGE


class Phrase(_Patterned):
    """A word, or up to eight: letters and digits. It is no pattern: it is looked for as it stands."""

    pattern = _PHRASE

    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=100, **options)

    def spelled(self, text: str) -> str:
        """The letters alone: accents and the vowel signs of some scripts belong to them."""
        return "".join(one for one in text if not unicodedata.category(one).startswith("M"))

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not words.fold(text):
            self.fail("bad_name")
        return text


class AnyReference(Text):
    """The id of a subject, a property or a rights holder."""

    default_error_messages = {"bad_id": "That is no id of a subject, property or rights holder."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        prefix = text.partition("_")[0]
        if prefix not in (Subject.PREFIX, Property.PREFIX, RightsHolder.PREFIX):
            self.fail("bad_id")
        try:
            ids.read(prefix, text)
        except ValueError:
            self.fail("bad_id")
        return text


class _ChoiceShape(Shape):
    """Listed ones only, or all but the listed: one of both."""

    default_error_messages = {"one_of_both": "Say either `only` or `except`."}

    def to_internal_value(self, data: Any) -> Any:
        said = super().to_internal_value(data)
        if len(said) != 1:
            self.fail("one_of_both")
        return said


class PlatformsShape(_ChoiceShape):
    """Listed platforms only, or all but the listed."""

    only = Several(Id(Platform.PREFIX, "platform"), min_length=1, required=False)

    def get_fields(self) -> dict[str, Any]:
        """`except` is a word of Python's, so it cannot stand as an attribute."""
        listed = Several(Id(Platform.PREFIX, "platform"), min_length=1, required=False)
        return {**super().get_fields(), "except": listed}

    def to_internal_value(self, data: Any) -> Any:
        """The ids as they are written: what a body keeps."""
        said = super().to_internal_value(data)
        return {
            name: [ids.show(Platform.PREFIX, platform) for platform in platforms]
            for name, platforms in said.items()
        }


class TerritoriesShape(_ChoiceShape):
    """Listed territories only, or all but the listed (ISO 3166-1)."""

    only = Several(Territory(), min_length=1, required=False)

    def get_fields(self) -> dict[str, Any]:
        """`except` is a word of Python's, so it cannot stand as an attribute."""
        listed = Several(Territory(), min_length=1, required=False)
        return {**super().get_fields(), "except": listed}


@extend_schema_field(OpenApiTypes.DATETIME)
class _Moment(Instant):
    """A moment that is kept as it is written in an answer."""

    def to_internal_value(self, data: Any) -> str:  # type: ignore[override]
        return show_instant(super().to_internal_value(data))

    def to_representation(self, value: Any) -> str:
        return str(value)


class WindowShape(Shape):
    """From, up to but without to; either may be left open."""

    to = _Moment(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's, so it cannot stand as an attribute."""
        return {"from": _Moment(required=False), **super().get_fields()}


class CeilingsShape(Shape):
    """The strongest that is covered, on each axis that is rated."""

    violence = Named(LEVELS, required=False)
    sexual = Named(LEVELS, required=False)
    fear = Named(LEVELS, required=False)
    drugs = Named(LEVELS, required=False)
    profanity = Named(LEVELS, required=False)


class CoAppearanceShape(Shape):
    """Who else may be in the picture."""

    only_with = Several(AnyReference(), required=False, help_text="Empty: nobody else.")
    never_with = Several(AnyReference(), required=False)


class ObligationsShape(Shape):
    """What whoever is allowed must do."""

    watermark = Flag(required=False)
    c2pa = Flag(required=False, help_text="Embed a C2PA content credential.")
    attribution = Text(max_length=200, required=False)
    report_within_hours = Integer(min_value=1, max_value=8760, required=False)
    delete_on_revocation = Flag(required=False)


class QuotaShape(Shape):
    """At most so many generations in each interval: each platform's by itself, or everyone's."""

    count = Integer(min_value=1, max_value=10**12)
    per = Named(Interval)
    of = Named(QuotaOf)


class RulePriceShape(Shape):
    """An amount per generation or per second, or by agreement."""

    default_error_messages = {
        "amount_and_currency": "A price has an amount and a currency, unless it is by agreement."
    }

    amount = DecimalText(required=False, help_text="A decimal string, up to eight decimals.")
    currency = Currency(required=False)
    per = Named(Per)

    def to_internal_value(self, data: Any) -> Any:
        said = super().to_internal_value(data)
        wanted = set() if said["per"] == Per.AGREEMENT else {"amount", "currency"}
        if set(said) - {"per"} != wanted:
            self.fail("amount_and_currency")
        if "amount" in said:
            said["amount"] = DecimalText().to_representation(said["amount"])
        return said


def _names(names: type[StrEnum], help_text: str = "") -> Several:
    return Several(Named(names), required=False, help_text=help_text)


class RuleBodyShape(Shape):
    """What a rule says. A field left out is open. Every field narrows what the rule covers,
    whatever its effect; an allow covers only requests that say each fact it sets."""

    default_error_messages = {
        "quota_twice": "Two quotas count the same interval of the same platforms.",
        "quota_on_deny": "A deny has no quota.",
    }

    effect = Named(Effect)
    actions = _names(Action)
    platforms = PlatformsShape(required=False)
    audience = _names(Audience)
    territories = TerritoriesShape(required=False)
    window = WindowShape(required=False)
    purposes = _names(Purpose)
    channels = Several(Label(), required=False)
    languages = Several(Language(), required=False)
    models = Several(Label(), required=False)
    content = CeilingsShape(required=False)
    forbidden_codes = _names(ContentCode, "Covers only what shows none of these.")
    forbidden_words = Several(
        Phrase(), required=False, help_text="Whole words or phrases, however they are spelled."
    )
    co_appearance = CoAppearanceShape(required=False)
    viewer_age_min = Integer(min_value=0, max_value=150, required=False)
    depicted_age_min = Integer(min_value=0, max_value=150, required=False)
    duration_seconds_max = Integer(min_value=0, max_value=86_400, required=False)
    resolution_max = Integer(
        min_value=1, max_value=65_536, required=False, help_text="Pixels of the shorter side."
    )
    remix_depth_max = Integer(min_value=0, max_value=64, required=False)
    quotas: Any = serializers.ListSerializer(
        child=QuotaShape(),
        required=False,
        max_length=len(Interval) * len(QuotaOf),
        help_text="Counted by the rule through all its versions; not on a deny.",
    )
    obligations = ObligationsShape(required=False)
    revocation_notice_days = Integer(
        min_value=1,
        max_value=3650,
        required=False,
        help_text="How long what is allowed goes on after the rule was revoked.",
    )
    price = RulePriceShape(required=False)

    def validate(self, attrs: Any) -> Any:
        quotas = attrs.get("quotas", ())
        if quotas and attrs["effect"] == Effect.DENY:
            self.fail("quota_on_deny")
        if len({(quota["per"], quota["of"]) for quota in quotas}) != len(quotas):
            self.fail("quota_twice")
        return attrs


class NewRuleShape(Shape):
    """A rule to be drafted: over one subject, one property, or all the holder has."""

    default_error_messages = {"one_scope": "A rule is over a subject or a property, not both."}

    holder = Id(
        RightsHolder.PREFIX,
        "holder",
        required=False,
        help_text="May be left out if your organisation has one.",
    )
    property = Id(Property.PREFIX, "property", required=False)
    subject = Id(Subject.PREFIX, "subject", required=False)
    name = Text(max_length=200, required=False, allow_blank=True)
    body = RuleBodyShape()

    def validate(self, attrs: Any) -> Any:
        if "property" in attrs and "subject" in attrs:
            self.fail("one_scope")
        return attrs


class RuleEditShape(Shape):
    """A change of a rule's draft. The body is replaced as a whole."""

    default_error_messages = {"nothing_said": "Say a name, a body, or both."}

    name = Text(max_length=200, required=False, allow_blank=True)
    body = RuleBodyShape(required=False)

    def validate(self, attrs: Any) -> Any:
        if not attrs:
            self.fail("nothing_said")
        return attrs


class NoticeShape(Shape):
    """How an ended version runs on: until when, and for whom alone."""

    until = Instant()
    platforms = serializers.ListField(
        child=Id(Platform.PREFIX), help_text="Those that had a receipt under the rule by its end."
    )


class VersionShape(Shape):
    """One wording of a rule."""

    id = Id(RuleVersion.PREFIX, source="pk")
    number = serializers.IntegerField()
    state = serializers.ChoiceField(choices=VersionState.choices)
    body = serializers.DictField(help_text="As it was sent, in canonical form.")
    drafted_at = Instant()
    published_at = Instant(allow_null=True)
    ended_at = Instant(allow_null=True)
    notice = NoticeShape(allow_null=True, help_text="Null if it does not run on.")


class RuleShape(Shape):
    """A consent rule: its latest version, and the one in force."""

    id = Id(ConsentRule.PREFIX, source="pk")
    holder = Id(RightsHolder.PREFIX, source="holder_id")
    property = Id(Property.PREFIX, source="property_id", allow_null=True)
    subject = Id(Subject.PREFIX, source="subject_id", allow_null=True)
    name = serializers.CharField()
    answers = serializers.ListField(
        child=Id(ConsentRule.PREFIX),
        help_text="The needs-approval rules whose question it answers for good where it allows.",
    )
    created_at = Instant()
    latest = VersionShape()
    in_force = VersionShape(allow_null=True)


class BlastRadiusShape(Shape):
    """What an end of consent leaves in the world."""

    open_receipts = serializers.IntegerField(
        allow_null=True, help_text="Receipts not yet expired; null if counting took too long."
    )
    generations = serializers.IntegerField(
        allow_null=True,
        help_text="Generations made under those and under earlier receipts; null likewise.",
    )
    remixes = serializers.IntegerField(
        allow_null=True,
        help_text="Remixes that descend from those generations, by any number of steps, and are "
        "not among them; null likewise.",
    )


class EndedShape(Shape):
    """A version that has just ended, and what had been allowed under it."""

    version = VersionShape()
    blast_radius = BlastRadiusShape()


class PublicationShape(RuleShape):
    """A rule after it was published, and what that has put an end to."""

    superseded = EndedShape(allow_null=True, help_text="Null if nothing was in force.")


class RevocationShape(Shape):
    """A rule after it was revoked, and what had been allowed under it."""

    rule = RuleShape()
    notice = NoticeShape(allow_null=True, help_text="Null if it has ended for everyone at once.")
    blast_radius = BlastRadiusShape()


class NewSwitchShape(Shape):
    """A kill switch to be thrown: over one subject, one property, or all the holder has."""

    default_error_messages = {"one_scope": "A switch is over a subject or a property, not both."}

    holder = Id(RightsHolder.PREFIX, "holder", required=False)
    property = Id(Property.PREFIX, "property", required=False)
    subject = Id(Subject.PREFIX, "subject", required=False)
    platform = Id(Platform.PREFIX, "platform", required=False, help_text="All if left out.")

    def validate(self, attrs: Any) -> Any:
        if "property" in attrs and "subject" in attrs:
            self.fail("one_scope")
        return attrs


class SwitchShape(Shape):
    """A kill switch."""

    id = Id(KillSwitch.PREFIX, source="pk")
    holder = Id(RightsHolder.PREFIX, source="holder_id")
    property = Id(Property.PREFIX, source="property_id", allow_null=True)
    subject = Id(Subject.PREFIX, source="subject_id", allow_null=True)
    platform = Id(Platform.PREFIX, source="platform_id", allow_null=True)
    thrown_at = Instant()
    lifted_at = Instant(allow_null=True)


class ThrownShape(Shape):
    """A kill switch just thrown, and what had been allowed before."""

    switch = SwitchShape()
    blast_radius = BlastRadiusShape()


class ApprovalShape(Shape):
    """A request for approval, with what the platform said."""

    id = Id(ApprovalRequest.PREFIX, source="pk")
    holder = Id(RightsHolder.PREFIX, source="holder_id")
    state = serializers.ChoiceField(choices=ApprovalState.choices)
    consent_check = Id(ConsentCheck.PREFIX, source="consent_check_id")
    platform = Id(Platform.PREFIX, source="consent_check.platform_id")
    subjects = serializers.ListField(child=Id(Subject.PREFIX), source="consent_check.subject_ids")
    action = serializers.CharField(source="consent_check.action")
    generations = serializers.IntegerField(
        source="consent_check.generations", allow_null=True, help_text="How many it is about."
    )
    facts = serializers.DictField(source="consent_check.told")
    preview = PreviewShape(source="consent_check.preview", allow_null=True)
    asked_at = Instant()
    expires_at = Instant()
    answered_at = Instant(allow_null=True)
    drafted_rules = serializers.ListField(
        child=Id(ConsentRule.PREFIX),
        help_text="Answered with always: the drafts that answer the same by themselves once they "
        "are published, one per subject.",
    )


class AnswerShape(Shape):
    """How a request for approval is answered. Without a body: once."""

    always = Flag(
        required=False,
        help_text="Also draft the narrowest rule that gives this answer to the same request.",
    )

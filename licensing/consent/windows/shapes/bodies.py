"""What a rule says, on the wire."""

from __future__ import annotations

from typing import Any

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
from licensing.catalog.models import Platform
from licensing.catalog.shapes import Territory
from licensing.consent.engine.language import (
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
from licensing.consent.windows.shapes.names import (
    AnyReference,
    Label,
    Language,
    Named,
    Phrase,
    Several,
)


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


def _any_of(child: serializers.Field[Any, Any, Any, Any]) -> Several:
    """What a request may be among. Left out it is open; none at all would be taken for that."""
    return Several(child, min_length=1, required=False)


class RuleBodyShape(Shape):
    """What a rule says. A field left out is open. Every field narrows what the rule covers,
    whatever its effect; an allow covers only requests that say each fact it sets."""

    default_error_messages = {
        "quota_twice": "Two quotas count the same interval of the same platforms.",
        "quota_on_deny": "A deny has no quota.",
    }

    effect = Named(Effect)
    actions = _any_of(Named(Action))
    platforms = PlatformsShape(required=False)
    audience = _any_of(Named(Audience))
    territories = TerritoriesShape(required=False)
    window = WindowShape(required=False)
    purposes = _any_of(Named(Purpose))
    channels = _any_of(Label())
    languages = _any_of(Language())
    models = _any_of(Label())
    content = CeilingsShape(required=False)
    forbidden_codes = Several(
        Named(ContentCode), required=False, help_text="Covers only what shows none of these."
    )
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

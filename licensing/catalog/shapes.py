"""What holders, platforms, properties, subjects and ownership look like on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.actor import Actor
from ledger.wire import Day, Id, Instant, Shape, Text
from licensing.access.models import Organisation
from licensing.catalog.models import (
    OwnershipStep,
    Platform,
    Property,
    RightsHolder,
    Subject,
    SubjectKind,
)
from licensing.catalog.names import LONGEST
from licensing.catalog.shares import MOST_OWNERS, BadShare, read_share, show_share
from licensing.catalog.territories import is_territory


class Territory(Text):
    """An assigned ISO 3166-1 code: `GB`, not `UK`."""

    default_error_messages = {
        "unknown_territory": "That is not an assigned ISO 3166-1 code of two capitals."
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_territory(text):
            self.fail("unknown_territory")
        return text


@extend_schema_field(OpenApiTypes.STR)
class Share(serializers.Field[Fraction, str, str, Any]):
    """An exact part of the whole: `1/3`, or in percent `12.5`."""

    default_error_messages = {"bad_share": " ".join(str(BadShare.__doc__).split())}

    def to_internal_value(self, data: Any) -> Fraction:
        if not isinstance(data, str):
            self.fail("bad_share")
        try:
            return read_share(data)
        except BadShare:
            self.fail("bad_share")

    def to_representation(self, value: Fraction) -> str:
        return show_share(value)


class HolderShape(Shape):
    """A rights holder."""

    id = Id(RightsHolder.PREFIX, source="pk")
    name = serializers.CharField()
    organisation = Id(Organisation.PREFIX, source="organisation_id")
    created_at = Instant()


class NewHolderShape(Shape):
    """A rights holder to be registered."""

    name = Text(max_length=LONGEST)
    organisation = Id(
        Organisation.PREFIX,
        "organisation",
        required=False,
        help_text="For the house: whose it is; a new organisation of its name if not said.",
    )


class PlatformShape(Shape):
    """A platform."""

    id = Id(Platform.PREFIX, source="pk")
    name = serializers.CharField()
    created_at = Instant()


class PropertyShape(Shape):
    """A franchise or a part of one."""

    id = Id(Property.PREFIX, source="pk")
    name = serializers.CharField()
    holder = Id(RightsHolder.PREFIX, source="holder_id")
    parent = Id(Property.PREFIX, source="parent_id", allow_null=True)  # type: ignore[assignment]
    depth = serializers.IntegerField(help_text="1 at the top, at most 8.")
    created_at = Instant()


class NewPropertyShape(Shape):
    """A property to be created."""

    holder = Id(RightsHolder.PREFIX, "holder")
    name = Text(max_length=LONGEST)
    parent = Id(  # type: ignore[assignment]
        Property.PREFIX, "property", required=False, allow_null=True, default=None
    )


class PropertyEditShape(Shape):
    """What changes of a property."""

    name = Text(max_length=LONGEST)


class OwnerShape(Shape):
    """One owner's share of the whole."""

    holder = Id(RightsHolder.PREFIX, "holder", source="holder_id")
    share = Share(source="fraction", help_text='In percent, "12.5", or of the whole, "1/3".')


class NewOwnerShape(Shape):
    """One owner's share of the whole."""

    holder = Id(RightsHolder.PREFIX, "holder", help_text="Any rights holder whose id you know.")
    share = Share(help_text='In percent, "12.5", or of the whole, "1/3".')


class Owners(serializers.ListField):
    """Owners, each once, as shares by holder."""

    default_error_messages = {"owner_twice": "An owner stands here twice."}

    def __init__(self, **options: Any) -> None:
        super().__init__(child=NewOwnerShape(), min_length=1, max_length=MOST_OWNERS, **options)
        for limit in ("min_length", "max_length"):
            self.error_messages[limit] = "A subject has 1 to 100 owners at a time."

    def to_internal_value(self, data: Any) -> Any:
        owners = super().to_internal_value(data)
        shares: dict[UUID, Fraction] = {owner["holder"]: owner["share"] for owner in owners}
        if len(shares) != len(owners):
            self.fail("owner_twice")
        return shares


class StepShape(Shape):
    """Who owns a subject from a day on, in one territory."""

    id = Id(OwnershipStep.PREFIX, source="pk")
    subject = Id(Subject.PREFIX, source="subject_id")
    territory = serializers.CharField(allow_null=True, help_text="Null: everywhere else.")
    effective_on = Day()
    shares = OwnerShape(many=True)
    recorded_at = Instant()

    def to_representation(self, instance: OwnershipStep) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return {**shown, "territory": instance.territory or None}


class NewStepShape(Shape):
    """A change of ownership."""

    territory = Territory(
        required=False, allow_null=True, default=None, help_text="Null: everywhere else."
    )
    effective_on = Day(help_text="Today or later, and after the territory's last step.")
    shares = Owners(help_text="They add up to exactly 100 %.")


class SubjectShape(Shape):
    """A subject. A platform is shown its id, name and kind alone."""

    FOR_PLATFORMS = ("id", "name", "kind")

    id = Id(Subject.PREFIX, source="pk")
    name = serializers.CharField()
    kind = serializers.ChoiceField(choices=SubjectKind.choices)
    holder = Id(
        RightsHolder.PREFIX, source="holder_id", required=False, help_text="Who registered it."
    )
    property = Id(Property.PREFIX, source="property_id", allow_null=True, required=False)
    created_at = Instant(required=False)

    def to_representation(self, instance: Subject) -> dict[str, Any]:
        shown: Mapping[str, Any] = super().to_representation(instance)
        actor = self.context.get("actor")
        if isinstance(actor, Actor) and actor.organisation_kind == "platform":
            return {name: shown[name] for name in self.FOR_PLATFORMS}
        return dict(shown)


class NewSubjectShape(Shape):
    """A subject to be registered."""

    holder = Id(RightsHolder.PREFIX, "holder")
    name = Text(max_length=LONGEST)
    kind = serializers.ChoiceField(choices=SubjectKind.choices)
    property = Id(Property.PREFIX, "property", required=False, allow_null=True, default=None)
    shares = Owners(
        required=False, allow_null=True, default=None, help_text="The holder alone if not said."
    )
    effective_on = Day(
        required=False,
        allow_null=True,
        default=None,
        help_text="From when it is owned so; today if not said, and it may lie in the past.",
    )

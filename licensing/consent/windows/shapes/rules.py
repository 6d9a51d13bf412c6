"""Rules and their versions on the wire, and what an end of consent leaves."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from ledger.wire import (
    Id,
    Instant,
    Shape,
    Text,
)
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.consent.models import (
    ConsentRule,
    RuleVersion,
)
from licensing.consent.rules import LONGEST_NAME
from licensing.consent.states import VersionState
from licensing.consent.windows.shapes.bodies import RuleBodyShape


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
    name = Text(max_length=LONGEST_NAME, required=False, allow_blank=True)
    body = RuleBodyShape()

    def validate(self, attrs: Any) -> Any:
        if "property" in attrs and "subject" in attrs:
            self.fail("one_scope")
        return attrs


class RuleEditShape(Shape):
    """A change of a rule's draft. The body is replaced as a whole."""

    default_error_messages = {"nothing_said": "Say a name, a body, or both."}

    name = Text(max_length=LONGEST_NAME, required=False, allow_blank=True)
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

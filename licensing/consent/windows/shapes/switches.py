"""Kill switches on the wire."""

from __future__ import annotations

from typing import Any

from ledger.wire import (
    Id,
    Instant,
    Shape,
)
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.consent.models import (
    KillSwitch,
)
from licensing.consent.windows.shapes.rules import BlastRadiusShape


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

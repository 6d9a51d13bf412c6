"""What claims look like on the wire."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from ledger.wire import Id, Instant, Shape, Text
from licensing.catalog.models import RightsHolder, Subject
from licensing.catalog.shapes import Territory
from licensing.claims.models import LONGEST, Claim
from licensing.claims.states import RESOLUTIONS, ClaimState

DECISIONS: Final = [(state.value, state.label) for state in RESOLUTIONS]


class NewClaimShape(Shape):
    """A claim to be filed."""

    claimant = Id(RightsHolder.PREFIX, "holder", help_text="Yours, for whom it is claimed.")
    subject = Id(Subject.PREFIX, "subject", help_text="Any subject whose id you know.")
    territory = Territory(
        required=False, allow_null=True, default=None, help_text="Null: everywhere."
    )
    statement = Text(max_length=LONGEST, help_text="The evidence in words.")


class ContestShape(Shape):
    """What an owner says against a claim."""

    statement = Text(max_length=LONGEST)


class DecisionShape(Shape):
    """How the house decides a claim."""

    outcome = serializers.ChoiceField(choices=DECISIONS)
    reason = Text(max_length=LONGEST, help_text="Told to both sides.")


class ContestedShape(Shape):
    """What an owner has said against a claim."""

    holder = Id(RightsHolder.PREFIX, source="contested_for_id")
    statement = serializers.CharField(source="contest")
    contested_at = Instant()


class ClaimShape(Shape):
    """A claim and what became of it. It changes no ownership by itself."""

    id = Id(Claim.PREFIX, source="pk")
    subject = Id(Subject.PREFIX, source="subject_id")
    subject_name = serializers.CharField(source="subject.name")
    claimant = Id(RightsHolder.PREFIX, source="claimant_id")
    claimant_name = serializers.CharField(source="claimant.name")
    territory = serializers.CharField(allow_null=True, help_text="Null: everywhere.")
    statement = serializers.CharField()
    state = serializers.ChoiceField(
        choices=ClaimState.choices,
        help_text="While disputed, every consent check over the subject there is denied. What a "
        "conceded or upheld claim leads to is recorded as a step of ownership.",
    )
    filed_at = Instant()
    contest = ContestedShape(source="*", allow_null=True)
    conceded_by = Id(RightsHolder.PREFIX, source="conceded_for_id", allow_null=True)
    reason = serializers.CharField(allow_null=True, help_text="Why the house decided so.")
    ended_at = Instant(allow_null=True)

    def to_representation(self, instance: Claim) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        return {
            **shown,
            "territory": instance.territory or None,
            "contest": shown["contest"] if instance.contested_at else None,
            "reason": instance.reason or None,
        }

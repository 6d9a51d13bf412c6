"""Requests for approval on the wire, and how they are answered."""

from __future__ import annotations

from rest_framework import serializers

from ledger.wire import (
    Flag,
    Id,
    Instant,
    Shape,
)
from licensing.catalog.models import Platform, RightsHolder, Subject
from licensing.consent.models import (
    ApprovalRequest,
    ConsentCheck,
    ConsentRule,
)
from licensing.consent.states import ApprovalState
from licensing.consent.windows.previews import PreviewShape


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

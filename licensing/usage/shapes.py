"""What generations and batches look like on the wire."""

from __future__ import annotations

from typing import Any, Final

from rest_framework import serializers

from ledger.actor import Actor
from ledger.wire import Id, Instant, Integer, Shape, Text
from licensing.catalog.models import Platform, Subject
from licensing.consent.engine.language import Purpose
from licensing.consent.models import ConsentCheck
from licensing.usage.lines import HEAVIEST, LONGEST, METADATA_KEYS, MOST_PARENTS, MOST_SUBJECTS
from licensing.usage.models import (
    Batch,
    BatchOrigin,
    BatchState,
    Generation,
    GenerationSubject,
    Medium,
    Unlicensed,
)

AS_SOON_AS_SEALED: Final = "Null until the batch is sealed."


class AppearanceShape(Shape):
    """A subject that appears in a generation."""

    id = Id(Subject.PREFIX, "subject", source="subject_id")
    weight = Integer(
        min_value=1, max_value=HEAVIEST, default=1, help_text="Its part beside the others."
    )


class ReportShape(Shape):
    """One generation, as a platform reports it; also one line of a batch. The document's shape: the
    body is read by `licensing.usage.lines`."""

    external_id = Text(max_length=128, help_text="Your own id: visible ASCII, for ever unique.")
    occurred_at = Instant()
    medium = serializers.ChoiceField(Medium.choices)
    seconds = Integer(
        min_value=1, max_value=LONGEST, required=False, help_text="Required of video and voice."
    )
    territory = Text(required=False, help_text="ISO 3166-1 alpha-2.")
    purpose = serializers.ChoiceField([str(purpose) for purpose in Purpose], required=False)
    resolution = Text(required=False, help_text="Such as 1920x1080.")
    receipt = Text(required=False, help_text="The receipt of the consent check, as it was given.")
    subjects = AppearanceShape(many=True, help_text=f"1 to {MOST_SUBJECTS}, each once.")
    parents = serializers.ListField(
        child=Text(max_length=128),
        required=False,
        max_length=MOST_PARENTS,
        help_text="What it remixes, by your own ids; they may be reported later.",
    )
    model = Text(max_length=100, required=False)
    metadata = serializers.DictField(
        required=False, help_text=f"Up to 16 KB and {METADATA_KEYS} keys; no prompts."
    )


class GenerationShape(Shape):
    """A generation as it is kept. A holder sees its own subjects in it, and no metadata."""

    id = Id(Generation.PREFIX, source="pk")
    platform = Id(Platform.PREFIX, source="platform_id")
    batch = Id(Batch.PREFIX, source="batch_id")
    external_id = serializers.CharField()
    occurred_at = Instant()
    medium = serializers.ChoiceField(Medium.choices)
    seconds = serializers.IntegerField(allow_null=True)
    territory = serializers.CharField(allow_blank=True)
    purpose = serializers.CharField(allow_blank=True)
    resolution = serializers.CharField(allow_blank=True)
    model = serializers.CharField(allow_blank=True)
    licensed = serializers.BooleanField(help_text="Whether a receipt covers it.")
    unlicensed_reason = serializers.ChoiceField(
        Unlicensed.choices, allow_blank=True, help_text="Why it is not; empty if it is."
    )
    consent_check = Id(ConsentCheck.PREFIX, source="consent_check_id", allow_null=True)
    subjects = AppearanceShape(many=True, source="appearances.all")
    parents = serializers.SerializerMethodField(help_text="What it remixes, by the platform's ids.")
    metadata = serializers.DictField(allow_null=True, help_text="Null to a holder.")

    def get_parents(self, generation: Generation) -> list[str]:
        return [
            parent.parent_external_id
            for parent in sorted(generation.parents.all(), key=lambda parent: parent.position)
        ]

    def to_representation(self, instance: Generation) -> dict[str, Any]:
        shown: dict[str, Any] = super().to_representation(instance)
        actor: Actor = self.context["actor"]
        if actor.organisation_kind == "holder":
            shown["metadata"] = None
        return shown


class RefusedLineShape(Shape):
    """A line that was not taken."""

    line = serializers.IntegerField(help_text="Its number in the upload, from 1.")
    pointer = serializers.CharField(allow_blank=True)
    code = serializers.CharField()
    detail = serializers.CharField()


class GenerationBatchShape(Shape):
    """A batch of generations."""

    id = Id(Batch.PREFIX, source="pk")
    platform = Id(Platform.PREFIX, source="platform_id")
    origin = serializers.ChoiceField(BatchOrigin.choices)
    state = serializers.ChoiceField(BatchState.choices)
    opened_at = Instant()
    sealed_at = Instant(allow_null=True, help_text=AS_SOON_AS_SEALED)
    count = serializers.SerializerMethodField(
        help_text=f"Generations it holds. {AS_SOON_AS_SEALED}"
    )
    content_hash = serializers.SerializerMethodField(
        help_text="SHA-256, in hexadecimal, over the content digests of its generations, in the "
        f"order of their ids. {AS_SOON_AS_SEALED}"
    )
    first_occurred_at = Instant(allow_null=True)
    last_occurred_at = Instant(allow_null=True)
    lines = serializers.IntegerField(help_text="Lines of the upload that were not blank.")
    repeated = serializers.IntegerField(help_text="Lines that had been reported before, just so.")
    refused = serializers.IntegerField(help_text="Lines that were not taken (in partial mode).")
    refusals = RefusedLineShape(many=True, help_text="The first hundred of those.")

    def get_count(self, batch: Batch) -> int | None:
        return batch.count if batch.state == BatchState.SEALED else None

    def get_content_hash(self, batch: Batch) -> str | None:
        return None if batch.content_hash is None else bytes(batch.content_hash).hex()


class UploadQueryShape(Shape):
    """How an upload is to be taken."""

    mode = serializers.ChoiceField(["all", "partial"], default="all")


def appearances_for(actor: Actor) -> Any:
    """The appearances that `actor` may know of: a holder those of its subjects."""
    if actor.organisation_kind == "holder":
        return GenerationSubject.objects.visible_to(actor)
    return GenerationSubject.objects.all()


class Truth(serializers.Field[bool, str, str, Any]):
    """`true` or `false` in a query."""

    default_error_messages = {"invalid": "Write true or false."}

    def to_internal_value(self, data: Any) -> bool:
        if data not in ("true", "false"):
            self.fail("invalid")
        return bool(data == "true")

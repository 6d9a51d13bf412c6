"""What platforms report: sealed batches of generations, their subjects and their parents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.rows import Identified
from licensing.catalog.models import Platform, Subject
from licensing.consent.engine.language import MOST_GENERATIONS
from licensing.consent.models import ConsentCheck
from licensing.usage.lines import HEAVIEST, LONGEST, MOST_PARENTS


class Medium(models.TextChoices):
    """What a generation is."""

    IMAGE = "image", "Image"
    VIDEO = "video", "Video"
    VOICE = "voice", "Voice"
    TEXT = "text", "Text"
    THREE_D = "3d", "3D"


class Unlicensed(models.TextChoices):
    """Why a generation that happened is not covered by the receipt it cites."""

    NO_RECEIPT = "no_receipt", "It cites no receipt"
    UNKNOWN_RECEIPT = "unknown_receipt", "The receipt is not one of ours"
    OTHER_PLATFORM = "other_platform", "The receipt was given to another platform"
    DENIED = "denied", "The check was not allowed"
    OTHER_SUBJECTS = "other_subjects", "The receipt is for other subjects"
    WRONG_ACTION = "wrong_action", "The receipt is for another action"
    OTHER_TERRITORY = "other_territory", "The receipt is for another territory"
    OTHER_PURPOSE = "other_purpose", "The receipt is for another purpose"
    OVER_DURATION = "over_duration", "It is longer than the receipt covers"
    OVER_RESOLUTION = "over_resolution", "Its resolution is higher than the receipt covers"
    NOT_YET_ISSUED = "not_yet_issued", "It happened before the receipt was issued"
    EXPIRED = "expired", "It happened after the receipt expired"
    OVER_QUOTA = "over_quota", "The receipt covers fewer generations"


class BatchOrigin(models.TextChoices):
    """How a batch came to be."""

    UPLOAD = "upload", "One upload"
    REPORTS = "reports", "Single reports"


class BatchState(models.TextChoices):
    """Open takes generations; closing takes only those already under way; sealed takes none."""

    OPEN = "open", "Open"
    CLOSING = "closing", "Closing"
    SEALED = "sealed", "Sealed"


# The legal moves; the database refuses all others.
BATCH_MOVES: Final[Mapping[str, frozenset[str]]] = {
    BatchState.OPEN: frozenset({BatchState.CLOSING, BatchState.SEALED}),
    BatchState.CLOSING: frozenset({BatchState.SEALED}),
    BatchState.SEALED: frozenset(),
}


class BatchQuerySet(models.QuerySet["Batch"]):
    """Reading words of batches."""

    def visible_to(self, actor: Actor) -> BatchQuerySet:
        """A platform sees its own; the house all of its mode; a holder none."""
        if actor.is_house:
            return self.filter(platform__organisation__mode=actor.mode)
        return self.filter(platform_id__in=_own_platform(actor))

    def sealed(self) -> BatchQuerySet:
        """Those that settlement may work on: they never change again."""
        return self.filter(state=BatchState.SEALED)


class Batch(Identified):
    """Generations reported together. Once sealed, its content is exact and never changes.

    `content_hash` is SHA-256 over the generations' content digests, in the order of their ids.
    """

    PREFIX = "bat"

    platform = models.ForeignKey(
        Platform, on_delete=models.PROTECT, related_name="batches", db_index=False
    )
    opened_at = models.DateTimeField()
    sealed_at = models.DateTimeField(null=True, blank=True)
    first_occurred_at = models.DateTimeField(null=True, blank=True)
    last_occurred_at = models.DateTimeField(null=True, blank=True)
    # Generations in it; known once it is sealed.
    count = models.IntegerField(default=0)
    # Of an upload: its lines, those reported before, and those refused in partial mode.
    lines = models.IntegerField(default=0)
    repeated = models.IntegerField(default=0)
    refused = models.IntegerField(default=0)
    origin = models.CharField(max_length=8, choices=BatchOrigin.choices)
    state = models.CharField(max_length=8, choices=BatchState.choices)
    content_hash = models.BinaryField(max_length=32, null=True, blank=True)
    # SHA-256 over all that was uploaded, by which the same upload again is known.
    upload_hash = models.BinaryField(max_length=32, null=True, blank=True)
    # The first hundred refused lines of an upload in partial mode, as they were answered.
    refusals: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["platform"],
                condition=Q(state="open", origin="reports"),
                name="batch_open_once",
            ),
            models.UniqueConstraint(
                fields=["platform", "upload_hash"],
                condition=Q(upload_hash__isnull=False),
                name="batch_uploaded_once",
            ),
            models.CheckConstraint(
                condition=Q(origin__in=BatchOrigin.values), name="batch_origin_known"
            ),
            models.CheckConstraint(
                condition=Q(state__in=BatchState.values), name="batch_state_known"
            ),
            models.CheckConstraint(
                condition=Q(state="sealed", sealed_at__isnull=False, content_hash__isnull=False)
                | (~Q(state="sealed") & Q(sealed_at=None, content_hash=None)),
                name="batch_sealed_has_hash",
            ),
            models.CheckConstraint(
                condition=Q(origin="upload", upload_hash__isnull=False)
                | Q(upload_hash=None) & ~Q(origin="upload", state="sealed"),
                name="batch_upload_has_hash",
            ),
            models.CheckConstraint(
                condition=Q(count__gte=0, lines__gte=0, repeated__gte=0, refused__gte=0),
                name="batch_counts_not_negative",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["platform", "-id"], name="batch_newest"),
            models.Index(fields=["opened_at"], condition=~Q(state="sealed"), name="batch_unsealed"),
        ]

    def __str__(self) -> str:
        return f"{self.shown_id} ({self.state})"


class GenerationQuerySet(models.QuerySet["Generation"]):
    """Reading words of generations."""

    def visible_to(self, actor: Actor) -> GenerationQuerySet:
        """A platform sees its own; a holder those with its subjects; the house all of its mode."""
        if actor.is_house:
            return self.filter(platform__organisation__mode=actor.mode)
        if actor.organisation_kind == "holder":
            mine = GenerationSubject.objects.visible_to(actor)
            return self.filter(pk__in=mine.values("generation_id"))
        return self.filter(platform_id__in=_own_platform(actor))


class Generation(Identified):
    """One output a platform reports, for ever known by the platform's own id. Never changes.

    Bulk inserted: what a foreign key would say of its platform, batch and receipt, the statements
    that insert it say by joining, and a trigger says once per statement instead of once per row.
    """

    PREFIX = "gen"

    platform = models.ForeignKey(
        Platform,
        on_delete=models.PROTECT,
        related_name="generations",
        db_constraint=False,
        db_index=False,
    )
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="generations", db_constraint=False
    )
    # The check whose receipt it cites, whether or not that licenses it.
    consent_check = models.ForeignKey(
        ConsentCheck,
        on_delete=models.PROTECT,
        related_name="cited_by",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    occurred_at = models.DateTimeField()
    seconds = models.IntegerField(null=True, blank=True)
    licensed = models.BooleanField()
    # Which of the generations its receipt covers it is, from 1. Null if it is not licensed, or by a
    # receipt that covers any number.
    unit = models.SmallIntegerField(null=True, blank=True)
    medium = models.CharField(max_length=8, choices=Medium.choices)
    # ISO 3166-1 alpha-2, or empty where the platform did not say.
    territory = models.CharField(max_length=2, blank=True)
    unlicensed_reason = models.CharField(max_length=20, choices=Unlicensed.choices, blank=True)
    purpose = models.CharField(max_length=20, blank=True)
    resolution = models.CharField(max_length=11, blank=True)
    # SHA-256 over the canonical line: what "the same content" means.
    content_digest = models.BinaryField(max_length=32)
    external_id = models.CharField(max_length=128, db_collation="C")
    model = models.CharField(max_length=100, blank=True)
    metadata: models.JSONField[Any, Any] = models.JSONField(default=dict, blank=True)

    objects = GenerationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            # The id comes first, so that looking one up can go no other way than by this index.
            models.UniqueConstraint(
                fields=["external_id", "platform"], name="generation_external_id_once"
            ),
            models.CheckConstraint(
                condition=Q(medium__in=Medium.values), name="generation_medium_known"
            ),
            models.CheckConstraint(
                condition=Q(seconds=None) | Q(seconds__gte=1, seconds__lte=LONGEST),
                name="generation_seconds_bounded",
            ),
            models.CheckConstraint(
                condition=Q(licensed=True, unlicensed_reason="", consent_check__isnull=False)
                | Q(licensed=False) & ~Q(unlicensed_reason=""),
                name="generation_licensed_or_why_not",
            ),
            # What gives a receipt's last unit to one generation alone, however many are reported
            # at that moment; and finds how many it has covered.
            models.UniqueConstraint(
                fields=["consent_check", "unit"],
                condition=Q(unit__isnull=False),
                name="generation_unit_once",
            ),
            models.CheckConstraint(
                condition=Q(unit=None) | Q(licensed=True, unit__gte=1, unit__lte=MOST_GENERATIONS),
                name="generation_unit_if_licensed",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["platform", "id"], name="generation_newest"),
        ]

    def __str__(self) -> str:
        return self.external_id


class GenerationSubjectQuerySet(models.QuerySet["GenerationSubject"]):
    """Reading words of appearances."""

    def visible_to(self, actor: Actor) -> GenerationSubjectQuerySet:
        """Appearances of the subjects the actor sees."""
        return self.filter(subject_id__in=Subject.objects.visible_to(actor).values("pk"))


class GenerationSubject(models.Model):
    """A subject that appears in a generation, and its weight among those that do."""

    pk = models.CompositePrimaryKey("generation_id", "subject_id")
    generation = models.ForeignKey(
        Generation,
        on_delete=models.PROTECT,
        related_name="appearances",
        db_constraint=False,
        db_index=False,
    )
    subject = models.ForeignKey(
        Subject,
        on_delete=models.PROTECT,
        related_name="appearances",
        db_constraint=False,
        db_index=False,
    )
    weight = models.IntegerField()

    objects = GenerationSubjectQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(weight__gte=1, weight__lte=HEAVIEST), name="appearance_weight_bounded"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject", "generation"], name="appearance_by_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} x {self.weight}"


class GenerationParent(models.Model):
    """An earlier generation that a generation remixes; pending until it has been reported."""

    pk = models.CompositePrimaryKey("generation_id", "parent_external_id")
    generation = models.ForeignKey(
        Generation,
        on_delete=models.PROTECT,
        related_name="parents",
        db_constraint=False,
        db_index=False,
    )
    platform = models.ForeignKey(
        Platform,
        on_delete=models.PROTECT,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    # Set once, when the parent is known.
    parent = models.ForeignKey(
        Generation,
        on_delete=models.PROTECT,
        related_name="remixes",
        null=True,
        blank=True,
        db_constraint=False,
        db_index=False,
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    position = models.SmallIntegerField()
    parent_external_id = models.CharField(max_length=128, db_collation="C")

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(position__gte=0, position__lt=MOST_PARENTS), name="parent_position"
            ),
            models.CheckConstraint(
                condition=Q(parent=None) | ~Q(parent=F("generation")), name="parent_not_itself"
            ),
            models.CheckConstraint(
                condition=Q(parent=None, resolved_at=None)
                | Q(parent__isnull=False, resolved_at__isnull=False),
                name="parent_resolved_when",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["parent"], condition=Q(parent__isnull=False), name="parent_of"),
            models.Index(
                fields=["platform", "parent_external_id"],
                condition=Q(parent=None),
                name="parent_pending",
            ),
        ]

    def __str__(self) -> str:
        return self.parent_external_id


def _own_platform(actor: Actor) -> models.QuerySet[Platform, Any]:
    return Platform.objects.filter(
        organisation_id=actor.tenant, organisation__mode=actor.mode
    ).values("pk")

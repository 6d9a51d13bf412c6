"""Rights holders, platforms, nested properties, subjects, and who owns which share from when."""

from __future__ import annotations

from fractions import Fraction
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Func, Q
from django.db.models.lookups import Exact, LessThanOrEqual

from ledger.actor import Actor
from ledger.rows import Identified
from licensing.access.models import Organisation, holder_party, platform_party


class SubjectKind(models.TextChoices):
    """What can appear in a generation and be owned."""

    CHARACTER = "character", "Character"
    LIKENESS = "likeness", "Likeness of a person"
    VOICE = "voice", "Voice"
    MARK = "mark", "Mark"
    PET = "pet", "Pet"
    OBJECT = "object", "Object"


class RightsHolderQuerySet(models.QuerySet["RightsHolder"]):
    """Reading words of rights holders."""

    def visible_to(self, actor: Actor) -> RightsHolderQuerySet:
        """A holder sees its own; the house all of its mode; a platform none."""
        rows = self.filter(organisation__mode=actor.mode)
        return rows if actor.is_house else rows.filter(organisation_id=actor.tenant)


class RightsHolder(Identified):
    """Someone who owns rights and is paid for them. An organisation may act for several."""

    PREFIX = "hld"

    organisation = models.ForeignKey(Organisation, on_delete=models.PROTECT, related_name="holders")
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    objects = RightsHolderQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["organisation", "name"], name="holder_name_once"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def party_ref(self) -> str:
        """Its reference in the ledger."""
        return holder_party(self.pk)


class PlatformQuerySet(models.QuerySet["Platform"]):
    """Reading words of platforms."""

    def visible_to(self, actor: Actor) -> PlatformQuerySet:
        """A platform sees itself; holders and the house see all of their mode, to name them in rules."""
        rows = self.filter(organisation__mode=actor.mode)
        if actor.organisation_kind == "platform":
            return rows.filter(organisation_id=actor.tenant)
        return rows


class Platform(Identified):
    """A generator of clips and images that asks before it generates and reports after."""

    PREFIX = "plt"

    organisation = models.OneToOneField(
        Organisation, on_delete=models.PROTECT, related_name="platform"
    )
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    objects = PlatformQuerySet.as_manager()

    def __str__(self) -> str:
        return self.name

    @property
    def party_ref(self) -> str:
        """Its reference in the ledger."""
        return platform_party(self.pk)


class PropertyQuerySet(models.QuerySet["Property"]):
    """Reading words of properties."""

    def visible_to(self, actor: Actor) -> PropertyQuerySet:
        """Those of the holders the actor sees."""
        return self.filter(holder__in=RightsHolder.objects.visible_to(actor))


class Property(Identified):
    """A franchise or a part of one; properties nest, at most 8 deep.

    A foreign key on (parent, depth - 1, holder) makes every property lie one level below a parent
    of the same holder. Depth grows along a chain, so a cycle cannot be written at all.
    """

    PREFIX = "prp"
    DEPTH = 8

    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="properties")
    parent = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="children"
    )
    # 1 at the top; set when the row is first saved.
    depth = models.SmallIntegerField(default=1, editable=False)
    parent_depth = models.GeneratedField(
        expression=F("depth") - 1, output_field=models.SmallIntegerField(), db_persist=True
    )
    name = models.CharField(max_length=200)
    created_at = models.DateTimeField()

    objects = PropertyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "properties"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(parent=None) | ~Q(parent=F("id")), name="property_not_its_own_parent"
            ),
            models.UniqueConstraint(
                fields=["holder", "parent", "name"],
                nulls_distinct=False,
                name="property_name_once",
            ),
            models.UniqueConstraint(
                fields=["id", "depth", "holder"], name="property_depth_and_holder_of_id"
            ),
            models.UniqueConstraint(fields=["id", "holder"], name="property_holder_of_id"),
            models.CheckConstraint(
                condition=Q(depth=1, parent=None) | Q(depth__range=(2, 8), parent__isnull=False),
                name="property_depth_bounded",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **options: Any) -> None:
        """Saves it one level below its parent."""
        if self._state.adding:
            self.depth = self.parent.depth + 1 if self.parent is not None else 1
        super().save(*args, **options)


class SubjectQuerySet(models.QuerySet["Subject"]):
    """Reading words of subjects."""

    def visible_to(self, actor: Actor) -> SubjectQuerySet:
        """A holder sees what it registered or owns a share of; a platform sees every subject of its
        mode, for it has to name them; the house sees all of its mode."""
        rows = self.filter(holder__organisation__mode=actor.mode)
        if actor.organisation_kind == "holder":
            owned = OwnershipShare.objects.filter(holder__organisation_id=actor.tenant).values(
                "step__subject"
            )
            return rows.filter(Q(holder__organisation_id=actor.tenant) | Q(pk__in=owned))
        return rows


class Subject(Identified):
    """A character, likeness, voice, mark, pet or object that someone's consent is asked for."""

    PREFIX = "chr"

    # The holder who registered it; who earns from it is said by its ownership.
    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="subjects")
    property = models.ForeignKey(
        Property, null=True, blank=True, on_delete=models.PROTECT, related_name="subjects"
    )
    # The one owner who consents for all of them; empty: every owner's consent is needed.
    consenting_holder = models.ForeignKey(
        RightsHolder, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    kind = models.CharField(max_length=16, choices=SubjectKind.choices)
    name = models.CharField(max_length=200)
    # The name's confusable skeleton (UTS 39), by which look-alikes are refused.
    skeleton = models.CharField(max_length=400)
    created_at = models.DateTimeField()

    objects = SubjectQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(kind__in=SubjectKind.values), name="subject_kind_known"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["skeleton"], name="subject_by_skeleton"),
        ]

    def __str__(self) -> str:
        return self.name


class OwnershipStepQuerySet(models.QuerySet["OwnershipStep"]):
    """Reading words of ownership."""

    def visible_to(self, actor: Actor) -> OwnershipStepQuerySet:
        """Those of the subjects the actor sees, but never to a platform."""
        if actor.organisation_kind == "platform":
            return self.none()
        return self.filter(subject__in=Subject.objects.visible_to(actor))


class OwnershipStep(Identified):
    """Who owns a subject from a day on, in one territory; empty territory means everywhere else.

    The shares are whole parts of `parts`, so that thirds are exact; the database refuses a step
    whose shares do not add up to all of them.
    """

    PREFIX = "own"

    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="ownership_steps")
    territory = models.CharField(max_length=2, blank=True)
    effective_on = models.DateField()
    parts = models.BigIntegerField()
    recorded_at = models.DateTimeField()

    objects = OwnershipStepQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["subject", "territory", "effective_on"], name="ownership_step_once"
            ),
            models.CheckConstraint(
                condition=Q(parts__gt=0) & Q(parts__lte=10**12), name="ownership_parts_bounded"
            ),
            models.CheckConstraint(
                condition=Q(territory="") | Q(territory__regex=r"^[A-Z]{2}$"),
                name="ownership_territory_form",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject} in {self.territory or 'every territory'} from {self.effective_on}"


class OwnershipShare(models.Model):
    """One owner's whole number of parts in an ownership step."""

    step = models.ForeignKey(OwnershipStep, on_delete=models.PROTECT, related_name="shares")
    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="shares")
    parts = models.BigIntegerField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["step", "holder"], name="ownership_owner_once"),
            models.CheckConstraint(condition=Q(parts__gt=0), name="ownership_share_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.holder}: {self.fraction}"

    @property
    def fraction(self) -> Fraction:
        """The share of the whole."""
        return Fraction(self.parts, self.step.parts)


class PictureQuerySet(models.QuerySet["Picture"]):
    """Reading words of pictures."""

    def visible_to(self, actor: Actor) -> PictureQuerySet:
        """Those of the subjects and properties the actor sees."""
        return self.filter(
            Q(subject__in=Subject.objects.visible_to(actor))
            | Q(property__in=Property.objects.visible_to(actor))
        )


class Picture(Identified):
    """What a subject or a property looks like: one small picture, made anew from what was sent."""

    PREFIX = "pic"
    LARGEST = 200 * 1024
    LONGEST_SIDE = 512

    subject = models.OneToOneField(
        Subject, null=True, blank=True, on_delete=models.PROTECT, related_name="picture"
    )
    property = models.OneToOneField(
        Property, null=True, blank=True, on_delete=models.PROTECT, related_name="picture"
    )
    # A WebP, and the SHA-256 of it.
    data = models.BinaryField(max_length=LARGEST)
    digest = models.BinaryField(max_length=32)
    width = models.SmallIntegerField()
    height = models.SmallIntegerField()
    sent_by = models.CharField(max_length=200)
    sent_at = models.DateTimeField()

    objects = PictureQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(subject=None, property__isnull=False)
                | Q(subject__isnull=False, property=None),
                name="picture_of_one",
            ),
            models.CheckConstraint(
                condition=Q(width__range=(1, 512), height__range=(1, 512)), name="picture_bounded"
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(
                    Func("data", function="octet_length", output_field=models.IntegerField()),
                    200 * 1024,
                ),
                name="picture_small",
            ),
            models.CheckConstraint(
                condition=Exact(
                    F("digest"),
                    Func("data", function="sha256", output_field=models.BinaryField()),
                ),
                name="picture_digest_fits",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject or self.property}"

    def etag(self) -> str:
        """By which a browser knows that it has this very picture."""
        return bytes(self.digest).hex()

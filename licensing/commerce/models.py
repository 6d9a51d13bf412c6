"""Agreements between a rights holder and a platform, and their terms, which never change."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.actor import Actor
from ledger.money import thousands
from ledger.rows import Identified
from licensing.catalog.models import Platform, Property, RightsHolder, Subject


class Medium(models.TextChoices):
    """What a generation is; the same words as in its report."""

    IMAGE = "image", "Image"
    VIDEO = "video", "Video"
    VOICE = "voice", "Voice"
    TEXT = "text", "Text"
    THREE_D = "3d", "3D"


class PriceUnit(models.TextChoices):
    """What a price is for."""

    GENERATION = "generation", "Each generation"
    SECOND = "second", "Each second"


class AgreementQuerySet(models.QuerySet["Agreement"]):
    """Reading words of agreements."""

    def visible_to(self, actor: Actor) -> AgreementQuerySet:
        """The two sides of an agreement see it, and the house sees all of its mode."""
        rows = self.filter(platform__organisation__mode=actor.mode)
        if actor.is_house:
            return rows
        return rows.filter(
            Q(platform__organisation_id=actor.tenant) | Q(holder__organisation_id=actor.tenant)
        )


class Agreement(Identified):
    """What a holder and a platform agreed over everything the holder registered, one property
    with all beneath it, or one subject. The most specific agreement governs a subject."""

    PREFIX = "agr"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="agreements")
    holder = models.ForeignKey(RightsHolder, on_delete=models.PROTECT, related_name="agreements")
    property = models.ForeignKey(
        Property, null=True, blank=True, on_delete=models.PROTECT, related_name="agreements"
    )
    subject = models.ForeignKey(
        Subject, null=True, blank=True, on_delete=models.PROTECT, related_name="agreements"
    )
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()

    objects = AgreementQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(property=None) | Q(subject=None), name="agreement_one_scope"
            ),
            models.CheckConstraint(
                condition=Q(currency__regex=r"^[A-Z]{3}$"), name="agreement_currency_form"
            ),
            models.UniqueConstraint(
                fields=["platform", "holder", "property", "subject"],
                nulls_distinct=False,
                name="agreement_scope_once",
            ),
        ]

    def __str__(self) -> str:
        scope = self.subject or self.property or "everything"
        return f"{self.holder} with {self.platform} over {scope}"


class TermsVersionQuerySet(models.QuerySet["TermsVersion"]):
    """Reading words of terms."""

    def visible_to(self, actor: Actor) -> TermsVersionQuerySet:
        """Those of the agreements the actor sees."""
        return self.filter(agreement__in=Agreement.objects.visible_to(actor))


class TermsVersion(Identified):
    """The clauses of an agreement from a day on. A version never changes; a later one follows it.

    `fee_percent` is kept by the house before the owners; `remix_percent` of what a remix earns goes
    to the subjects of its parent.
    """

    PREFIX = "trm"

    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    effective_on = models.DateField()
    fee_percent = models.DecimalField(max_digits=9, decimal_places=6)
    remix_percent = models.DecimalField(max_digits=9, decimal_places=6)
    # How many prices belong to it, so that the database can tell when it is whole.
    price_count = models.PositiveSmallIntegerField()
    recorded_at = models.DateTimeField()

    objects = TermsVersionQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["agreement", "number"], name="terms_number_once"),
            models.UniqueConstraint(fields=["agreement", "effective_on"], name="terms_day_once"),
            models.CheckConstraint(
                condition=Q(fee_percent__gte=0) & Q(fee_percent__lte=100),
                name="terms_fee_bounded",
            ),
            models.CheckConstraint(
                condition=Q(remix_percent__gte=0) & Q(remix_percent__lte=100),
                name="terms_remix_bounded",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agreement}, terms {self.number} from {self.effective_on}"


class TermsPrice(models.Model):
    """What one generation, or one second of it, costs the platform under a version of the terms."""

    terms = models.ForeignKey(TermsVersion, on_delete=models.PROTECT, related_name="prices")
    medium = models.CharField(max_length=8, choices=Medium.choices)
    unit = models.CharField(max_length=12, choices=PriceUnit.choices)
    licensed = models.BooleanField(default=True)
    amount = models.DecimalField(max_digits=24, decimal_places=12)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["terms", "medium", "unit", "licensed"], name="terms_price_once"
            ),
            # The upper bound keeps NaN out as well.
            models.CheckConstraint(
                condition=Q(amount__gte=0) & Q(amount__lte=1_000_000), name="terms_price_bounded"
            ),
            models.CheckConstraint(
                condition=Q(medium__in=Medium.values), name="terms_price_medium_known"
            ),
            models.CheckConstraint(
                condition=Q(unit__in=PriceUnit.values), name="terms_price_unit_known"
            ),
        ]

    def __str__(self) -> str:
        kind = "" if self.licensed else "unlicensed "
        return f"{thousands(f'{self.amount.normalize():f}')} per {kind}{self.medium} {self.unit}"

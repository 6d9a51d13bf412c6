"""What a part rated by: the terms and the ownership that it found, written down for good."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from licensing.catalog.models import OwnershipStep, Subject
from licensing.commerce.models import TermsVersion
from licensing.settlement.models.runs import Run, RunPart

_SETTLED = (Q(priced=True) | Q(divided=True)) & Q(terms__isnull=False)


class Ground(models.Model):
    """By which terms and which ownership a part rated a subject's usage of a day and territory.

    Terms that have priced something, or have told what the subject takes of a remix, stay; so does
    the ownership that what is priced was shared out by. Whatever else has no answer yet, and is
    asked again by later runs.

    Written by the thousand from rows that are never removed: foreign keys to them would say
    nothing more.
    """

    pk = models.CompositePrimaryKey("part_id", "subject_id", "day", "territory")
    part = models.ForeignKey(
        RunPart,
        on_delete=models.PROTECT,
        related_name="grounds",
        db_index=False,
        db_constraint=False,
    )
    subject = models.ForeignKey(
        Subject, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )
    day = models.DateField()
    territory = models.CharField(max_length=2, blank=True)
    terms = models.ForeignKey(
        TermsVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    step = models.ForeignKey(
        OwnershipStep,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        db_constraint=False,
    )
    # The terms had a price for some of it.
    priced = models.BooleanField()
    # The subject appears in a parent: the terms, or there being none, said what it takes.
    divided = models.BooleanField()
    # The run that restates what was rated by it.
    asked_again_by = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(priced=False) | Q(terms__isnull=False), name="ground_priced_by_terms"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject", "day"], condition=_SETTLED, name="ground_settled"),
            models.Index(
                fields=["part"],
                condition=Q(asked_again_by=None)
                & (Q(terms=None) | Q(priced=False, divided=False) | Q(priced=True, step=None)),
                name="ground_open",
            ),
            models.Index(
                fields=["asked_again_by"],
                condition=Q(asked_again_by__isnull=False),
                name="ground_asked_again",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} on {self.day}"

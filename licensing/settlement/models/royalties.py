"""Royalty lines, the totals they are rounded to, and the shares and earnings made of those."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from ledger.actor import Actor
from ledger.money import Money
from ledger.rows import Identified
from licensing.catalog.models import OwnershipStep, Platform, RightsHolder, Subject
from licensing.commerce.models import Medium, TermsVersion
from licensing.settlement.models.runs import Run, RunPart
from licensing.settlement.states import Basis, LineCode, PayeeKind, RunState


class RoyaltyLineQuerySet(models.QuerySet["RoyaltyLine"]):
    """Reading words of royalty lines."""

    def visible_to(self, actor: Actor) -> RoyaltyLineQuerySet:
        """The house sees all of its mode; a holder the lines it has a share of, once posted."""
        rows = self.filter(run__mode=actor.mode)
        if actor.is_house:
            return rows
        return rows.filter(
            run__state=RunState.POSTED,
            code=LineCode.OK,
            step__in=OwnershipStep.objects.filter(
                shares__holder__organisation_id=actor.tenant
            ).values("pk"),
        )


class RoyaltyLine(Identified):
    """Usage x terms x ownership, exact: what one subject earned on one day under one clause.

    `generations` counts those it has a part of and `seconds` their length; the entitled figures
    are its part of them, exact to 10^-8. `gross` is exact: nothing is rounded before the total.
    """

    PREFIX = "rln"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="lines", db_index=False)
    part = models.ForeignKey(
        RunPart, on_delete=models.PROTECT, related_name="lines", db_index=False
    )
    terms = models.ForeignKey(
        TermsVersion,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="royalty_lines",
        db_index=False,
    )
    subject = models.ForeignKey(
        Subject, on_delete=models.PROTECT, related_name="royalty_lines", db_index=False
    )
    # Of an inherited line: the leading subject of the remix that earned it.
    origin = models.ForeignKey(
        Subject, null=True, blank=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    step = models.ForeignKey(
        OwnershipStep,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="royalty_lines",
        db_index=False,
    )
    basis = models.CharField(max_length=10, choices=Basis.choices)
    code = models.CharField(max_length=16, choices=LineCode.choices)
    service_day = models.DateField()
    territory = models.CharField(max_length=2, blank=True)
    medium = models.CharField(max_length=8, choices=Medium.choices)
    licensed = models.BooleanField()
    generations = models.BigIntegerField()
    seconds = models.BigIntegerField()
    entitled_generations = models.DecimalField(max_digits=28, decimal_places=8)
    entitled_seconds = models.DecimalField(max_digits=36, decimal_places=8)
    rate_generation = models.DecimalField(max_digits=24, decimal_places=12, null=True, blank=True)
    rate_second = models.DecimalField(max_digits=24, decimal_places=12, null=True, blank=True)
    gross = models.DecimalField(max_digits=44, decimal_places=20)

    objects = RoyaltyLineQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(code__in=LineCode.values), name="line_code_known"),
            models.CheckConstraint(condition=Q(basis__in=Basis.values), name="line_basis_known"),
            models.CheckConstraint(
                condition=Q(code__in=["ok", "unowned"], terms__isnull=False)
                | Q(code="unpriced", terms__isnull=False, gross=0)
                | Q(code="no_agreement", terms=None, gross=0),
                name="line_priced_by_terms",
            ),
            models.CheckConstraint(
                condition=~Q(code="ok") | Q(step__isnull=False), name="line_ok_is_owned"
            ),
            models.CheckConstraint(
                condition=Q(basis="direct", origin=None) | Q(basis="inherited"),
                name="line_origin_if_inherited",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["run", "id"], name="line_of_run"),
            models.Index(fields=["subject", "id"], name="line_of_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.shown_id}: {self.subject_id} on {self.service_day}"


class RunTotal(Identified):
    """A run's gross per terms, subject, ownership step and month of service, and what it changes.

    Rounded once: `amount` is the rounded sum of everything settled so far, less the rounded sum
    before this run. So it does not matter in how many runs the same facts were settled.
    """

    PREFIX = "rtl"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="totals")
    terms = models.ForeignKey(
        TermsVersion, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    subject = models.ForeignKey(Subject, on_delete=models.PROTECT, related_name="+", db_index=False)
    step = models.ForeignKey(
        OwnershipStep,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
    )
    service_month = models.DateField()
    gross = models.DecimalField(max_digits=44, decimal_places=20)
    gross_before = models.DecimalField(max_digits=44, decimal_places=20)
    amount = models.DecimalField(max_digits=24, decimal_places=8)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["run", "terms", "subject", "step", "service_month"],
                nulls_distinct=False,
                name="total_once",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["subject", "service_month", "terms", "step"], name="total_of_key"),
        ]

    def __str__(self) -> str:
        return f"{self.subject_id} {self.service_month:%Y-%m} {self.amount}"


class RunShareQuerySet(models.QuerySet["RunShare"]):
    """Reading words of shares."""

    def visible_to(self, actor: Actor) -> RunShareQuerySet:
        """The house sees all of its mode; a holder its own, once they are posted."""
        rows = self.filter(run__mode=actor.mode)
        if actor.is_house:
            return rows
        return rows.filter(run__state=RunState.POSTED, holder__organisation_id=actor.tenant)


class RunShare(Identified):
    """What one payee gets of one total. Below zero where a restatement takes back."""

    PREFIX = "rsh"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="shares", db_index=False)
    total = models.ForeignKey(RunTotal, on_delete=models.PROTECT, related_name="shares")
    payee = models.CharField(max_length=10, choices=PayeeKind.choices)
    holder = models.ForeignKey(
        RightsHolder, null=True, blank=True, on_delete=models.PROTECT, related_name="run_shares"
    )
    amount = models.DecimalField(max_digits=24, decimal_places=8)
    # The number of the part that posts it.
    post_number = models.PositiveIntegerField()

    objects = RunShareQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(payee="holder", holder__isnull=False)
                | Q(payee__in=["fee", "suspense"], holder=None),
                name="share_payee_known",
            ),
            models.UniqueConstraint(
                fields=["total", "payee", "holder"], nulls_distinct=False, name="share_once"
            ),
            models.CheckConstraint(
                condition=Q(amount__gte=-(10**15)) & Q(amount__lte=10**15) & ~Q(amount=0),
                name="share_bounded",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["run", "post_number"], name="share_by_part"),
        ]

    def __str__(self) -> str:
        return f"{self.payee} {self.amount}"


class EarningQuerySet(models.QuerySet["Earning"]):
    """Reading words of earnings."""

    def visible_to(self, actor: Actor) -> EarningQuerySet:
        """A holder sees its own; the house all of its mode; a platform none."""
        rows = self.filter(mode=actor.mode)
        if actor.is_house:
            return rows
        return rows.filter(holder__organisation_id=actor.tenant)


class Earning(models.Model):
    """A holder's posted shares by subject, platform, month of service and currency: a view."""

    # Sorts by month first, and is unique: what the pages of a list go by.
    id = models.TextField(primary_key=True)
    mode = models.CharField(max_length=4)
    holder = models.ForeignKey(RightsHolder, on_delete=models.DO_NOTHING, related_name="+")
    subject = models.ForeignKey(Subject, on_delete=models.DO_NOTHING, related_name="+")
    platform = models.ForeignKey(Platform, on_delete=models.DO_NOTHING, related_name="+")
    month = models.DateField()
    currency = models.CharField(max_length=3)
    amount = models.DecimalField(max_digits=24, decimal_places=8)

    objects = EarningQuerySet.as_manager()

    class Meta:
        managed = False
        db_table = "settlement_earning"

    def __str__(self) -> str:
        return f"{self.holder_id} {self.month:%Y-%m} {self.amount} {self.currency}"

    @property
    def money(self) -> Money:
        """The amount with its currency."""
        return Money(amount=self.amount, currency=self.currency)

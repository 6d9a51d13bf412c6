"""Runs, their parts and inputs, royalty lines, and the totals and shares made of them.

What Django has no word for stands in the migration `0002_guards`: the legal moves, what is frozen
once it is approved, the append-only tables, and the view behind `Earning`.
"""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.money import Money
from licensing.access.models import Identified, ModeChoice
from licensing.catalog.models import OwnershipStep, Platform, RightsHolder, Subject
from licensing.commerce.models import Medium, TermsVersion
from licensing.settlement.states import (
    ENDED,
    Basis,
    LineCode,
    PartKind,
    PartState,
    PayeeKind,
    RunKind,
    RunState,
)
from licensing.usage.models import Batch, Generation

_APPROVED = (RunState.APPROVED, RunState.POSTING, RunState.POSTED, RunState.REVERSED)


class RunQuerySet(models.QuerySet["Run"]):
    """Reading words of runs."""

    def visible_to(self, actor: Actor) -> RunQuerySet:
        """All of its mode for the house; none for anyone else, who sees only its own shares."""
        return self.filter(mode=actor.mode) if actor.is_house else self.none()

    def open(self) -> RunQuerySet:
        """Those that have not ended."""
        return self.exclude(state__in=ENDED)


class Run(Identified):
    """The settlement of one platform's usage in one currency, up to the end of a month.

    `version` counts its moves: every move is a compare-and-set on state and version.
    """

    PREFIX = "run"

    platform = models.ForeignKey(Platform, on_delete=models.PROTECT, related_name="runs")
    mode = models.CharField(max_length=4, choices=ModeChoice.choices)
    currency = models.CharField(max_length=3)
    # The first day of the month.
    period = models.DateField()
    kind = models.CharField(max_length=12, choices=RunKind.choices, default=RunKind.USAGE)
    revision = models.PositiveIntegerField()
    state = models.CharField(
        max_length=12, choices=RunState.choices, default=RunState.DRAFT, db_index=True
    )
    version = models.IntegerField(default=1)
    state_since = models.DateTimeField()
    # Where it goes on from when it is no longer parked.
    parked_from = models.CharField(max_length=12, blank=True)
    # How often its next move has failed, why, and when it is tried again.
    attempt = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=500, blank=True)
    not_before = models.DateTimeField()
    started_by = models.UUIDField(null=True, blank=True)
    started_by_label = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    # Generations collected; known from `rating` on.
    generations = models.BigIntegerField(default=0)
    # What the run moves, by payee; known from `in_review` on. Rounded to the ledger's 8 places.
    fee = models.DecimalField(max_digits=24, decimal_places=8, default=0)
    holders = models.DecimalField(max_digits=24, decimal_places=8, default=0)
    suspense = models.DecimalField(max_digits=24, decimal_places=8, default=0)
    content_hash = models.BinaryField(max_length=32, null=True, blank=True)
    approved_by = models.UUIDField(null=True, blank=True)
    approved_by_label = models.CharField(max_length=200, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    # The day its entries belong to, fixed when it is approved.
    effective_on = models.DateField(null=True, blank=True)
    posted_at = models.DateTimeField(null=True, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(condition=Q(state__in=RunState.values), name="run_state_known"),
            models.CheckConstraint(condition=Q(kind__in=RunKind.values), name="run_kind_known"),
            models.CheckConstraint(condition=Q(mode__in=ModeChoice.values), name="run_mode_known"),
            models.CheckConstraint(condition=Q(period__day=1), name="run_period_is_a_month"),
            models.UniqueConstraint(
                fields=["mode", "platform", "currency", "period", "kind", "revision"],
                name="run_revision_once",
            ),
            models.UniqueConstraint(
                fields=["platform", "currency", "kind"],
                condition=~Q(state__in=ENDED),
                name="run_one_open",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("started_by")),
                name="run_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=_APPROVED)
                | Q(
                    approved_by__isnull=False,
                    approved_at__isnull=False,
                    content_hash__isnull=False,
                    effective_on__isnull=False,
                ),
                name="run_approved_by_somebody",
            ),
            models.CheckConstraint(
                condition=~Q(state="in_review") | Q(content_hash__isnull=False),
                name="run_in_review_has_content",
            ),
            models.CheckConstraint(
                condition=Q(
                    state="parked",
                    parked_from__in=["collecting", "rating", "rated", "approved", "posting"],
                )
                | ~Q(state="parked") & Q(parked_from=""),
                name="run_parked_from_somewhere",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["posted", "reversed"]) | Q(posted_at__isnull=False),
                name="run_posted_when",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.platform} {self.currency} {self.period:%Y-%m} ({self.revision})"

    @property
    def total(self) -> Money:
        """Everything it moves: fee, holders and suspense."""
        return Money(amount=self.fee + self.holders + self.suspense, currency=self.currency)

    @property
    def content_hash_hex(self) -> str:
        """The hash an approval is bound to, in hexadecimal; empty before there is one."""
        return bytes(self.content_hash).hex() if self.content_hash else ""


class RunPart(Identified):
    """A piece of a run's work, done by one worker in one transaction.

    The row is the work; a message only says that there may be some. `attempt` fences: the effect
    is written only by whoever holds the latest attempt.
    """

    PREFIX = "prt"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="parts")
    kind = models.CharField(max_length=8, choices=PartKind.choices)
    number = models.PositiveIntegerField()
    state = models.CharField(max_length=12, choices=PartState.choices, default=PartState.WAITING)
    attempt = models.PositiveSmallIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    not_before = models.DateTimeField()
    error = models.CharField(max_length=500, blank=True)
    # Of a rate part: the batches, and the range of generations where one batch is split.
    batches = ArrayField(models.UUIDField(), default=list, blank=True)
    first_generation = models.UUIDField(null=True, blank=True)
    last_generation = models.UUIDField(null=True, blank=True)
    # Generations to rate, or shares to post.
    rows = models.IntegerField(default=0)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["run", "kind", "number"], name="part_number_once"),
            models.CheckConstraint(
                condition=Q(state__in=PartState.values), name="part_state_known"
            ),
            models.CheckConstraint(condition=Q(kind__in=PartKind.values), name="part_kind_known"),
            models.CheckConstraint(
                condition=Q(state="leased", lease_until__isnull=False)
                | ~Q(state="leased") & Q(lease_until=None),
                name="part_leased_until",
            ),
            models.CheckConstraint(
                condition=~Q(state="done") | Q(finished_at__isnull=False), name="part_done_when"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["run", "number"],
                condition=Q(state__in=["waiting", "leased"]),
                name="part_unfinished",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} of {self.run_id}"


class SettlementInput(models.Model):
    """A batch settled by a run. Its key makes settling one twice in a currency impossible.

    A platform may have agreements in several currencies: each currency's runs take every batch
    once, and settle of it what their currency's agreements govern.
    """

    pk = models.CompositePrimaryKey("batch_id", "currency")
    batch = models.ForeignKey(
        Batch, on_delete=models.PROTECT, related_name="settlement_inputs", db_index=False
    )
    currency = models.CharField(max_length=3)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="inputs")

    class Meta:
        db_table = "settlement_input"

    def __str__(self) -> str:
        return f"{self.batch_id} {self.currency}"


class UnknownParent(models.Model):
    """A parent that was not yet known when its remix was rated.

    Once it is known, a later run restates the remix: the difference between what it earns with
    the parent and what it earned without.
    """

    pk = models.CompositePrimaryKey("generation_id", "position", "currency")
    generation = models.ForeignKey(
        Generation, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    position = models.SmallIntegerField()
    currency = models.CharField(max_length=3)
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="+")
    restated_by = models.ForeignKey(
        RunPart, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["currency", "generation"],
                condition=Q(restated_by=None),
                name="unknown_parent_open",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.generation_id} {self.position}"


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

"""Runs, their parts, the batches they settle, and what they did not know yet."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.money import Money
from ledger.rows import Identified
from licensing.access.models import ModeChoice
from licensing.catalog.models import Platform
from licensing.settlement.states import ENDED, PartKind, PartState, RunKind, RunState
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
    reversed_by = models.UUIDField(null=True, blank=True)
    reversed_by_label = models.CharField(max_length=200, blank=True)
    reversed_at = models.DateTimeField(null=True, blank=True)
    reversal_reason = models.CharField(max_length=500, blank=True)

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
            models.CheckConstraint(
                condition=~Q(state="reversed") & Q(reversed_by=None, reversed_at=None)
                | Q(state="reversed", reversed_by__isnull=False, reversed_at__isnull=False)
                & ~Q(reversal_reason="")
                & (Q(started_by=None) | ~Q(reversed_by=F("started_by"))),
                name="run_reversed_by_another",
            ),
            models.CheckConstraint(
                condition=Q(reversed_by=None) | ~Q(reversed_by=F("approved_by")),
                name="run_reversed_by_a_third",
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


class Restatement(models.Model):
    """A generation that a part rates again, and the part that rated it last before that.

    The later part says the difference to the earlier one, whose grounds are written down. Written
    by the thousand from rows that are never removed: foreign keys to them would say nothing more.
    """

    pk = models.CompositePrimaryKey("generation_id", "currency", "part_id")
    generation = models.ForeignKey(
        Generation, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )
    currency = models.CharField(max_length=3)
    part = models.ForeignKey(
        RunPart, on_delete=models.PROTECT, related_name="restatements", db_constraint=False
    )
    before = models.ForeignKey(
        RunPart, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False
    )

    def __str__(self) -> str:
        return f"{self.generation_id} in {self.part_id}"

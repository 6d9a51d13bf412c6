"""Statements of account with their lines and balances. Issued once; none of it ever changes.

The migration `0002_guards` keeps them append-only, complete, and equal to the journal.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.journal.chart import Role
from ledger.journal.models import Book
from ledger.journal.periods import month_after
from ledger.money import Money
from ledger.rows import Identified


class StatementQuerySet(models.QuerySet["Statement"]):
    """Reading words of statements."""

    def visible_to(self, actor: Actor) -> StatementQuerySet:
        """All of its mode for the house; those of its own parties for anyone else."""
        rows = self.filter(book__mode=actor.mode)
        return rows if actor.is_house else rows.filter(party__in=actor.parties)

    def standing(self) -> StatementQuerySet:
        """The newest revision of each, which is what holds; those it restates stand behind it."""
        return self.filter(restated_by=None)


class Statement(Identified):
    """What was owed to a party at the beginning and end of a month in a currency, and why."""

    PREFIX = "stm"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    party = models.CharField(max_length=80)
    party_label = models.CharField(max_length=200)
    # The month's first day.
    month = models.DateField()
    # The last day it covers: the month's own, or, while that runs, the day of issue.
    covers_to = models.DateField()
    currency = models.CharField(max_length=3)
    revision = models.IntegerField()
    restates = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="restated_by"
    )
    # What a revision changed, figure by figure: [{what, was, now}].
    changes: models.JSONField[Any, Any] = models.JSONField(default=list)
    opening = models.DecimalField(max_digits=32, decimal_places=8)
    closing = models.DecimalField(max_digits=32, decimal_places=8)
    line_count = models.IntegerField()
    issued_at = models.DateTimeField()
    issued_by = models.CharField(max_length=200)

    objects = StatementQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["book", "party", "month", "currency", "revision"],
                name="statement_revision_once",
            ),
            models.UniqueConstraint(fields=["id", "line_count"], name="statement_as_line_owner"),
            models.CheckConstraint(condition=Q(month__day=1), name="statement_of_a_month"),
            models.CheckConstraint(
                condition=Q(covers_to__gte=F("month")), name="statement_covers_days"
            ),
            models.CheckConstraint(
                condition=Q(revision=1, restates=None) | Q(revision__gt=1, restates__isnull=False),
                name="statement_revision_restates",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["party", "-id"], name="statement_by_party"),
        ]

    def __str__(self) -> str:
        return f"{self.party_label}, {self.month:%B %Y}, {self.currency}"

    @property
    def is_complete(self) -> bool:
        """Whether it covers its whole month."""
        return self.covers_to == last_day_of(self.month)

    @property
    def opening_money(self) -> Money:
        """What was owed before the month."""
        return Money(amount=self.opening, currency=self.currency)

    @property
    def closing_money(self) -> Money:
        """What was owed after the last day it covers."""
        return Money(amount=self.closing, currency=self.currency)


class StatementBalance(models.Model):
    """The part of opening and closing that stood on one of the party's accounts."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="balances")
    role = models.CharField(max_length=24, choices=Role.choices)
    opening = models.DecimalField(max_digits=32, decimal_places=8)
    closing = models.DecimalField(max_digits=32, decimal_places=8)

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["statement", "role"], name="statement_balance_once"),
            models.CheckConstraint(
                condition=Q(role__in=["payable", "in_flight", "held", "reserve"]),
                name="statement_balance_is_owed",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role}: {self.opening} to {self.closing}"

    @property
    def opening_money(self) -> Money:
        """What it held before the month."""
        return Money(amount=self.opening, currency=self.statement.currency)

    @property
    def closing_money(self) -> Money:
        """What it held after the last day covered."""
        return Money(amount=self.closing, currency=self.statement.currency)


class StatementLine(models.Model):
    """What entries of one kind came to for one subject against one counterparty."""

    statement = models.ForeignKey(Statement, on_delete=models.PROTECT, related_name="lines")
    # From 1 to `line_count`, which is the statement's: no line can join later.
    position = models.IntegerField()
    line_count = models.IntegerField()
    kind = models.CharField(max_length=60)
    kind_label = models.CharField(max_length=200)
    subject = models.CharField(max_length=120, blank=True)
    subject_label = models.CharField(max_length=200, blank=True)
    counterparty = models.CharField(max_length=80)
    counterparty_label = models.CharField(max_length=200)
    amount = models.DecimalField(max_digits=32, decimal_places=8)
    transfers = models.IntegerField()

    class Meta:
        ordering = ["position"]
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["statement", "position"], name="statement_line_once"),
            models.CheckConstraint(
                condition=Q(position__gte=1, position__lte=F("line_count")),
                name="statement_line_in_place",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind_label} {self.subject_label} {self.money.shown}"

    @property
    def money(self) -> Money:
        """What it added to what is owed, or took from it."""
        return Money(amount=self.amount, currency=self.statement.currency)


def last_day_of(month: date) -> date:
    """The last day of the month that begins on this day."""
    return month_after(month) - timedelta(days=1)

"""Payout destinations, batches and their items, the approval, and the history of every move.

What Django has no word for stands in the migration `0002_guards`: the approval's composite foreign
key to the content approved, the frozen items of a batch that left its draft, the legal moves, and
the append-only tables.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.db import models
from django.db.models import F, Q

from ledger.actor import Actor
from ledger.journal.models import Book
from ledger.money import LARGEST, Money
from ledger.payouts import iban
from ledger.payouts.states import BatchState, ItemState
from ledger.rows import Identified


class DestinationKind(models.TextChoices):
    """How a payee is reached."""

    IBAN = "iban", "Bank account (IBAN)"
    MANUAL = "manual", "By hand, as described"


class PayoutDestinationQuerySet(models.QuerySet["PayoutDestination"]):
    """Reading words of destinations."""

    def visible_to(self, actor: Actor) -> PayoutDestinationQuerySet:
        """All of its mode for the house; those of its own parties for anyone else."""
        rows = self.filter(book__mode=actor.mode)
        return rows if actor.is_house else rows.filter(party__in=actor.parties)

    def current(self) -> PayoutDestinationQuerySet:
        """Those that have not been replaced."""
        return self.filter(replaced_at=None)


class PayoutDestination(Identified):
    """Where a payee's money goes. A row never changes; a change of account is a new row.

    `usable_from`: the first registration is vouched for by the house's preparer who made it and is
    usable at once; a change waits 72 hours, because a changed account is how payouts are stolen.
    """

    PREFIX = "pde"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    party = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=DestinationKind.choices)
    account = models.CharField(max_length=140)
    account_name = models.CharField(max_length=140)
    registered_at = models.DateTimeField()
    registered_by = models.UUIDField()
    registered_by_label = models.CharField(max_length=200)
    usable_from = models.DateTimeField()
    replaced_at = models.DateTimeField(null=True, blank=True)

    objects = PayoutDestinationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(
                fields=["book", "party"],
                condition=Q(replaced_at=None),
                name="payout_destination_one_current",
            ),
            models.UniqueConstraint(fields=["id", "party"], name="payout_destination_of_party"),
            models.CheckConstraint(
                condition=Q(kind__in=DestinationKind.values), name="payout_destination_kind_known"
            ),
            models.CheckConstraint(
                condition=~Q(party="") & ~Q(account=""), name="payout_destination_given"
            ),
            models.CheckConstraint(
                condition=Q(usable_from__gte=F("registered_at")),
                name="payout_destination_usable_after",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.party} {self.masked}"

    @property
    def masked(self) -> str:
        """The account as it is shown: never whole."""
        return iban.mask(self.account)


class PayoutBatchQuerySet(models.QuerySet["PayoutBatch"]):
    """Reading words of batches."""

    def visible_to(self, actor: Actor) -> PayoutBatchQuerySet:
        """All of its mode for the house; none for anyone else, who sees only its own items."""
        return self.filter(book__mode=actor.mode) if actor.is_house else self.none()


class PayoutBatch(Identified):
    """Payments prepared by one person, approved by another, and made once."""

    PREFIX = "pay"

    book = models.ForeignKey(Book, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3)
    rail = models.CharField(max_length=24)
    threshold = models.DecimalField(max_digits=24, decimal_places=8)
    state = models.CharField(
        max_length=12, choices=BatchState.choices, default=BatchState.DRAFT, db_index=True
    )
    version = models.IntegerField(default=1)
    state_since = models.DateTimeField()
    item_count = models.IntegerField(default=0)
    total = models.DecimalField(max_digits=24, decimal_places=8, default=Decimal(0))
    content_hash = models.BinaryField(max_length=32)
    # The payees who are paid nothing, each with the reason: what the approver does not see in items.
    left_out: models.JSONField[Any, Any] = models.JSONField(default=list, blank=True)
    prepared_by = models.UUIDField()
    prepared_by_label = models.CharField(max_length=200)
    prepared_at = models.DateTimeField()
    approved_by = models.UUIDField(null=True, blank=True)
    approved_by_label = models.CharField(max_length=200, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    # When the rail is asked again about what it has not answered; null when nothing is open.
    look_again_at = models.DateTimeField(null=True, blank=True)

    objects = PayoutBatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "payout batches"
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=Q(state__in=BatchState.values), name="payout_batch_state_known"
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | ~Q(approved_by=F("prepared_by")),
                name="payout_batch_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=[
                        BatchState.DRAFT,
                        BatchState.IN_REVIEW,
                        BatchState.CANCELLED,
                    ]
                )
                | Q(approved_by__isnull=False, approved_at__isnull=False),
                name="payout_batch_approved_by_someone",
            ),
            models.CheckConstraint(
                condition=Q(total__gte=0, total__lte=LARGEST), name="payout_batch_total_in_bounds"
            ),
            models.CheckConstraint(
                condition=Q(threshold__gte=0, threshold__lte=LARGEST),
                name="payout_batch_threshold_in_bounds",
            ),
            models.UniqueConstraint(
                fields=["id", "content_hash", "prepared_by"], name="payout_batch_as_approved"
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(
                fields=["look_again_at"],
                condition=Q(look_again_at__isnull=False),
                name="payout_batch_to_ask_about",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.shown_id} ({self.total_money.shown}, {self.state})"

    @property
    def total_money(self) -> Money:
        """What all items come to."""
        return Money(amount=self.total, currency=self.currency)

    @property
    def content_hash_hex(self) -> str:
        """The content hash as people and programs pass it."""
        return bytes(self.content_hash).hex()


class PayoutItemQuerySet(models.QuerySet["PayoutItem"]):
    """Reading words of items."""

    def visible_to(self, actor: Actor) -> PayoutItemQuerySet:
        """All of its mode for the house. A payee sees its own once money is set aside for them."""
        rows = self.filter(batch__book__mode=actor.mode)
        if actor.is_house:
            return rows
        return rows.filter(party__in=actor.parties).exclude(
            state__in=[ItemState.PROPOSED, ItemState.CANCELLED]
        )


class PayoutItem(Identified):
    """One payee's payment in a batch: whole minor units to one destination."""

    PREFIX = "pit"

    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, related_name="items")
    party = models.CharField(max_length=80)
    amount = models.DecimalField(max_digits=24, decimal_places=8)
    destination = models.ForeignKey(PayoutDestination, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=12, choices=ItemState.choices, default=ItemState.PROPOSED)
    version = models.IntegerField(default=1)
    state_since = models.DateTimeField()
    # The bank's own reference, the evidence that it was paid; and the day it was.
    reference = models.CharField(max_length=140, blank=True)
    paid_on = models.DateField(null=True, blank=True)
    # Why it was rejected or returned, or why nobody knows.
    reason = models.CharField(max_length=300, blank=True)

    objects = PayoutItemQuerySet.as_manager()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.UniqueConstraint(fields=["batch", "party"], name="payout_item_payee_once"),
            models.CheckConstraint(
                condition=Q(state__in=ItemState.values), name="payout_item_state_known"
            ),
            # The bound also refuses NaN, which PostgreSQL takes for greater than every number.
            models.CheckConstraint(
                condition=Q(amount__gt=0, amount__lte=LARGEST), name="payout_item_amount_in_bounds"
            ),
            models.CheckConstraint(
                condition=~Q(state=ItemState.PAID) | (~Q(reference="") & Q(paid_on__isnull=False)),
                name="payout_item_paid_with_evidence",
            ),
        ]
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["party", "-id"], name="payout_item_by_payee"),
        ]

    def __str__(self) -> str:
        return f"{self.shown_id} to {self.party}"

    @property
    def rail_id(self) -> str:
        """The id the rail knows it by: derived from the item, so that a repeat names the same."""
        return self.shown_id

    @property
    def money(self) -> Money:
        """What it pays."""
        return Money(amount=self.amount, currency=self.batch.currency)


class PayoutApproval(models.Model):
    """Another person's yes to one content of a batch. Changing the batch breaks its foreign key."""

    batch = models.OneToOneField(
        PayoutBatch, on_delete=models.PROTECT, primary_key=True, related_name="approval"
    )
    content_hash = models.BinaryField(max_length=32)
    prepared_by = models.UUIDField()
    approved_by = models.UUIDField()
    approved_by_label = models.CharField(max_length=200)
    approved_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar[list[models.BaseConstraint]] = [
            models.CheckConstraint(
                condition=~Q(approved_by=F("prepared_by")),
                name="payout_approval_maker_is_not_checker",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.approved_by_label} approved {self.batch_id}"


class PayoutMove(Identified):
    """One move of a batch or an item: who, when, from where to where, and what was said of it."""

    PREFIX = "pmv"

    batch = models.ForeignKey(PayoutBatch, on_delete=models.PROTECT, related_name="moves")
    item_id = models.UUIDField(null=True)
    from_state = models.CharField(max_length=12)
    to_state = models.CharField(max_length=12)
    at = models.DateTimeField()
    actor = models.CharField(max_length=200)
    person_id = models.UUIDField(null=True)
    request_id = models.CharField(max_length=64, blank=True)
    note = models.CharField(max_length=300, blank=True)

    class Meta:
        indexes: ClassVar[list[models.Index]] = [
            models.Index(fields=["batch", "id"], name="payout_move_of_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.from_state} to {self.to_state}"

"""The states of payout batches and their items, and the legal moves between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices


class BatchState(TextChoices):
    """How far a batch has come. Money has moved in the books from `reserved` on."""

    DRAFT = "draft", "Draft"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    RESERVED = "reserved", "Reserved"
    SUBMITTING = "submitting", "Submitting"
    SUBMITTED = "submitted", "Submitted"
    SETTLED = "settled", "Settled"
    CANCELLED = "cancelled", "Cancelled"


class ItemState(TextChoices):
    """How far one payee's payment has come. `unknown`: the rail may or may not have it."""

    PROPOSED = "proposed", "Proposed"
    RESERVED = "reserved", "Reserved"
    SENT = "sent", "Sent"
    ACCEPTED = "accepted", "Accepted"
    PAID = "paid", "Paid"
    REJECTED = "rejected", "Rejected"
    RETURNED = "returned", "Returned"
    UNKNOWN = "unknown", "Unknown"
    CANCELLED = "cancelled", "Cancelled"


# Both tables stand a second time in the migration `0002_guards`, where the database keeps them; a
# test holds the two equal.
BATCH_MOVES: Final[Mapping[BatchState, tuple[BatchState, ...]]] = {
    BatchState.DRAFT: (BatchState.IN_REVIEW, BatchState.CANCELLED),
    BatchState.IN_REVIEW: (BatchState.DRAFT, BatchState.APPROVED, BatchState.CANCELLED),
    BatchState.APPROVED: (BatchState.RESERVED, BatchState.CANCELLED),
    BatchState.RESERVED: (BatchState.SUBMITTING, BatchState.CANCELLED),
    BatchState.SUBMITTING: (BatchState.SUBMITTED,),
    BatchState.SUBMITTED: (BatchState.SETTLED,),
    BatchState.SETTLED: (),
    BatchState.CANCELLED: (),
}

ITEM_MOVES: Final[Mapping[ItemState, tuple[ItemState, ...]]] = {
    ItemState.PROPOSED: (ItemState.RESERVED, ItemState.CANCELLED),
    ItemState.RESERVED: (ItemState.SENT, ItemState.CANCELLED),
    ItemState.SENT: (ItemState.ACCEPTED, ItemState.REJECTED, ItemState.UNKNOWN),
    ItemState.ACCEPTED: (ItemState.PAID, ItemState.REJECTED, ItemState.RETURNED),
    ItemState.UNKNOWN: (
        ItemState.ACCEPTED,
        ItemState.PAID,
        ItemState.REJECTED,
        ItemState.RETURNED,
    ),
    # A bank may send back what it had paid out.
    ItemState.PAID: (ItemState.RETURNED,),
    ItemState.REJECTED: (),
    ItemState.RETURNED: (),
    ItemState.CANCELLED: (),
}

# A batch in one of these has promised money that the books do not yet hold back.
OPEN_BATCHES: Final = (BatchState.DRAFT, BatchState.IN_REVIEW, BatchState.APPROVED)
# A batch in one of these is being paid: its money is set aside, and nobody can cancel it any more.
PAYING_BATCHES: Final = (BatchState.SUBMITTING, BatchState.SUBMITTED)
# An item in one of these is still to be paid. Not an unknown one: it may have been.
UNPAID_ITEMS: Final = (ItemState.SENT, ItemState.ACCEPTED)
# An item in one of these needs nothing more for its batch to be settled.
DONE_ITEMS: Final = (ItemState.PAID, ItemState.REJECTED, ItemState.RETURNED)

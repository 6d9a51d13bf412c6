"""What the books refuse, and how the database's refusals are told in the same words."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final
from uuid import UUID

import psycopg
from django.db import DatabaseError

from ledger.errors import DomainError, Invalid, NotFound, Refused


class EntryDiffers(Refused):
    """An entry with this key stands already, and it says something else."""

    code = "entry_differs"


class AlreadyReversed(Refused):
    """That entry has been reversed already."""

    code = "already_reversed"


class PeriodClosed(Refused):
    """That month is closed and takes no more entries."""

    code = "period_closed"


class PeriodNotReady(Refused):
    """Months are closed once and in order: an earlier one is still open."""

    code = "period_not_ready"


class TrialBalanceChanged(Refused):
    """The trial balance is no longer the one that was seen."""

    code = "trial_balance_changed"


class Overdrawn(Refused):
    """The account may not go below zero."""

    code = "overdrawn"

    def __init__(self, detail: str | None = None, *, account_id: UUID | None = None) -> None:
        self.account_id = account_id
        super().__init__(detail)


class BookBusy(Refused):
    """The book is being written to. Nothing was posted; try again."""

    code = "book_busy"


class BookChanged(Refused):
    """The book changed while this was being written. Nothing was posted; try again."""

    code = "book_changed"


class FuturePeriod(Invalid):
    """An entry cannot belong to a month that has not begun when it is posted."""

    code = "future_period"


class BadAmount(Invalid):
    """A transfer's amount is above zero, at most 10^15, and has at most eight decimals."""

    code = "bad_amount"


class BadTransfer(Invalid):
    """A transfer goes between two different accounts of one book and one currency."""

    code = "bad_transfer"


class NoTransfers(Invalid):
    """An entry has at least one transfer and at most a million."""

    code = "no_transfers"


class BadHeader(Invalid):
    """An entry names its kind, key and actor, and knows when it is posted."""

    code = "bad_header"


class UnknownParty(Invalid):
    """The books do not know that party."""

    code = "unknown_party"


class UnknownEntry(NotFound):
    """There is no such entry."""


class UnknownAccount(Invalid):
    """The books do not know that account."""

    code = "unknown_account"


class WrongParty(Invalid):
    """An account of that role cannot belong to a party of that kind, or of another mode."""

    code = "wrong_party"


class PartyDiffers(Refused):
    """A party with that reference stands already, and it is of another kind."""

    code = "party_differs"


# By the name of the constraint (or, for a value too many, of the column) that refused.
_BY_CONSTRAINT: Final[Mapping[str, type[DomainError]]] = {
    "transfer_amount_in_bounds": BadAmount,
    "transfer_between_two": BadTransfer,
    "transfer_debits_account": UnknownAccount,
    "transfer_credits_account": BadTransfer,
    "entry_key_once": BookChanged,
    "entry_height_once": BookChanged,
    "entry_out_of_order": BookChanged,
    "chain_broken": BookChanged,
    "entry_reversed_once": AlreadyReversed,
    "entry_not_in_future": FuturePeriod,
    "period_not_open": PeriodClosed,
    "period_closes_once": PeriodNotReady,
    "account_owner_of_same_mode": WrongParty,
    "account_currency_code": BadTransfer,
    "party_ref_once": BookChanged,
    "book_name_once": BookChanged,
}
_BY_COLUMN: Final[Mapping[str, type[DomainError]]] = {
    "amount": BadAmount,
    "currency": UnknownAccount,
    "debit_account_id": UnknownAccount,
    "credit_account_id": UnknownAccount,
    "party_id": UnknownParty,
    "kind": BadTransfer,
}


# The detail of a failed CHECK shows the row, whose first column is the account.
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns what the database refuses into the refusals above; anything else passes unchanged."""
    try:
        yield
    except DatabaseError as error:
        refusal = _refusal(error.__cause__)
        if refusal is None:
            raise
        raise refusal from error


def _refusal(cause: BaseException | None) -> DomainError | None:
    if isinstance(cause, psycopg.errors.LockNotAvailable | psycopg.errors.DeadlockDetected):
        return BookBusy(retry_after=1)
    if isinstance(cause, psycopg.errors.NumericValueOutOfRange):
        return BadAmount()
    if isinstance(cause, psycopg.errors.StringDataRightTruncation):
        return BadTransfer("A transfer's subject has at most 120 characters.")
    if isinstance(cause, psycopg.errors.NotNullViolation):
        kind = _BY_COLUMN.get(cause.diag.column_name or "")
        return kind() if kind else None
    if isinstance(cause, psycopg.errors.IntegrityError):
        if cause.diag.constraint_name == "balance_not_overdrawn":
            failing = _UUID.search(cause.diag.message_detail or "")
            return Overdrawn(account_id=UUID(failing.group()) if failing else None)
        kind = _BY_CONSTRAINT.get(cause.diag.constraint_name or "")
        return kind() if kind else None
    return None

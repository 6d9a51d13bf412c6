"""Periods: the months of a book, opened on demand and closed once, in order, with what they held."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from psycopg import sql

from ledger.journal import balances, seals
from ledger.journal.models import Book, Period
from ledger.journal.refusals import (
    FuturePeriod,
    PeriodClosed,
    PeriodNotReady,
    TrialBalanceChanged,
    told_plainly,
)
from ledger.journal.states import PeriodState


def month_of(day: date) -> date:
    """The first day of the month a day lies in: how a month is named."""
    return day.replace(day=1)


def month_after(month: date) -> date:
    """The first day of the following month."""
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)


def require_open(*, book: Book, effective_on: date, now: datetime) -> None:
    """Sees to it that the day's month takes entries; opens it if it was never opened.

    The caller holds the book's row. Raises PeriodClosed, FuturePeriod.
    """
    month = month_of(effective_on)
    if month > month_of(now.astimezone(UTC).date()):
        raise FuturePeriod
    state = Period.objects.filter(book=book, month=month).values_list("state", flat=True).first()
    if state == PeriodState.OPEN:
        return
    if state == PeriodState.CLOSED or _closed_from(book, month):
        raise PeriodClosed(f"{month:%Y-%m} is closed and takes no more entries.")
    Period.objects.create(book=book, month=month, opened_at=now)


def open_period(*, book_id: UUID, month: date, now: datetime) -> Period:
    """The month of the book, opened if it is not there. Raises PeriodClosed, FuturePeriod."""
    with told_plainly(), transaction.atomic():
        book = Book.objects.select_for_update(no_key=True).get(pk=book_id)
        require_open(book=book, effective_on=month, now=now)
        return Period.objects.get(book=book, month=month_of(month))


def close_period(
    *,
    book_id: UUID,
    month: date,
    actor: str,
    now: datetime,
    expected_hash: bytes | None = None,
) -> Period:
    """Closes a month: it takes no more entries, and its trial balance is frozen with its hash.

    `expected_hash` is the trial balance's that was looked at; if it has changed since, nothing is
    closed. Raises PeriodClosed, PeriodNotReady, TrialBalanceChanged, BookBusy.
    """
    month = month_of(month)
    with told_plainly(), transaction.atomic():
        book = Book.objects.select_for_update(no_key=True).get(pk=book_id)
        if month_after(month) > now.astimezone(UTC).date():
            raise PeriodNotReady(f"{month:%Y-%m} has not ended.")
        require_open(book=book, effective_on=month, now=now)
        earlier = Period.objects.filter(book=book, state=PeriodState.OPEN, month__lt=month)
        first = earlier.order_by("month").first()
        if first is not None:
            raise PeriodNotReady(f"{first.month:%Y-%m} is still open and comes first.")
        period = Period.objects.get(book=book, month=month)
        row_count, trial_balance_hash = _freeze(period)
        if expected_hash not in (None, trial_balance_hash):
            raise TrialBalanceChanged
        closing = seals.Closing(
            book_id=book.pk,
            id=period.pk,
            month=month,
            opened_at=period.opened_at,
            closed_at=now,
            closed_by=actor,
            height=book.height,
            head_hash=bytes(book.head_hash),
            row_count=row_count,
            trial_balance_hash=trial_balance_hash,
            previous_hash=_last_closed_hash(book),
        )
        period.state = PeriodState.CLOSED
        period.hash = closing.hash()
        for name in _CLOSING:
            setattr(period, name, getattr(closing, name))
        period.save(update_fields=["state", "hash", *_CLOSING])
    return period


_CLOSING: Final = (
    "closed_at",
    "closed_by",
    "height",
    "head_hash",
    "row_count",
    "trial_balance_hash",
)

# Writes the totals up to the month's end, once: the primary key is the month and the account.
_FREEZE: Final = sql.SQL(
    """
    WITH frozen AS (
        INSERT INTO journal_trialbalancerow (period_id, account_id, party_ref, role, currency,
                                             subject, debits, credits)
        SELECT %(period_id)s, t.account_id, t.party_ref, t.role, t.currency, t.subject,
               t.debits, t.credits
          FROM ({totals}) t
        RETURNING *
    )
    SELECT count(*), sha256(coalesce(string_agg({digest}, ''::bytea ORDER BY r.account_id),
                                     ''::bytea))
      FROM frozen r
    """
)


def _freeze(period: Period) -> tuple[int, bytes]:
    statement = _FREEZE.format(totals=balances.TOTALS, digest=seals.TRIAL_BALANCE_DIGEST)
    parameters = balances.bounds(book_id=period.book_id, as_of=period.last_day, as_known_at=None)
    with connection.cursor() as cursor:
        cursor.execute(statement, {**parameters, "period_id": period.pk})
        row = cursor.fetchone()
    assert row is not None
    return int(row[0]), bytes(row[1])


def _last_closed_hash(book: Book) -> bytes | None:
    last = Period.objects.filter(book=book, state=PeriodState.CLOSED).order_by("-month").first()
    return None if last is None or last.hash is None else bytes(last.hash)


def _closed_from(book: Book, month: date) -> bool:
    return Period.objects.filter(book=book, state=PeriodState.CLOSED, month__gte=month).exists()

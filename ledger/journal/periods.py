"""Periods: the months of a book, opened on demand and closed once, in order, with what they held."""

from __future__ import annotations

from datetime import UTC, date, datetime
from uuid import UUID

from django.db import transaction

from ledger.errors import NotFound
from ledger.journal.models import Book, Period
from ledger.journal.refusals import (
    FuturePeriod,
    PeriodClosed,
    told_plainly,
)
from ledger.journal.states import PeriodState


class UnknownMonth(NotFound):
    """Nothing was ever posted in that month."""


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


def _closed_from(book: Book, month: date) -> bool:
    return Period.objects.filter(book=book, state=PeriodState.CLOSED, month__gte=month).exists()

"""Balances: now, as of a day (what belongs to it), and as known at a moment (what was posted by it).

Both questions add up movements. Where only a day is asked for, the sum starts from the last closed
month before it, whose totals are frozen, so that it does not grow with history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection
from psycopg import sql

from ledger.journal import seals
from ledger.journal.chart import Side
from ledger.journal.models import Account, Balance, Period
from ledger.journal.refusals import UnknownAccount
from ledger.journal.states import PeriodState


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountTotals:
    """What moved through an account in all. `net` is positive on the account's normal side."""

    account_id: UUID
    party_ref: str
    role: str
    currency: str
    subject: str
    normal_side: str
    debits: Decimal
    credits: Decimal

    @property
    def net(self) -> Decimal:
        """The balance on the account's normal side."""
        return on_side(self.normal_side, debited=self.debits, credited=self.credits)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalanceLine:
    """All accounts of a role in a currency, each net on the side where it stands."""

    currency: str
    role: str
    debit: Decimal
    credit: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialBalance:
    """A book by currency and role, and the hash that closing a month on that day would freeze.

    As many lines as the chart has roles, however many accounts. `totals` are the two columns' sums
    per currency; they are equal, or the books do not balance.
    """

    lines: Sequence[TrialBalanceLine]
    hash: bytes

    @property
    def totals(self) -> dict[str, tuple[Decimal, Decimal]]:
        """Per currency: the debit column's sum and the credit column's."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        for line in self.lines:
            debit, credit = sums.get(line.currency, (Decimal(0), Decimal(0)))
            sums[line.currency] = (debit + line.debit, credit + line.credit)
        return sums


def on_side(normal_side: str, *, debited: Decimal, credited: Decimal) -> Decimal:
    """What moved on both sides as one amount, positive on the normal side."""
    return debited - credited if normal_side == Side.DEBIT else credited - debited


# Adds up, per account, the frozen totals of a closed month and the movements of the entries after
# it, up to the day and the moment asked for. Reads only.
TOTALS: Final = sql.SQL(
    """
    SELECT t.account_id, p.ref AS party_ref, a.role, a.currency, a.subject, a.normal_side,
           t.debits, t.credits
      FROM (
        SELECT u.account_id, sum(u.debits)::numeric(32,8) AS debits,
               sum(u.credits)::numeric(32,8) AS credits
          FROM (
            SELECT r.account_id, r.debits, r.credits FROM journal_trialbalancerow r
             WHERE r.period_id = %(base_id)s::uuid
             UNION ALL
            SELECT m.account_id, m.debits, m.credits
              FROM journal_entry e JOIN journal_movement m ON m.entry_id = e.id
             WHERE e.book_id = %(book_id)s AND e.effective_on > %(base_end)s::date
               AND e.effective_on <= %(as_of)s::date AND e.posted_at <= %(as_known_at)s::timestamptz
          ) u
         WHERE %(account_ids)s::uuid[] IS NULL OR u.account_id = ANY(%(account_ids)s::uuid[])
         GROUP BY u.account_id
      ) t
      JOIN journal_account a ON a.id = t.account_id
      JOIN journal_party p ON p.id = a.party_id
    """
)
# The same for one account, by way of its own card.
_ONE: Final = sql.SQL(
    """
    SELECT coalesce(sum(u.debits), 0)::numeric(32,8), coalesce(sum(u.credits), 0)::numeric(32,8)
      FROM (
        SELECT r.debits, r.credits FROM journal_trialbalancerow r
         WHERE r.period_id = %(base_id)s::uuid AND r.account_id = %(account_id)s
         UNION ALL
        SELECT m.debits, m.credits
          FROM journal_movement m JOIN journal_entry e ON e.id = m.entry_id
         WHERE m.account_id = %(account_id)s AND e.book_id = %(book_id)s
           AND e.effective_on > %(base_end)s::date
           AND e.effective_on <= %(as_of)s::date AND e.posted_at <= %(as_known_at)s::timestamptz
      ) u
    """
)
# Each account net on the side where it stands, then by role.
_SUMMED: Final = sql.SQL(
    """
    SELECT r.currency, r.role, sum(greatest(r.debits - r.credits, 0)),
           sum(greatest(r.credits - r.debits, 0))
      FROM ({rows}) r GROUP BY r.currency, r.role ORDER BY r.currency, r.role
    """
)
_HASHED: Final = sql.SQL(
    """
    SELECT sha256(coalesce(string_agg({digest}, ''::bytea ORDER BY r.account_id), ''::bytea))
      FROM ({rows}) r
    """
)


def balance(
    *, account_id: UUID, as_of: date | None = None, as_known_at: datetime | None = None
) -> Decimal:
    """An account's balance on its normal side: now, as of a day, as known at a moment, or both.

    Raises UnknownAccount.
    """
    account = Account.objects.filter(pk=account_id).first()
    if account is None:
        raise UnknownAccount
    if as_of is None and as_known_at is None:
        standing = Balance.objects.get(pk=account_id)
        return on_side(account.normal_side, debited=standing.debits, credited=standing.credits)
    parameters = bounds(book_id=account.book_id, as_of=as_of, as_known_at=as_known_at)
    with connection.cursor() as cursor:
        cursor.execute(_ONE, {**parameters, "account_id": account_id})
        row = cursor.fetchone()
    assert row is not None
    return on_side(account.normal_side, debited=row[0], credited=row[1])


def balances_as_of(
    *,
    book_id: UUID,
    as_of: date | None = None,
    as_known_at: datetime | None = None,
    account_ids: Iterable[UUID] | None = None,
) -> list[AccountTotals]:
    """The totals of the book's accounts that have moved (or of those of `account_ids`).

    Ordered by role, party, currency and subject.
    """
    parameters = bounds(
        book_id=book_id, as_of=as_of, as_known_at=as_known_at, account_ids=account_ids
    )
    with connection.cursor() as cursor:
        cursor.execute(TOTALS, parameters)
        names = [column[0] for column in cursor.description or ()]
        rows = [AccountTotals(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    return sorted(rows, key=lambda row: (row.role, row.party_ref, row.currency, row.subject))


def trial_balance(
    *,
    book_id: UUID,
    as_of: date | None = None,
    as_known_at: datetime | None = None,
    account_ids: Iterable[UUID] | None = None,
) -> TrialBalance:
    """The book's trial balance: all accounts, or those of `account_ids` alone."""
    parameters = bounds(
        book_id=book_id, as_of=as_of, as_known_at=as_known_at, account_ids=account_ids
    )
    with connection.cursor() as cursor:
        cursor.execute(_SUMMED.format(rows=TOTALS), parameters)
        lines = [
            TrialBalanceLine(currency=currency, role=role, debit=debit, credit=credit)
            for currency, role, debit, credit in cursor.fetchall()
        ]
        digest = seals.TRIAL_BALANCE_DIGEST
        cursor.execute(_HASHED.format(digest=digest, rows=TOTALS), parameters)
        row = cursor.fetchone()
    assert row is not None
    return TrialBalance(lines=lines, hash=bytes(row[0]))


def bounds(
    *,
    book_id: UUID,
    as_of: date | None,
    as_known_at: datetime | None,
    account_ids: Iterable[UUID] | None = None,
) -> dict[str, Any]:
    """What `TOTALS` is run with: where the sum starts, where it ends, and for which accounts."""
    base = None
    if as_known_at is None:
        # The last month that is closed and ends by that day. What was known at a moment cannot
        # start from it, because its totals do not say when they became known.
        closed = Period.objects.filter(book=book_id, state=PeriodState.CLOSED)
        if as_of is not None:
            closed = closed.filter(month__lt=_after_whole_months(as_of))
        base = closed.order_by("-month").first()
    return {
        "book_id": book_id,
        "base_id": base and base.pk,
        "base_end": base.last_day if base else "-infinity",
        "as_of": as_of or "infinity",
        "as_known_at": as_known_at or "infinity",
        "account_ids": None if account_ids is None else list(account_ids),
    }


def _after_whole_months(day: date) -> date:
    """The first month that has not ended by the end of `day`."""
    following = date.fromordinal(day.toordinal() + 1)
    return following.replace(day=1)

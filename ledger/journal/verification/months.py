"""The closed months: their frozen rows, their hashes, and that nothing was posted into them since."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import UUID

from ledger.journal.verification.accounts import KnownAccount
from ledger.journal.verification.encoding import (
    amount,
    day,
    hashed,
    integer,
    moment,
    money,
    raw,
    shown,
    text,
    units,
    uuid,
)
from ledger.journal.verification.findings import Verification
from ledger.journal.verification.reading import Row, stream

_BOOKS: Final = """
    SELECT uuid_send(id) FROM journal_book WHERE %(book)s::uuid IS NULL OR id = %(book)s::uuid
"""
_PERIODS: Final = """
    SELECT uuid_send(p.book_id), uuid_send(p.id), p.month::text, p.state,
           (extract(epoch FROM p.opened_at) * 1000000)::bigint,
           (extract(epoch FROM p.closed_at) * 1000000)::bigint, p.closed_by, p.height,
           p.head_hash, p.row_count::bigint, p.trial_balance_hash, p.hash,
           (SELECT e.hash FROM journal_entry e WHERE e.book_id = p.book_id AND e.height = p.height)
      FROM journal_period p
     WHERE p.book_id = %(book)s::uuid ORDER BY p.month
"""
# What each month's entries moved, from the movements, which have been held against the lines.
_MOVED: Final = """
    SELECT date_trunc('month', e.effective_on::timestamp)::date::text,
           uuid_send(m.account_id), sum(m.debits)::numeric(32,8)::text,
           sum(m.credits)::numeric(32,8)::text
      FROM journal_movement m JOIN journal_entry e ON e.id = m.entry_id
     WHERE e.book_id = %(book)s::uuid
     GROUP BY 1, 2 ORDER BY 1
"""
_ROWS: Final = """
    SELECT uuid_send(r.account_id), r.party_ref, r.role, r.currency, r.subject, r.debits::text,
           r.credits::text
      FROM journal_trialbalancerow r WHERE r.period_id = %(period)s::uuid ORDER BY r.account_id
"""
_STRAYS: Final = """
    SELECT uuid_send(r.period_id), count(*)
      FROM journal_trialbalancerow r LEFT JOIN journal_period p ON p.id = r.period_id
     WHERE p.id IS NULL OR p.state <> 'closed' GROUP BY r.period_id
"""


class _Months:
    """What the months of one book moved, added up month after month."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._rows = rows
        self._next = next(rows, None)
        self.sums: dict[bytes, tuple[int, int]] = {}

    def up_to(self, month: str) -> None:
        """Adds what belongs to `month` and before."""
        while self._next is not None and self._next[0] <= month:
            _, account, debits, credits_ = self._next
            debited, credited = self.sums.get(account, (0, 0))
            self.sums[account] = (debited + units(debits), credited + units(credits_))
            self._next = next(self._rows, None)

    def left(self) -> set[str]:
        """The months whose entries have not been added."""
        left = {row[0] for row in self._rows}
        return left if self._next is None else left | {self._next[0]}


def verify_periods(
    result: Verification, scope: Mapping[str, Any], accounts: Mapping[bytes, KnownAccount]
) -> None:
    """Each month: in order, closed as its hash says, its frozen rows the sums of the entries."""
    for (book,) in list(stream(_BOOKS, scope)):
        one = {"book": UUID(bytes=book)}
        months = _Months(stream(_MOVED, one))
        _verify_book(result, list(stream(_PERIODS, one)), months, accounts)
    for period, count in stream(_STRAYS, {}):
        name = shown("per", period)
        result.find("trial balance", name, f"{count} rows of a month that is not closed")


def _verify_book(
    result: Verification,
    periods: list[Row],
    months: _Months,
    accounts: Mapping[bytes, KnownAccount],
) -> None:
    previous: bytes | None = None
    still_open = ""
    for row in periods:
        result.periods += 1
        month, state = row[2], row[3]
        name = f"{month[:7]} ({shown('per', row[1])})"
        if state != "closed":
            still_open = still_open or month
            if state != "open" or row[11] is not None:
                result.find(
                    "period", name, f"it says it is {state}, which its columns do not bear out"
                )
            continue
        if still_open:
            result.find("period", name, f"it is closed, and {still_open[:7]} before it is open")
        months.up_to(month)
        for detail in _closing_faults(row, previous):
            result.find("period", name, detail)
        _verify_rows(result, row, name, months.sums, accounts)
        previous = row[11]
    for month in sorted(months.left() - {row[2] for row in periods}):
        result.find("period", month[:7], "entries belong to it, and it does not exist")


def _closing_faults(row: Row, previous: bytes | None) -> Iterator[str]:
    book, period, month, _, opened, closed, closed_by, height, head, count, frozen, stored = row[
        :12
    ]
    recomputed = hashed(
        uuid(book), uuid(period), day(month), moment(opened), moment(closed), text(closed_by),
        integer(height), raw(head), integer(count), raw(frozen), raw(previous),
    )  # fmt: skip
    if stored != recomputed:
        yield "its hash is not that of its columns and of the month closed before"
    if height and row[12] != head:
        yield "its head is not the hash of the entry at its height"


def _verify_rows(
    result: Verification,
    period: Row,
    name: str,
    sums: Mapping[bytes, tuple[int, int]],
    accounts: Mapping[bytes, KnownAccount],
) -> None:
    left = dict(sums)
    digests = []
    rows = list(stream(_ROWS, {"period": UUID(bytes=period[1])}))
    for row in rows:
        account, ref, role, currency, subject, debits, credits_ = row
        digests.append(
            hashed(
                uuid(account),
                text(ref),
                text(role),
                text(currency),
                text(subject),
                amount(units(debits)),
                amount(units(credits_)),
            )
        )
        place = f"{name}, {shown('acc', account)}"
        known = accounts.get(account)
        if known is None or (ref, role, currency, subject) != (
            known.party_ref,
            known.role,
            known.currency,
            known.subject,
        ):
            result.find("trial balance", place, "it names another account than its id")
        debited, credited = left.pop(account, (0, 0))
        if (units(debits), units(credits_)) != (debited, credited):
            result.find(
                "trial balance",
                place,
                f"it says {debits} debit and {credits_} credit,"
                f" the entries {money(debited)} and {money(credited)}",
            )
    for account in left:
        result.find("trial balance", f"{name}, {shown('acc', account)}", "its row is missing")
    if len(rows) != period[9]:
        result.find("period", name, f"it says {period[9]} rows and has {len(rows)}")
    if hashed(*digests) != period[10]:
        result.find("period", name, "its trial balance's hash is not that of its rows")

"""Verifies the books from their rows alone: an auditor's second opinion.

This package shares no code and no SQL with what writes the books. It recomputes every hash, count,
total, movement, balance and closed month, and reads each row once, in the order of the keys, so
that its memory grows with accounts and not with lines.
"""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from ledger.journal.verification.accounts import read_accounts, verify_accounts
from ledger.journal.verification.chain import verify_chains
from ledger.journal.verification.findings import Finding, Verification
from ledger.journal.verification.lines import Progress, verify_entries
from ledger.journal.verification.months import verify_periods
from ledger.journal.verification.reading import snapshot

__all__ = ["Finding", "Verification", "rows_to_read", "verify"]


def verify(*, book_id: UUID | None = None, progress: Progress | None = None) -> Verification:
    """Recomputes one book, or all of them. `progress` is told how many rows were read since."""
    result = Verification()
    tell = progress or (lambda rows: None)
    scope = {"book": book_id}
    with snapshot():
        verify_chains(result, scope)
        accounts = read_accounts(scope)
        sums = verify_entries(result, scope, accounts, tell)
        verify_accounts(result, scope, accounts, sums)
        verify_periods(result, scope, accounts)
    # The first bad entry first; what belongs to no entry follows.
    result.findings.sort(key=lambda found: (found.height is None, found.height or 0))
    return result


def rows_to_read(*, book_id: UUID | None = None) -> int:
    """How many rows `verify` will tell its progress of."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(line_count), 0) + count(*) FROM journal_entry"
            " WHERE %(book)s::uuid IS NULL OR book_id = %(book)s::uuid",
            {"book": book_id},
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0

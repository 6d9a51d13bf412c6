"""Posting entries, against a bare INSERT ... SELECT of the same lines with the same keys."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone
from psycopg import sql

from ledger.journal import books, parties
from ledger.journal.accounts import AccountKey, open_accounts
from ledger.journal.chart import PartyKind, Role
from ledger.journal.posting import post
from ledger.journal.sources import TransferQuery
from tests.bench.figures import Figure

LINES: Final = (1_000, 25_000, 500_000)
PAYEES: Final = 200
_AIM: Final = 0.6
_SOURCE: Final = "CREATE TABLE bench_source (debit_account_id uuid, credit_account_id uuid, amount numeric(24, 8), subject text)"
_FILL: Final = """
    INSERT INTO bench_source
    SELECT %(owed)s, (%(earn)s::uuid[])[1 + n %% %(payees)s], 0.0004 * (1 + n %% 977),
           'rln_' || lpad(n::text, 26, '0')
    FROM generate_series(1, %(lines)s) n
"""
_SELECT: Final = sql.SQL(
    "SELECT debit_account_id, credit_account_id, amount, subject FROM bench_source"
)
_BARE: Final = """
    INSERT INTO bench_transfer (entry_id, line, book_id, debit_account_id, credit_account_id,
                                amount, currency, subject, line_count,
                                digest)
    SELECT %(entry)s, row_number() OVER (), %(book)s, debit_account_id, credit_account_id, amount,
           'USD', subject, %(lines)s, %(digest)s
    FROM bench_source
"""


def measure() -> list[Figure]:
    """Posts entries of a thousand, 25,000 and half a million transfers."""
    now = timezone.now()
    book = books.house_book(mode="test", now=now).pk
    owed, earn = _open(book)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(_SOURCE)
        _twin(cursor.execute, cursor.fetchall)
    return [_one(book, owed, earn, lines) for lines in LINES]


def _one(book: UUID, owed: UUID, earn: list[UUID], lines: int) -> Figure:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_source")
        cursor.execute(_FILL, {"owed": owed, "earn": earn, "payees": PAYEES, "lines": lines})
        cursor.execute("ANALYZE bench_source")
    times = 9 if lines < 10_000 else 3
    ours = reference = float("inf")
    for turn in range(times):
        key = f"bench-{lines}-{turn}"
        start = time.perf_counter()
        posted = post(
            book_id=book,
            key=key,
            kind="bench",
            effective_on=date(2026, 10, 31),
            posted_at=timezone.now(),
            actor="bench",
            transfers=TransferQuery(select=_SELECT, parameters={}),
        )
        ours = min(ours, time.perf_counter() - start)
        assert posted.created
        assert posted.line_count == lines
        reference = min(reference, _bare(book, posted.entry_id, lines))
    name = f"posting, {lines:,} transfers an entry"
    return Figure(name=name, rows=lines, ours=ours, reference=reference, aim=_AIM)


def _bare(book: UUID, entry: UUID, lines: int) -> float:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_transfer")
        start = time.perf_counter()
        with transaction.atomic():
            cursor.execute(
                _BARE, {"entry": entry, "book": book, "lines": lines, "digest": bytes(32)}
            )
        return time.perf_counter() - start


def _open(book: UUID) -> tuple[UUID, list[UUID]]:
    now = timezone.now()
    parties.ensure(mode="test", ref="plt_bench", kind=PartyKind.PLATFORM, name="Platform", now=now)
    keys = [AccountKey(party_ref="plt_bench", role=Role.RECEIVABLE, currency="USD")]
    for number in range(PAYEES):
        ref = f"hld_bench_{number}"
        parties.ensure(mode="test", ref=ref, kind=PartyKind.HOLDER, name=ref, now=now)
        keys.append(AccountKey(party_ref=ref, role=Role.PAYABLE, currency="USD"))
    opened = open_accounts(book_id=book, mode="test", keys=keys, now=now)
    return opened[keys[0]], [opened[key] for key in keys[1:]]


def _twin(execute: Callable[..., object], fetch: Callable[[], list[tuple[str, str]]]) -> None:
    """A table with the columns, keys, checks and foreign keys of the journal's own."""
    execute("CREATE TABLE bench_transfer (LIKE journal_transfer INCLUDING ALL)")
    execute(
        "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conrelid = 'journal_transfer'::regclass AND contype = 'f'"
    )
    for name, definition in fetch():
        execute(f'ALTER TABLE bench_transfer ADD CONSTRAINT "bench_{name}" {definition}')

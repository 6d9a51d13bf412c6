"""Verifying the books, against reading the same rows once with a SHA-256 of each.

The reference reads by the same kind of cursor, as bytes, and turns nothing into Python's own types:
the least that can be done to every row.
"""

from __future__ import annotations

import hashlib
import time
from typing import Final

from django.db import connection, transaction

from ledger.journal.verification import rows_to_read, verify
from tests.bench import posting
from tests.bench.figures import Figure

_AIM: Final = 0.3
_PAGE: Final = 10_000
_LINES: Final = """
    SELECT uuid_send(entry_id), int4send(line), int4send(line_count), uuid_send(book_id),
           uuid_send(debit_account_id), uuid_send(credit_account_id), numeric_send(amount),
           convert_to(currency, 'UTF8'), convert_to(subject, 'UTF8'), digest
      FROM journal_transfer ORDER BY entry_id, line
"""
_HEADERS: Final = """
    SELECT uuid_send(id), uuid_send(book_id), int8send(height), convert_to(kind, 'UTF8'),
           convert_to(key, 'UTF8'), date_send(effective_on), timestamptz_send(posted_at),
           convert_to(actor, 'UTF8'), convert_to(memo, 'UTF8'), int4send(line_count),
           numeric_send(total), content_hash, previous_hash, hash
      FROM journal_entry ORDER BY height
"""


def measure() -> list[Figure]:
    """Verifies the book that the posting benchmark leaves behind."""
    posting.measure()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
    start = time.perf_counter()
    found = verify()
    ours = time.perf_counter() - start
    assert found.sound, found.findings
    rows = rows_to_read()
    return [Figure(name="verifying the books", rows=rows, ours=ours, reference=_read(), aim=_AIM)]


def _read() -> float:
    """Every column of every line and header as bytes, joined and hashed, and nothing more."""
    start = time.perf_counter()
    sha256, join = hashlib.sha256, b"".join
    with transaction.atomic():
        connection.ensure_connection()
        for query in (_LINES, _HEADERS):
            with connection.connection.cursor(name="bench_reading", binary=True) as cursor:
                cursor.itersize = _PAGE
                cursor.execute(query)
                for row in cursor:
                    sha256(join(row)).digest()
    return time.perf_counter() - start

"""Verifying the books, against reading the same rows once with a SHA-256 of each."""

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
    start = time.perf_counter()
    with transaction.atomic():
        for table in ("journal_entry", "journal_transfer"):
            with connection.chunked_cursor() as cursor:
                cursor.execute(f"SELECT * FROM {table}")
                while rows := cursor.fetchmany(_PAGE):
                    for row in rows:
                        hashlib.sha256(repr(row).encode()).digest()
    return time.perf_counter() - start

"""Reads every row once: one snapshot, server-side cursors, and rows taken entry by entry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count, groupby
from typing import Any, Final

from django.db import connection, transaction

Row = tuple[Any, ...]
_BATCH: Final = 5000
_NUMBERS: Final = count(1)


@contextmanager
def snapshot() -> Iterator[None]:
    """One moment for all that is read; inside another transaction, that one's view of it."""
    outermost = not connection.in_atomic_block
    with transaction.atomic(), connection.cursor() as cursor:
        if outermost:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        cursor.execute("SET LOCAL statement_timeout = 0")
        yield


def stream(query: str, parameters: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of a query, a batch at a time."""
    raw = connection.connection
    with raw.cursor(name=f"verify_{next(_NUMBERS)}", binary=True) as cursor:
        cursor.itersize = _BATCH
        cursor.execute(query, parameters)
        yield from cursor


class Groups:
    """The rows of a stream that is ordered by entry, taken entry by entry."""

    def __init__(self, rows: Iterator[Row]) -> None:
        self._groups = groupby(rows, key=lambda row: row[0])
        self._next = next(self._groups, None)

    def until(self, entry: bytes | None) -> Iterator[tuple[bytes, Iterator[Row]]]:
        """The groups of entries before `entry` (all that are left for None): rows without header."""
        while self._next is not None and (entry is None or self._next[0] < entry):
            yield self._next
            self._next = next(self._groups, None)

    def of(self, entry: bytes) -> Iterator[Row]:
        """The rows of `entry`, once everything before it has been taken."""
        if self._next is not None and self._next[0] == entry:
            yield from self._next[1]
            self._next = next(self._groups, None)

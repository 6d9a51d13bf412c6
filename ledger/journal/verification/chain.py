"""The chain: heights without a gap, each header's hash, and each book's head."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ledger.journal.verification.encoding import (
    amount,
    day,
    hashed,
    integer,
    moment,
    raw,
    shown,
    text,
    units,
    uuid,
)
from ledger.journal.verification.findings import Verification
from ledger.journal.verification.reading import Row, stream

_CHAIN: Final = """
    SELECT uuid_send(e.book_id), uuid_send(e.id), e.height, e.kind, e.key, e.effective_on::text,
           (extract(epoch FROM e.posted_at) * 1000000)::bigint, e.actor, e.memo, uuid_send(e.reverses_id),
           e.line_count::bigint, e.total::text, e.content_hash, e.previous_hash, e.hash
      FROM journal_entry e
     WHERE %(book)s::uuid IS NULL OR e.book_id = %(book)s::uuid
     ORDER BY e.book_id, e.height
"""
_BOOKS: Final = """
    SELECT uuid_send(id), mode, name, height, head_hash FROM journal_book
     WHERE %(book)s::uuid IS NULL OR id = %(book)s::uuid ORDER BY id
"""


def verify_chains(result: Verification, scope: Mapping[str, Any]) -> None:
    books = {row[0]: row for row in stream(_BOOKS, scope)}
    heads = {
        book: (0, hashed(uuid(book), text(mode), text(name)))
        for book, mode, name, _, _ in books.values()
    }
    for row in stream(_CHAIN, scope):
        book, entry, height = row[0], row[1], row[2]
        result.entries += 1
        if book not in books:
            result.find("entry", shown("ent", entry), "its book does not exist", height=height)
            continue
        last, head = heads[book]
        if last == 0 and row[13] != head:
            detail = "its first entry does not follow from its id, mode and name"
            result.find("book", shown("boo", book), detail, height=height)
        for detail in _header_faults(row, last=last, head=head):
            result.find("entry", shown("ent", entry), detail, height=height)
        heads[book] = (height, row[14])
    for book, _, _, height, head_hash in books.values():
        if (height, head_hash) != heads[book]:
            result.find(
                "book",
                shown("boo", book),
                f"its head is not its last entry, of height {heads[book][0]}",
                height=height,
            )


def _header_faults(row: Row, *, last: int, head: bytes) -> Iterator[str]:
    book, entry, height, kind, key, effective_on, micros, actor, memo, reverses = row[:10]
    line_count, total, content_hash, previous_hash, stored = row[10:]
    if height != last + 1:
        yield f"its height follows {last}"
    if previous_hash != head:
        yield "its previous hash is not the hash of the entry before it"
    recomputed = hashed(
        uuid(book), uuid(entry), integer(height), text(kind), text(key), day(effective_on), moment(micros), text(actor),
        text(memo), uuid(reverses), integer(line_count), amount(units(total)), raw(content_hash),
        raw(previous_hash),
    )  # fmt: skip
    if stored != recomputed:
        yield "its hash is not that of its columns"

"""The lines: their digests, counts, totals and accounts, and the movements that follow from them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ledger.journal.verification.accounts import KnownAccount
from ledger.journal.verification.encoding import (
    UUID_HEAD,
    integer,
    length,
    money,
    shown,
    text,
    units,
    uuid,
)
from ledger.journal.verification.findings import Verification
from ledger.journal.verification.reading import Groups, Row, stream

Progress = Callable[[int], None]
Sums = dict[bytes, list[int]]

_HEADERS: Final = """
    SELECT uuid_send(e.id), uuid_send(e.book_id), e.height, e.line_count, e.total::text,
           e.content_hash
      FROM journal_entry e
     WHERE %(book)s::uuid IS NULL OR e.book_id = %(book)s::uuid
     ORDER BY e.id
"""
_LINES: Final = """
    SELECT uuid_send(t.entry_id), uuid_send(t.book_id), t.line_count::bigint, t.line::bigint,
           uuid_send(t.debit_account_id), uuid_send(t.credit_account_id), t.currency,
           t.amount::text, t.subject, t.digest
      FROM journal_transfer t
     WHERE %(book)s::uuid IS NULL OR t.book_id = %(book)s::uuid
        OR t.entry_id IN (SELECT id FROM journal_entry WHERE book_id = %(book)s::uuid)
     ORDER BY t.entry_id, t.line
"""
_MOVEMENTS: Final = """
    SELECT uuid_send(m.entry_id), uuid_send(m.account_id), m.debits::text, m.credits::text
      FROM journal_movement m
     WHERE %(book)s::uuid IS NULL
        OR m.entry_id IN (SELECT id FROM journal_entry WHERE book_id = %(book)s::uuid)
     ORDER BY m.entry_id
"""


def verify_entries(
    result: Verification,
    scope: Mapping[str, Any],
    accounts: Mapping[bytes, KnownAccount],
    tell: Progress,
) -> Sums:
    """Holds every line against its header, and answers with what moved through each account."""
    lines = Groups(stream(_LINES, scope))
    movements = Groups(stream(_MOVEMENTS, scope))
    sums: Sums = defaultdict(lambda: [0, 0])
    currencies = {pk: (known.book, known.currency) for pk, known in accounts.items()}
    for header in stream(_HEADERS, scope):
        entry = header[0]
        _find_orphans(result, lines, movements, entry)
        moved = _verify_lines(result, header, lines.of(entry), currencies)
        _verify_movements(result, header, movements.of(entry), moved)
        for account, (debits, credits_) in moved.items():
            total = sums[account]
            total[0] += debits
            total[1] += credits_
        tell(header[3] + 1)
    _find_orphans(result, lines, movements, None)
    return sums


def _find_orphans(
    result: Verification, lines: Groups, movements: Groups, entry: bytes | None
) -> None:
    for table, groups in (("transfer", lines), ("movement", movements)):
        for owner, rows in groups.until(entry):
            count = sum(1 for _ in rows)
            result.find(table, shown("ent", owner), f"{count} of an entry that does not exist")


def _verify_lines(
    result: Verification,
    header: Row,
    rows: Iterator[Row],
    currencies: Mapping[bytes, tuple[bytes, str]],
) -> Sums:
    entry, book, height, line_count, total, content_hash = header
    head = uuid(book) + uuid(entry)
    sha256 = hashlib.sha256
    moved: Sums = defaultdict(lambda: [0, 0])
    content = sha256()
    count = units_in_all = 0
    for row in rows:
        _, line_book, line_lines, line, debit, credit, currency, amount, subject, digest = row
        count += 1
        raw_amount, raw_subject = amount.encode(), subject.encode()
        recomputed = sha256(
            head
            + integer(line_lines) + integer(line)
            + UUID_HEAD + debit + UUID_HEAD + credit
            + text(currency)
            + b"n" + length(len(raw_amount)) + raw_amount
            + b"t" + length(len(raw_subject)) + raw_subject
        ).digest()  # fmt: skip
        content.update(recomputed)
        moved_units = int(amount.replace(".", ""))
        units_in_all += moved_units
        moved[debit][0] += moved_units
        moved[credit][1] += moved_units
        if (
            recomputed != digest
            or line_book != book
            or line != count
            or line_lines != line_count
            or moved_units <= 0
            or currencies.get(debit) != (book, currency)
            or currencies.get(credit) != (book, currency)
        ):
            for detail in _line_faults(row, header, recomputed, count, currencies):
                result.find("transfer", f"{shown('ent', entry)} line {line}", detail, height=height)
    result.transfers += count
    name = shown("ent", entry)
    if count != line_count:
        result.find("entry", name, f"it says {line_count} lines and has {count}", height=height)
    if units_in_all != units(total):
        detail = f"its total is {total}, and its lines come to {money(units_in_all)}"
        result.find("entry", name, detail, height=height)
    if content.digest() != content_hash:
        result.find("entry", name, "its content hash is not that of its lines", height=height)
    return moved


def _line_faults(
    row: Row,
    header: Row,
    recomputed: bytes,
    count: int,
    currencies: Mapping[bytes, tuple[bytes, str]],
) -> Iterator[str]:
    _, line_book, line_lines, line, debit, credit, currency, amount, _, digest = row
    if recomputed != digest:
        yield "its digest is not that of its columns"
    if line_book != header[1]:
        yield "it lies in another book than its entry"
    if line != count:
        yield f"it stands where line {count} should"
    if line_lines != header[3]:
        yield f"it says its entry has {line_lines} lines, not {header[3]}"
    if units(amount) <= 0:
        yield f"its amount is {amount}"
    for side, account in (("debits", debit), ("credits", credit)):
        if currencies.get(account) != (header[1], currency):
            yield f"it {side} {shown('acc', account)}, which is not a {currency} account of the book"


def _verify_movements(result: Verification, header: Row, rows: Iterator[Row], moved: Sums) -> None:
    left = dict(moved)
    for entry, account, debits, credits_ in rows:
        row = f"{shown('acc', account)} of {shown('ent', entry)}"
        expected = left.pop(account, [0, 0])
        if [units(debits), units(credits_)] != expected:
            result.find(
                "movement",
                row,
                f"it says {debits} debit and {credits_} credit,"
                f" the lines {money(expected[0])} and {money(expected[1])}",
                height=header[2],
            )
    for account in left:
        row = f"{shown('acc', account)} of {shown('ent', header[0])}"
        result.find("movement", row, "it is missing", height=header[2])

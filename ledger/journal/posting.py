"""The one way in: a set of transfers under one key, posted whole or not at all.

A post locks its book's row, so a book has one writer at a time, and then takes the same path for
three lines or five hundred thousand:

1. the entry that may stand under the key already is compared and answered with;
2. one statement numbers the lines, writes them with their digests, adds each touched account's
   sums to its balance once, and answers with count, total and content hash;
3. the header comes last, because it says what was written and so seals it: the database counts
   the lines against it, after which no line can join (the migration `0002_guards` says why), and
   moves the book's head.

Running it again is safe: under the lock, the key decides whether there is anything to do.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from psycopg import sql

from ledger.ids import new_id
from ledger.journal import periods, seals
from ledger.journal.accounts import open_accounts
from ledger.journal.models import Account, Book, Entry
from ledger.journal.refusals import (
    AlreadyReversed,
    BadHeader,
    EntryDiffers,
    NoTransfers,
    Overdrawn,
    UnknownAccount,
    UnknownEntry,
    told_plainly,
)
from ledger.journal.sources import (
    MOST_LINES,
    PostingSource,
    TransferQuery,
    account_keys,
    prepared,
    require_lines,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """An entry as it stands. `created` is False when it had been posted before."""

    entry_id: UUID
    height: int
    hash: bytes
    line_count: int
    total: Decimal
    created: bool


def post(
    *,
    book_id: UUID,
    key: str,
    kind: str,
    effective_on: date,
    posted_at: datetime,
    actor: str,
    transfers: PostingSource,
    memo: str = "",
    reverses: UUID | None = None,
) -> Posted:
    """Posts `transfers` as one entry, or answers with the entry that stands under `key`.

    A standing entry must be of the same kind and have the same lines; its day, memo and actor
    remain as first given. Accounts named by words are opened on demand, and so is the month if it
    follows the last closed one.

    Raises EntryDiffers, PeriodClosed, FuturePeriod, Overdrawn, AlreadyReversed, BookBusy,
    BadAmount, BadTransfer, BadHeader, NoTransfers, UnknownParty, UnknownAccount, WrongParty.
    """
    _require_header(key=key, kind=kind, actor=actor, memo=memo, posted_at=posted_at)
    if not isinstance(transfers, TransferQuery):
        require_lines(transfers)
    try:
        with told_plainly(), transaction.atomic():
            book = Book.objects.select_for_update(no_key=True).get(pk=book_id)
            standing = Entry.objects.filter(book=book, key=key).first()
            if standing is not None:
                _require_same(standing, kind=kind, reverses=reverses, transfers=transfers)
                return _posted(standing, created=False)
            periods.require_open(book=book, effective_on=effective_on, now=posted_at)
            if reverses is not None and Entry.objects.filter(reverses_id=reverses).exists():
                raise AlreadyReversed
            if not isinstance(transfers, TransferQuery):
                keys = account_keys(transfers)
                open_accounts(book_id=book.pk, mode=book.mode, keys=keys, now=posted_at)
            entry_id = new_id()
            content = _write_lines(book_id, entry_id, transfers)
            header = seals.Header(
                book_id=book.pk,
                id=entry_id,
                height=book.height + 1,
                kind=kind,
                key=key,
                effective_on=effective_on,
                posted_at=posted_at,
                actor=actor,
                memo=memo,
                reverses_id=reverses,
                line_count=content.count,
                total=content.total,
                content_hash=content.hash,
                previous_hash=bytes(book.head_hash),
            )
            values = {name: getattr(header, name) for name in header.__slots__}
            entry = Entry(**values, hash=header.hash())
            entry.save(force_insert=True)
            return _posted(entry, created=True)
    except Overdrawn as refusal:
        raise _named(refusal) from refusal.__cause__


# Mirrors an entry's lines in their own order.
_MIRROR: Final = sql.SQL(
    """
    SELECT credit_account_id AS debit_account_id, debit_account_id AS credit_account_id,
           amount, subject, line AS position
      FROM journal_transfer WHERE entry_id = %(reversed_id)s
    """
)


def reverse(
    *,
    entry_id: UUID,
    key: str,
    effective_on: date,
    posted_at: datetime,
    actor: str,
    memo: str = "",
    kind: str = "reversal",
) -> Posted:
    """Posts the mirror of an entry, with the sides swapped; at most once per entry.

    Raises UnknownEntry, AlreadyReversed, Overdrawn (the money has left: book a clawback instead)
    and what `post` raises.
    """
    entry = Entry.objects.filter(pk=entry_id).first()
    if entry is None:
        raise UnknownEntry
    mirror = TransferQuery(select=_MIRROR, parameters={"reversed_id": entry.pk}, positioned=True)
    return post(
        book_id=entry.book_id,
        key=key,
        kind=kind,
        effective_on=effective_on,
        posted_at=posted_at,
        actor=actor,
        memo=memo,
        reverses=entry.pk,
        transfers=mirror,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Content:
    count: int
    total: Decimal
    hash: bytes


# The lines, numbered in their order and complete with their digests. A currency is that of the
# debited account; one of an unknown account is NULL, which the table refuses, as it does the NULL
# that stands for an amount finer than it can hold.
_LINES: Final = sql.SQL(
    """
    SELECT n.*, a.currency, {digest} AS digest
      FROM (
        SELECT (row_number() OVER (ORDER BY {order}))::int AS line,
               (count(*) OVER ())::int AS line_count,
               s.debit_account_id, s.credit_account_id, s.subject::text,
               CASE WHEN s.amount = s.amount::numeric(24,8)
                    THEN s.amount::numeric(24,8) END AS amount
          FROM ({source}) s
      ) n LEFT JOIN journal_account a ON a.id = n.debit_account_id
    """
)

# Reads the source once; writes the lines and, once per account, its movement and its balance. Safe
# because the book's row is locked, and refused whole if the sums take an account below zero.
_WRITE: Final = sql.SQL(
    """
    WITH written AS (
        INSERT INTO journal_transfer (entry_id, line, line_count, book_id, debit_account_id,
                                      credit_account_id, amount, currency, subject, digest)
        SELECT %(entry_id)s, l.line, l.line_count, %(book_id)s, l.debit_account_id,
               l.credit_account_id, l.amount, l.currency, l.subject, l.digest
          FROM ({lines}) l
        RETURNING line, debit_account_id, credit_account_id, amount, digest
    ), movement AS (
        SELECT m.account_id, sum(m.debit) AS debits, sum(m.credit) AS credits
          FROM written w
         CROSS JOIN LATERAL (VALUES (w.debit_account_id, w.amount, 0::numeric),
                                    (w.credit_account_id, 0::numeric, w.amount)
                            ) AS m (account_id, debit, credit)
         GROUP BY m.account_id
    ), carded AS (
        INSERT INTO journal_movement (account_id, entry_id, debits, credits)
        SELECT account_id, %(entry_id)s, debits, credits FROM movement
    ), moved AS (
        UPDATE journal_balance b
           SET debits = b.debits + m.debits, credits = b.credits + m.credits
          FROM movement m WHERE b.account_id = m.account_id
        RETURNING b.account_id
    ), content AS (
        SELECT count(*) AS lines, sum(amount) AS total,
               sha256(string_agg(digest, ''::bytea ORDER BY line)) AS hash
          FROM written
    )
    SELECT lines, total, hash, (SELECT count(*) FROM movement), (SELECT count(*) FROM moved)
      FROM content
    """
)

# What the lines would hash to, written nowhere: for a repeat.
_COMPARE: Final = sql.SQL(
    """
    SELECT count(*), sum(l.amount), sha256(string_agg(l.digest, ''::bytea ORDER BY l.line)), 0, 0
      FROM ({lines}) l
    """
)


def _write_lines(book_id: UUID, entry_id: UUID, transfers: PostingSource) -> _Content:
    count, total, content_hash, touched, moved = _run(_WRITE, book_id, entry_id, transfers)
    if not 1 <= count <= MOST_LINES:
        raise NoTransfers
    if touched != moved:
        raise UnknownAccount
    return _Content(count=count, total=total, hash=bytes(content_hash))


def _require_same(
    standing: Entry, *, kind: str, reverses: UUID | None, transfers: PostingSource
) -> None:
    _, _, content_hash, *_ = _run(_COMPARE, standing.book_id, standing.pk, transfers)
    given = (kind, reverses, content_hash and bytes(content_hash))
    if given != (standing.kind, standing.reverses_id, bytes(standing.content_hash)):
        raise EntryDiffers(
            f"The key {standing.key!r} stands for another entry, {standing.shown_id}."
        )


def _run(
    statement: sql.SQL, book_id: UUID, entry_id: UUID, transfers: PostingSource
) -> tuple[Any, ...]:
    with connection.cursor() as cursor:
        source = prepared(transfers, book_id=book_id, cursor=cursor.cursor)
        lines = _LINES.format(digest=seals.LINE_DIGEST, order=source.order, source=source.select)
        parameters = {
            **source.parameters,
            "book_id": book_id,
            "entry_id": entry_id,
            "line_head": seals.line_head(book_id=book_id, entry_id=entry_id),
        }
        cursor.execute(statement.format(lines=lines), parameters)
        row: tuple[Any, ...] | None = cursor.fetchone()
    assert row is not None
    return row


def _posted(entry: Entry, *, created: bool) -> Posted:
    return Posted(
        entry_id=entry.pk,
        height=entry.height,
        hash=bytes(entry.hash),
        line_count=entry.line_count,
        total=entry.total,
        created=created,
    )


_LIMITS: Final = {"key": 200, "kind": 60, "actor": 200, "memo": 500}


def _require_header(*, posted_at: datetime, **texts: str) -> None:
    """Raises BadHeader."""
    for name, text in texts.items():
        if (not text and name != "memo") or len(text) > _LIMITS[name] or "\x00" in text:
            raise BadHeader(f"An entry's {name} has 1 to {_LIMITS[name]} characters.")
    if posted_at.utcoffset() is None:
        raise BadHeader("An entry is posted at a moment with an offset.")


def _named(refusal: Overdrawn) -> Overdrawn:
    """The refusal with the account's name, which is read after the failed write was undone."""
    if refusal.account_id is None:
        return refusal
    account = Account.objects.select_related("party").filter(pk=refusal.account_id).first()
    if account is None:
        return refusal
    return Overdrawn(f"{account} may not go below zero.", account_id=account.pk)

"""The hashes of the books: what bytes stand for a row, and how entries are chained.

A row's bytes are its columns one after the other, each as a letter for its type, four bytes of
length (big-endian) and the value:

    u  a UUID's 16 bytes              i  an integer, 8 bytes, big-endian, signed
    n  an amount, decimal text with   t  a text in UTF-8
       exactly eight decimals         d  a day as ISO text
    b  bytes as they are              z  a moment: microseconds since 1970 in UTC, as `i`
    0  nothing (NULL), length 0

Because type and length stand before each value, no two rows share their bytes.

    line     sha256 of: book u, entry u, line_count i, line i, debit account u, credit account u,
             currency t, amount n, subject t
    content  sha256 of the lines' digests one after the other, in order of line
    entry    sha256 of: book u, id u, height i, kind t, key t, effective_on d, posted_at z, actor t,
             memo t, reverses u or 0, line_count i, total n, content_hash b, previous_hash b
    genesis  sha256 of: book u, mode t, name t (the previous hash of a book's first entry)
    row      of a closed month: sha256 of: account u, party_ref t, role t, currency t, subject t,
             debits n, credits n; the month's trial balance: sha256 of these in order of account
    period   sha256 of: book u, id u, month d, opened_at z, closed_at z, closed_by t, height i,
             head_hash b, row_count i, trial_balance_hash b, hash of the month closed before b or 0
    account  the first 16 bytes of sha256 of: book u, party_ref t, role t, currency t, subject t,
             marked as a version 8 UUID
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Final
from uuid import UUID

from psycopg import sql

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Value = UUID | int | Decimal | str | date | datetime | bytes | None


def row_bytes(*values: Value) -> bytes:
    """The bytes that stand for a row of these values."""
    return b"".join(_field(value) for value in values)


def _field(value: Value) -> bytes:
    match value:
        case None:
            tag, body = b"0", b""
        case UUID():
            tag, body = b"u", value.bytes
        case int():
            tag, body = b"i", value.to_bytes(8, "big", signed=True)
        case Decimal():
            tag, body = b"n", f"{value:.8f}".encode()
        case str():
            tag, body = b"t", value.encode()
        case datetime():
            micros = (value - _EPOCH) // timedelta(microseconds=1)
            tag, body = b"z", micros.to_bytes(8, "big", signed=True)
        case date():
            tag, body = b"d", value.isoformat().encode()
        case bytes():
            tag, body = b"b", value
    return tag + len(body).to_bytes(4, "big") + body


def genesis_hash(*, book_id: UUID, mode: str, name: str) -> bytes:
    """What the first entry of a book has for its previous hash."""
    return sha256(row_bytes(book_id, mode, name)).digest()


def account_id(*, book_id: UUID, party_ref: str, role: str, currency: str, subject: str) -> UUID:
    """The id of the one account that these words name."""
    digest = sha256(row_bytes(book_id, party_ref, str(role), currency, subject)).digest()
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF << 76) | (8 << 76)
    number = number & ~(0x3 << 62) | (2 << 62)
    return UUID(int=number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """All that an entry's hash covers, in order."""

    book_id: UUID
    id: UUID
    height: int
    kind: str
    key: str
    effective_on: date
    posted_at: datetime
    actor: str
    memo: str
    reverses_id: UUID | None
    line_count: int
    total: Decimal
    content_hash: bytes
    previous_hash: bytes

    def hash(self) -> bytes:
        """The entry's hash."""
        values = (getattr(self, name) for name in self.__slots__)
        return sha256(row_bytes(*values)).digest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """All that a closed month's hash covers, in order."""

    book_id: UUID
    id: UUID
    month: date
    opened_at: datetime
    closed_at: datetime
    closed_by: str
    height: int
    head_hash: bytes
    row_count: int
    trial_balance_hash: bytes
    previous_hash: bytes | None

    def hash(self) -> bytes:
        """The closed month's hash."""
        values = (getattr(self, name) for name in self.__slots__)
        return sha256(row_bytes(*values)).digest()


def _text(expression: str) -> str:
    return f"'t'::bytea || int4send(octet_length({expression})) || convert_to({expression}, 'UTF8')"


def _amount(expression: str) -> str:
    # The column's type gives eight decimals in its text, no more and no fewer.
    return (
        f"'n'::bytea || int4send(length({expression}::numeric(32,8)::text))"
        f" || convert_to({expression}::numeric(32,8)::text, 'UTF8')"
    )


def _uuid(expression: str) -> str:
    return rf"'\x7500000010'::bytea || uuid_send({expression})"


def _integer(expression: str) -> str:
    return rf"'\x6900000008'::bytea || int8send({expression})"


# The digest of a line `n`, given the constant start of its bytes: book and entry.
LINE_DIGEST: Final = sql.SQL(
    "sha256(%(line_head)s::bytea || "
    + " || ".join(
        (
            _integer("n.line_count"),
            _integer("n.line"),
            _uuid("n.debit_account_id"),
            _uuid("n.credit_account_id"),
            _text("a.currency"),
            _amount("n.amount"),
            _text("n.subject"),
        )
    )
    + ")"
)

# The digest of a row `r` of a trial balance.
TRIAL_BALANCE_DIGEST: Final = sql.SQL(
    "sha256("
    + " || ".join(
        (
            _uuid("r.account_id"),
            _text("r.party_ref"),
            _text("r.role"),
            _text("r.currency"),
            _text("r.subject"),
            _amount("r.debits"),
            _amount("r.credits"),
        )
    )
    + ")"
)

_ACCOUNT_BYTES = (
    "sha256(%(account_head)s::bytea || "
    + " || ".join(_text(f"w.{name}") for name in ("party_ref", "role", "currency", "subject"))
    + ")"
)

# The id of the account that a row `w` names, given the constant start of its bytes: the book.
ACCOUNT_ID: Final = sql.SQL(
    "encode(set_byte(set_byte(d.digest, 6, get_byte(d.digest, 6) & 15 | 128),"
    " 8, get_byte(d.digest, 8) & 63 | 128), 'hex')::uuid"
)
ACCOUNT_DIGEST: Final = sql.SQL(f"substr({_ACCOUNT_BYTES}, 1, 16)")


def line_head(*, book_id: UUID, entry_id: UUID) -> bytes:
    """What every line of an entry begins with."""
    return row_bytes(book_id, entry_id)

"""What bytes stand for a row, written anew from the specification in the docstring of `seals`.

Amounts are counts of 1e-8 here: whole numbers add up fast and exactly.
"""

from __future__ import annotations

import hashlib
import struct
from uuid import UUID

from ledger import ids

length = struct.Struct(">I").pack
_eight = struct.Struct(">cIq").pack
UUID_HEAD = b"u\x00\x00\x00\x10"
_NOTHING = b"0\x00\x00\x00\x00"


def text(value: str) -> bytes:
    """A text."""
    encoded = value.encode()
    return b"t" + length(len(encoded)) + encoded


def amount(count: int) -> bytes:
    """An amount, given in units of 1e-8."""
    written = money(count).encode()
    return b"n" + length(len(written)) + written


def integer(value: int) -> bytes:
    """A whole number."""
    return _eight(b"i", 8, value)


def moment(micros: int) -> bytes:
    """A moment, given in microseconds since 1970."""
    return _eight(b"z", 8, micros)


def uuid(value: bytes | None) -> bytes:
    """A UUID, or nothing."""
    return _NOTHING if value is None else UUID_HEAD + value


def day(iso: str) -> bytes:
    """A day, given as ISO text."""
    return b"d" + length(len(iso)) + iso.encode()


def raw(value: bytes | None) -> bytes:
    """Bytes, or nothing."""
    return _NOTHING if value is None else b"b" + length(len(value)) + value


def hashed(*parts: bytes) -> bytes:
    """The SHA-256 of the parts one after the other."""
    return hashlib.sha256(b"".join(parts)).digest()


def units(written: str) -> int:
    """The count of 1e-8 in an amount written with eight decimals."""
    return int(written.replace(".", ""))


def money(count: int) -> str:
    """An amount in units of 1e-8, written with eight decimals."""
    whole, rest = divmod(abs(count), 10**8)
    return f"{'-' if count < 0 else ''}{whole}.{rest:08d}"


def shown(prefix: str, value: bytes) -> str:
    """An id as it stands in URLs and documents."""
    return ids.show(prefix, UUID(bytes=bytes(value)))

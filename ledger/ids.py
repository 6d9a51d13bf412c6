"""Identifiers: time-ordered UUIDv7 inside, prefixed strings outside.

Outside, an id is `<prefix>_<26 characters>`: Crockford's base 32 in lower case over the 128 bits,
so that ids sort by time as text too.
"""

from __future__ import annotations

import uuid

import uuid_utils.compat

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUE = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 26


def new_id() -> uuid.UUID:
    """A fresh UUIDv7: 48 bits of milliseconds, then random bits."""
    return uuid_utils.compat.uuid7()


def show(prefix: str, value: uuid.UUID) -> str:
    """The prefixed form of an id, as it stands in URLs and documents."""
    number = value.int
    characters = []
    for _ in range(_LENGTH):
        characters.append(_ALPHABET[number & 31])
        number >>= 5
    return f"{prefix}_{''.join(reversed(characters))}"


def read(prefix: str, text: str) -> uuid.UUID:
    """The id behind a prefixed form. Raises ValueError for anything `show` would not have written."""
    head, separator, tail = text.partition("_")
    if head != prefix or not separator or len(tail) != _LENGTH:
        raise ValueError(f"not an id of the form {prefix}_…")
    number = 0
    for character in tail:
        if character not in _VALUE:
            raise ValueError(f"not an id of the form {prefix}_…")
        number = number << 5 | _VALUE[character]
    if number >> 128:
        raise ValueError(f"not an id of the form {prefix}_…")
    return uuid.UUID(int=number)

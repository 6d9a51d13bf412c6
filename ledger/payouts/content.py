"""The content of a batch: what an approval binds. SHA-256 over payees, amounts and destinations.

The database computes the same hash by itself (`payouts_content_hash` in the migration
`0002_guards`) and refuses an approval of anything else. The text that is hashed: a heading line,
then the batch's id, its book's id, currency and rail, then a line per item in the order of the
ids. A text that may hold any character is written with its length in bytes before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

HEADING = "assent-payout-batch-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One item of a batch as its hash sees it."""

    item: UUID
    party: str
    amount: Decimal
    destination: UUID
    kind: str
    account: str
    account_name: str


def content_hash(
    *, batch: UUID, book: UUID, currency: str, rail: str, lines: Iterable[Line]
) -> bytes:
    """The 32 bytes an approval is bound to."""
    text = [HEADING, str(batch), str(book), currency, rail]
    text += [_line(line) for line in sorted(lines, key=lambda line: line.item.int)]
    return hashlib.sha256("\n".join(text).encode()).digest()


def _line(line: Line) -> str:
    return "|".join(
        (
            str(line.item),
            _sized(line.party),
            f"{line.amount:.8f}",
            str(line.destination),
            line.kind,
            _sized(line.account),
            _sized(line.account_name),
        )
    )


def _sized(text: str) -> str:
    return f"{len(text.encode())}:{text}"

"""Posts without end, and says which entries were acknowledged: a program that PostgreSQL dies under.

Run as `python -m tests.faults.posting_load <name> <book id>`. Each acknowledged key is a line on
standard output. A lost connection is met as any client meets it: by asking again with the same key.
"""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import django

PATIENCE = 60.0
LINES = 12


def main(name: str, book_id: UUID) -> None:
    """Posts one entry after the other until it is stopped."""
    from django.db import Error, connection

    from ledger.errors import Refused
    from ledger.journal.accounts import AccountKey
    from ledger.journal.chart import Role
    from ledger.journal.posting import post
    from ledger.journal.sources import TransferLine

    owed = AccountKey(party_ref="reel", role=Role.RECEIVABLE, currency="USD", subject=name)
    earned = AccountKey(party_ref="ada", role=Role.PAYABLE, currency="USD", subject=name)
    number = 0
    asked_since = time.monotonic()
    while time.monotonic() - asked_since < PATIENCE:
        try:
            post(
                book_id=book_id,
                key=f"{name}-{number}",
                kind="load",
                effective_on=date(2026, 10, 15),
                posted_at=datetime(2026, 10, 15, 12, 0, tzinfo=UTC),
                actor=name,
                transfers=[
                    TransferLine(
                        debit=owed, credit=earned, amount=Decimal("0.0004"), subject=str(line)
                    )
                    for line in range(LINES)
                ],
            )
        except (Error, Refused):
            # Whether it was committed is not known: the same key is asked for again.
            connection.close()
            time.sleep(0.05)
            continue
        print(f"{name}-{number}", flush=True)
        number += 1
        asked_since = time.monotonic()


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["CONN_MAX_AGE"] = "600"
    os.environ["LOG_LEVEL"] = "CRITICAL"
    django.setup()
    main(sys.argv[1], UUID(sys.argv[2]))

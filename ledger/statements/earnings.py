"""Earnings: what has been added to what is owed, by month and subject, straight from the journal."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from django.db import connection

from ledger.actor import Actor
from ledger.statements.draw import OWED


@dataclass(frozen=True, slots=True, kw_only=True)
class Earning:
    """What a subject (opaque; may be empty) earned in a month; corrections count against it."""

    party: str
    month: date
    currency: str
    subject: str
    amount: Decimal


# What crossed between the parties' owed accounts and anybody else's, but for cash: a payout is no
# negative earning. The entries are found by the accounts' cards of movements. Reads only.
_EARNINGS: Final = """
WITH mine AS MATERIALIZED (
    SELECT a.id, p.ref FROM journal_account a JOIN journal_party p ON p.id = a.party_id
     WHERE p.mode = %(mode)s AND p.ref = ANY(%(parties)s) AND a.role = ANY(%(roles)s)
), touched AS (
    SELECT DISTINCT m.entry_id FROM journal_movement m JOIN mine ON mine.id = m.account_id
), sides AS (
    SELECT c.ref AS party, t.entry_id, t.debit_account_id AS other, t.currency, t.subject, t.amount
      FROM touched JOIN journal_transfer t ON t.entry_id = touched.entry_id
      JOIN mine c ON c.id = t.credit_account_id
      LEFT JOIN mine d ON d.id = t.debit_account_id
     WHERE d.ref IS DISTINCT FROM c.ref
     UNION ALL
    SELECT d.ref, t.entry_id, t.credit_account_id, t.currency, t.subject, -t.amount
      FROM touched JOIN journal_transfer t ON t.entry_id = touched.entry_id
      JOIN mine d ON d.id = t.debit_account_id
      LEFT JOIN mine c ON c.id = t.credit_account_id
     WHERE c.ref IS DISTINCT FROM d.ref
)
SELECT s.party, date_trunc('month', e.effective_on)::date, s.currency, s.subject, sum(s.amount)
  FROM sides s
  JOIN journal_entry e ON e.id = s.entry_id
  JOIN journal_account o ON o.id = s.other
 WHERE o.role <> 'cash'
 GROUP BY 1, 2, 3, 4
 ORDER BY 2, 3, 1, 4
"""


def earnings_of(*, actor: Actor, parties: Collection[str]) -> list[Earning]:
    """Everything these parties have earned, oldest month first; only those the actor may see."""
    actor.require("earnings:read")
    seen = list(parties) if actor.is_house else [each for each in parties if each in actor.parties]
    with connection.cursor() as cursor:
        cursor.execute(
            _EARNINGS,
            {"mode": actor.mode, "parties": seen, "roles": [role.value for role in OWED]},
        )
        return [
            Earning(party=party, month=month, currency=currency, subject=subject, amount=amount)
            for party, month, currency, subject, amount in cursor
        ]

"""Accounts: opened the first time something moves through them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction
from psycopg import sql

from ledger.journal import seals
from ledger.journal.chart import CHART, Role
from ledger.journal.models import Account, Party
from ledger.journal.refusals import (
    BadTransfer,
    UnknownAccount,
    UnknownParty,
    WrongParty,
    told_plainly,
)
from ledger.money import is_currency


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountKey:
    """The words that name an account in a book. `subject` narrows it, for instance to an agreement."""

    party_ref: str
    role: Role
    currency: str
    subject: str = ""

    def __str__(self) -> str:
        tail = f":{self.subject}" if self.subject else ""
        return f"{Role(self.role).value}:{self.party_ref}:{self.currency}{tail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A SELECT and its named parameters (`%(name)s`), to be run inside another statement."""

    select: sql.Composable
    parameters: Mapping[str, Any]


def account_id(*, book_id: UUID, key: AccountKey) -> UUID:
    """The id of the account that `key` names, whether or not it has been opened."""
    return seals.account_id(
        book_id=book_id,
        party_ref=key.party_ref,
        role=Role(key.role).value,
        currency=key.currency,
        subject=key.subject,
    )


# Reads the wanted words, writes the accounts that are missing and an empty balance for each. Safe
# to run twice and beside itself: the id follows from the words, so a second opening conflicts.
# Sorted, because two openings at once would otherwise wait for one another in a circle.
_OPEN: Final = sql.SQL(
    """
    WITH wanted AS (
        SELECT DISTINCT party_ref::text, role::text, currency::text, subject::text FROM ({source}) s
    ), named AS (
        SELECT w.*, {account_id} AS id
          FROM wanted w CROSS JOIN LATERAL (SELECT {digest} AS digest) d
    ), chart (role, kind, party_kind, normal_side, may_overdraw) AS (VALUES {chart}),
    opened AS (
        INSERT INTO journal_account (id, book_id, mode, party_id, party_kind, role, currency,
                                     subject, kind, normal_side, may_overdraw, opened_at)
        SELECT n.id, b.id, b.mode, p.id, c.party_kind, n.role, n.currency,
               n.subject, c.kind, c.normal_side, c.may_overdraw, %(now)s
          FROM named n
          JOIN journal_book b ON b.id = %(book_id)s
          LEFT JOIN journal_party p ON p.mode = b.mode AND p.ref = n.party_ref
          LEFT JOIN chart c ON c.role = n.role
         WHERE NOT EXISTS (SELECT FROM journal_account a WHERE a.id = n.id)
         ORDER BY n.id
        ON CONFLICT DO NOTHING
        RETURNING id, normal_side, may_overdraw
    )
    INSERT INTO journal_balance (account_id, normal_side, may_overdraw, debits, credits)
    SELECT id, normal_side, may_overdraw, 0, 0 FROM opened
    """
)
_CHART_ROWS: Final = sql.SQL(", ").join(
    sql.SQL("({}, {}, {}, {}, {})").format(
        sql.Literal(role.value),
        sql.Literal(rule.kind.value),
        sql.Literal(rule.party_kind.value),
        sql.Literal(rule.normal_side.value),
        sql.Literal(rule.may_overdraw),
    )
    for role, rule in CHART.items()
)


def open_by_query(*, book_id: UUID, source: Query, now: datetime) -> int:
    """Opens the accounts that `source` names and answers how many were new.

    `source` selects party_ref, role, currency, subject (none of them NULL); the parties must
    stand. The ids are then found by joining `journal_account` on book, party, role, currency and
    subject. Raises UnknownParty, WrongParty, BadTransfer.
    """
    statement = _OPEN.format(
        source=source.select,
        digest=seals.ACCOUNT_DIGEST,
        account_id=seals.ACCOUNT_ID,
        chart=_CHART_ROWS,
    )
    parameters = {
        **source.parameters,
        "book_id": book_id,
        "account_head": seals.row_bytes(book_id),
        "now": now,
    }
    with told_plainly(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


def open_accounts(
    *, book_id: UUID, mode: str, keys: Collection[AccountKey], now: datetime
) -> dict[AccountKey, UUID]:
    """The ids of the accounts that `keys` name, opened where they are missing.

    Raises UnknownParty, WrongParty, BadTransfer, each naming the first account it is about.
    """
    ids = {key: account_id(book_id=book_id, key=key) for key in keys}
    standing = set(Account.objects.filter(pk__in=ids.values()).values_list("pk", flat=True))
    missing = [key for key, found in ids.items() if found not in standing]
    if missing:
        _require_parties(missing, mode)
        columns: dict[str, Any] = {
            name: [str(getattr(key, name)) for key in missing]
            for name in ("party_ref", "role", "currency", "subject")
        }
        select = sql.SQL(
            "SELECT * FROM unnest(%(party_ref)s::text[], %(role)s::text[], %(currency)s::text[],"
            " %(subject)s::text[]) AS k (party_ref, role, currency, subject)"
        )
        open_by_query(book_id=book_id, source=Query(select=select, parameters=columns), now=now)
    return ids


def _require_parties(keys: Collection[AccountKey], mode: str) -> None:
    """The friendly form of what the database would refuse."""
    kinds = dict(
        Party.objects.filter(mode=mode, ref__in={key.party_ref for key in keys}).values_list(
            "ref", "kind"
        )
    )
    for key in keys:
        if not is_currency(key.currency):
            raise BadTransfer(f"{key}: there is no currency {key.currency!r}.")
        if len(key.subject) > 80 or "\x00" in key.subject:
            raise BadTransfer(
                f"An account's subject has at most 80 characters, unlike {key!s:.200}."
            )
        if key.party_ref not in kinds:
            raise UnknownParty(f"{key}: the books do not know the party {key.party_ref}.")
        if kinds[key.party_ref] != CHART[Role(key.role)].party_kind:
            raise WrongParty(f"{key}: {key.party_ref} is of the kind {kinds[key.party_ref]}.")


def find(*, book_id: UUID, key: AccountKey) -> Account:
    """The account that `key` names. Raises UnknownAccount if it was never opened."""
    try:
        return Account.objects.select_related("party", "balance").get(
            pk=account_id(book_id=book_id, key=key)
        )
    except Account.DoesNotExist:
        raise UnknownAccount(f"The books do not know the account {key}.") from None

"""The accounts: that each is what its id says, behaves as the chart says, and balances."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ledger.journal.chart import CHART, Role
from ledger.journal.verification.encoding import hashed, money, shown, text, units, uuid
from ledger.journal.verification.findings import Verification
from ledger.journal.verification.reading import Row, stream

_ACCOUNTS: Final = """
    SELECT uuid_send(a.id), uuid_send(a.book_id), p.ref, a.role, a.currency, a.subject, a.kind,
           a.party_kind, a.normal_side, a.may_overdraw, a.mode, b.mode, p.mode, p.kind
      FROM journal_account a
      LEFT JOIN journal_party p ON p.id = a.party_id
      LEFT JOIN journal_book b ON b.id = a.book_id
     WHERE %(book)s::uuid IS NULL OR a.book_id = %(book)s::uuid
"""
_BALANCES: Final = """
    SELECT uuid_send(b.account_id), b.normal_side, b.may_overdraw, b.debits::text, b.credits::text
      FROM journal_balance b
     WHERE %(book)s::uuid IS NULL
        OR b.account_id IN (SELECT id FROM journal_account WHERE book_id = %(book)s::uuid)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownAccount:
    """An account as its row says it is."""

    book: bytes
    party_ref: str
    role: str
    currency: str
    subject: str
    normal_side: str
    may_overdraw: bool
    faults: tuple[str, ...]


def read_accounts(scope: Mapping[str, Any]) -> dict[bytes, KnownAccount]:
    """Every account of the books in question, by id."""
    return {
        row[0]: KnownAccount(
            book=row[1],
            party_ref=row[2] or "",
            role=row[3],
            currency=row[4],
            subject=row[5],
            normal_side=row[8],
            may_overdraw=row[9],
            faults=tuple(_account_faults(row)),
        )
        for row in stream(_ACCOUNTS, scope)
    }


def _account_faults(row: Row) -> Iterator[str]:
    account, book, ref, role, currency, subject, kind, party_kind, side, may_overdraw = row[:10]
    mode, book_mode, party_mode, kind_of_party = row[10:]
    if book_mode is None or ref is None:
        yield "its book or its party does not exist"
        return
    # The id is a digest of what the account is, marked as a version 8 UUID.
    digest = bytearray(
        hashed(uuid(book), text(ref), text(role), text(currency), text(subject))[:16]
    )
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    if bytes(digest) != account:
        yield "its id does not follow from its book, party, role, currency and subject"
    if not mode == book_mode == party_mode:
        yield f"its mode is {mode}, its book's {book_mode}, its party's {party_mode}"
    rule = CHART.get(Role(role)) if role in Role.values else None
    if rule is None:
        yield f"the chart has no role {role}"
    elif (kind, party_kind, kind_of_party, side, may_overdraw) != (
        rule.kind,
        rule.party_kind,
        rule.party_kind,
        rule.normal_side,
        rule.may_overdraw,
    ):
        yield f"it does not behave as the chart says of {role}"


def verify_accounts(
    result: Verification,
    scope: Mapping[str, Any],
    accounts: Mapping[bytes, KnownAccount],
    sums: Mapping[bytes, list[int]],
) -> None:
    """Each account, and that its balance is the sum of its lines, on the right side of zero."""
    result.accounts = len(accounts)
    for account, known in accounts.items():
        for detail in known.faults:
            result.find("account", shown("acc", account), detail)
    unseen = set(accounts)
    for account, side, may_overdraw, debits, credits_ in stream(_BALANCES, scope):
        unseen.discard(account)
        name = shown("acc", account)
        owner = accounts.get(account)
        if owner is None:
            result.find("balance", name, "its account does not exist")
            continue
        if (side, may_overdraw) != (owner.normal_side, owner.may_overdraw):
            result.find("balance", name, "its nature is not its account's")
        debited, credited = sums.get(account, (0, 0))
        if (units(debits), units(credits_)) != (debited, credited):
            result.find(
                "balance",
                name,
                f"it says {debits} debit and {credits_} credit,"
                f" the lines {money(debited)} and {money(credited)}",
            )
        net = debited - credited if owner.normal_side == "debit" else credited - debited
        if net < 0 and not owner.may_overdraw:
            result.find("balance", name, f"it stands at {money(net)} and may not be overdrawn")
    for account in unseen:
        result.find("balance", shown("acc", account), "it is missing")
    for account in sums.keys() - accounts.keys():
        result.find(
            "account", shown("acc", account), "lines move through it, and it does not exist"
        )

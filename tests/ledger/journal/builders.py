"""Books for tests: valid by default, with a small cast of parties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from ledger.actor import Mode
from ledger.journal import books, parties
from ledger.journal.accounts import AccountKey, find
from ledger.journal.balances import balance
from ledger.journal.chart import CHART, PartyKind, Role
from ledger.journal.models import Book, Entry
from ledger.journal.posting import Posted, post
from ledger.journal.report import journal_text
from ledger.journal.sources import PostingSource, TransferLine

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
OCTOBER = date(2026, 10, 15)
REFS = {
    PartyKind.HOLDER: "ada",
    PartyKind.PLATFORM: "reel",
    PartyKind.HOUSE: "house",
    PartyKind.AUTHORITY: "revenue",
    PartyKind.BANK: "bank",
}


def account(role: Role, party: str = "", currency: str = "USD", subject: str = "") -> AccountKey:
    """An account of the role's usual party."""
    ref = party or REFS[CHART[role].party_kind]
    return AccountKey(party_ref=ref, role=role, currency=currency, subject=subject)


def move(
    debit: AccountKey | Role, credit: AccountKey | Role, amount: str | Decimal, subject: str = ""
) -> TransferLine:
    """One line: the first is debited, the second credited."""
    return TransferLine(
        debit=account(debit) if isinstance(debit, Role) else debit,
        credit=account(credit) if isinstance(credit, Role) else credit,
        amount=Decimal(amount),
        subject=subject,
    )


def usd(*amounts: str | int) -> tuple[Decimal, ...]:
    """Amounts as they are compared."""
    return tuple(Decimal(amount) for amount in amounts)


EARNED = move(Role.RECEIVABLE, Role.PAYABLE, "12.50")


@dataclass(slots=True)
class Ledger:
    """A book with its parties, and short words for what tests do with it."""

    book: Book
    number: int = field(default=0)

    def post(
        self,
        *lines: TransferLine,
        source: PostingSource | None = None,
        key: str = "",
        kind: str = "royalty",
        on: date = OCTOBER,
        at: datetime = NOW,
        memo: str = "",
    ) -> Posted:
        """Posts the lines (or one that is valid) under the key (or a new one)."""
        self.number += 1
        transfers: Sequence[TransferLine] = lines or (EARNED,)
        return post(
            book_id=self.book.pk,
            key=key or f"entry-{self.number}",
            kind=kind,
            effective_on=on,
            posted_at=at,
            actor="the bookkeeper",
            memo=memo,
            transfers=transfers if source is None else source,
        )

    def balance(
        self, key: AccountKey | Role, as_of: date | None = None, known_at: datetime | None = None
    ) -> Decimal:
        """What stands on the account, on its normal side."""
        named = account(key) if isinstance(key, Role) else key
        found = find(book_id=self.book.pk, key=named)
        return balance(account_id=found.pk, as_of=as_of, as_known_at=known_at)

    def journal(self) -> str:
        """The whole journal as text."""
        return journal_text(Entry.objects.filter(book=self.book).order_by("height"))


def build_ledger(
    *, mode: Mode = "test", name: str = "house", holders: Sequence[str] = ("ada", "bo", "cy")
) -> Ledger:
    """A book, its house and bank, a platform, an authority, and holders."""
    for kind, ref in REFS.items():
        parties.ensure(mode=mode, ref=ref, kind=kind, name=ref.title(), now=NOW)
    for ref in holders:
        parties.ensure(mode=mode, ref=ref, kind=PartyKind.HOLDER, name=ref.title(), now=NOW)
    return Ledger(book=books.open_book(mode=mode, name=name, now=NOW))

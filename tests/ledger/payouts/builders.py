"""Finance people, payees with earnings, and batches at each stage: valid by default."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from ledger.actor import Actor, Mode
from ledger.ids import new_id, show
from ledger.journal.accounts import AccountKey
from ledger.journal.books import house_book
from ledger.journal.chart import PartyKind, Role
from ledger.journal.models import Account, Book
from ledger.journal.parties import ensure
from ledger.journal.posting import post
from ledger.journal.sources import TransferLine
from ledger.payouts import batches, destinations, execution, review
from ledger.payouts.models import PayoutBatch, PayoutDestination, PayoutItem

NOW = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=40)
IBAN = "DE89370400440532013000"
OTHER_IBAN = "GB29NWBK60161331926819"
PLATFORM = "plt_studio"
_number = itertools.count(1)

PREPARES = frozenset({"payouts:read", "payouts:prepare", "statements:read", "statements:issue"})
APPROVES = frozenset({"payouts:read", "payouts:approve", "statements:read"})


def build_finance(name: str, scopes: frozenset[str] = PREPARES, *, mode: Mode = "test") -> Actor:
    """Somebody of the house."""
    return Actor(
        kind="person",
        label=name,
        mode=mode,
        person_id=new_id(),
        organisation_id=new_id(),
        organisation_kind="house",
        scopes=scopes,
    )


def build_payee_actor(*parties: str) -> Actor:
    """Somebody of a rights holder's."""
    return Actor(
        kind="person",
        label="Holly the holder",
        mode="test",
        person_id=new_id(),
        organisation_id=new_id(),
        organisation_kind="holder",
        scopes=frozenset({"payouts:read", "statements:read"}),
        parties=frozenset(parties),
    )


def build_book(mode: Mode = "test") -> Book:
    return house_book(mode=mode, now=LONG_AGO)


def build_payee(
    amount: str = "0",
    *,
    name: str = "",
    currency: str = "USD",
    account: str | None = IBAN,
    mode: Mode = "test",
) -> str:
    """A rights holder who is owed `amount` and has a destination; its party reference."""
    ref = name or f"hld_payee{next(_number)}"
    ensure(mode=mode, ref=ref, kind=PartyKind.HOLDER, name=ref, now=LONG_AGO)
    if Decimal(amount):
        earn(ref, amount, currency=currency, mode=mode)
    if account is not None:
        register(ref, account=account, mode=mode)
    return ref


def register(
    party: str, *, account: str = IBAN, now: datetime = LONG_AGO, mode: Mode = "test"
) -> PayoutDestination:
    return destinations.register(
        actor=build_finance("Petra", mode=mode),
        now=now,
        party=party,
        kind="iban",
        account=account,
        account_name="Lantern Studio",
    )


def earn(
    party: str,
    amount: str,
    *,
    currency: str = "USD",
    mode: Mode = "test",
    on: date = date(2026, 10, 1),
    subject: str = "chr_fox",
    now: datetime = NOW,
    platform: str = PLATFORM,
) -> None:
    """Dr receivable:<platform>  Cr payable:<holder>"""
    book = build_book(mode)
    ensure(mode=mode, ref=platform, kind=PartyKind.PLATFORM, name="Studio", now=LONG_AGO)
    post(
        book_id=book.pk,
        key=f"earned:{next(_number)}",
        kind="royalty",
        effective_on=on,
        posted_at=now,
        actor="settlement",
        transfers=[
            TransferLine(
                debit=AccountKey(party_ref=platform, role=Role.RECEIVABLE, currency=currency),
                credit=AccountKey(party_ref=party, role=Role.PAYABLE, currency=currency),
                amount=Decimal(amount),
                subject=subject,
            )
        ],
    )


@dataclass(kw_only=True)
class Desk:
    """A batch and the two people it takes."""

    preparer: Actor = field(default_factory=lambda: build_finance("Petra"))
    approver: Actor = field(default_factory=lambda: build_finance("Anton", APPROVES))
    now: datetime = NOW

    def draft(self, threshold: str = "0", currency: str = "USD") -> PayoutBatch:
        return batches.propose(
            actor=self.preparer, now=self.now, currency=currency, threshold=Decimal(threshold)
        )

    def in_review(self) -> PayoutBatch:
        return review.submit_for_review(actor=self.preparer, now=self.now, batch=self.draft())

    def approved(self) -> PayoutBatch:
        batch = self.in_review()
        return review.approve(
            actor=self.approver, now=self.now, batch=batch, content_hash=batch.content_hash_hex
        )

    def reserved(self) -> PayoutBatch:
        return execution.reserve(actor=self.preparer, now=self.now, batch=self.approved())

    def submitted(self) -> PayoutBatch:
        return execution.submit(actor=self.preparer, now=self.now, batch=self.reserved())

    def pay(self, item: PayoutItem, reference: str = "BANK-1") -> PayoutItem:
        return execution.mark_paid(
            actor=self.preparer,
            now=self.now,
            item=item,
            reference=reference,
            paid_on=self.now.date(),
        )


def both(actor: Actor) -> Actor:
    """One person with both roles: the temptation."""
    return replace(actor, scopes=PREPARES | APPROVES)


def holds(party: str, role: Role, *, currency: str = "USD", mode: Mode = "test") -> str:
    """What an account holds on its credit side, as a reader would write it."""
    account = (
        Account.objects.select_related("balance")
        .filter(book=build_book(mode), party__ref=party, role=role, currency=currency)
        .first()
    )
    if account is None:
        return "0.00000000"
    return f"{account.balance.credits - account.balance.debits:.8f}"


def only(batch: PayoutBatch) -> PayoutItem:
    """The batch's one item."""
    return PayoutItem.objects.select_related("batch__book", "destination").get(batch=batch)


def shown_unknown(prefix: str) -> str:
    """An id that nobody has."""
    return show(prefix, new_id())

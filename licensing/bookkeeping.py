"""Every journal entry the licensing business can cause: one function each, its docstring the entry.

The only module of licensing that posts to the journal. An amount below zero (a restatement that
takes back) goes into its entry with the sides swapped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from ledger.actor import Mode
from ledger.journal import books, parties
from ledger.journal.accounts import AccountKey
from ledger.journal.chart import PartyKind, Role
from ledger.journal.models import Book, Entry, Period
from ledger.journal.periods import month_after
from ledger.journal.posting import Posted, post, reverse
from ledger.journal.refusals import Overdrawn
from ledger.journal.sources import TransferLine
from ledger.journal.states import PeriodState
from licensing.catalog.models import Platform, RightsHolder

ROYALTIES_EARNED: Final = "royalties_earned"
ROYALTIES_UNOWNED: Final = "royalties_unowned"
ROYALTIES_CLAWED_BACK: Final = "royalties_clawed_back"
FEE_EARNED: Final = "fee_earned"
RUN_REVERSED: Final = "run_reversed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """What one party gets for one subject (its prefixed id). Below zero: what is taken back."""

    subject: str
    amount: Decimal
    party_ref: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """Whose books, under which key, for which platform, in which currency, on which day.

    `effective_on` moves to the first open month if its own has been closed by now.
    """

    mode: Mode
    key: str
    platform: Platform
    holders: Sequence[RightsHolder] = ()
    currency: str
    effective_on: date
    posted_at: datetime
    actor: str
    memo: str = ""


def royalties_earned(*, posting: Posting, amounts: Sequence[Amount]) -> None:
    """Dr receivable:<platform>  Cr payable:<holder>"""
    try:
        _post(posting, ROYALTIES_EARNED, amounts, Role.PAYABLE)
    except Overdrawn:
        # The money has left. What is taken back from those who have too little becomes a debt.
        taken, given = _apart(amounts)
        royalties_clawed_back(posting=posting, amounts=taken)
        if given:
            _post(posting, ROYALTIES_EARNED, given, Role.PAYABLE)


def royalties_clawed_back(*, posting: Posting, amounts: Sequence[Amount]) -> None:
    """Dr clawback:<holder>  Cr receivable:<platform>"""
    owed = [
        TransferLine(
            debit=_account(posting, line.party_ref, Role.CLAWBACK),
            credit=_account(posting, posting.platform.party_ref, Role.RECEIVABLE),
            amount=-line.amount,
            subject=line.subject,
        )
        for line in amounts
    ]
    _enter(posting, ROYALTIES_CLAWED_BACK, owed, key=_clawback(posting.key))


def royalties_unowned(*, posting: Posting, amounts: Sequence[Amount]) -> None:
    """Dr receivable:<platform>  Cr suspense:house"""
    _post(posting, ROYALTIES_UNOWNED, amounts, Role.SUSPENSE)


def fee_earned(*, posting: Posting, amounts: Sequence[Amount]) -> None:
    """Dr receivable:<platform>  Cr fee_income:house"""
    _post(posting, FEE_EARNED, amounts, Role.FEE_INCOME)


def run_reversed(
    *,
    mode: Mode,
    keys: Sequence[str],
    effective_on: date,
    posted_at: datetime,
    actor: str,
    memo: str,
) -> None:
    """Dr payable:<holder>  Cr receivable:<platform>, and so the mirror of each entry of the run

    `keys` are those the run's parts were posted under. A mirror is keyed `<its key>:reversal` and
    dated like its entry, or in the first open month if that one is closed. Raises Overdrawn if a
    holder no longer has what it was given.
    """
    book = books.house_book(mode=mode, now=posted_at)
    posted = [each for key in keys for each in (key, _clawback(key))]
    for entry in Entry.objects.filter(book=book, key__in=posted).order_by("-height"):
        reverse(
            entry_id=entry.pk,
            key=f"{entry.key}:reversal",
            kind=RUN_REVERSED,
            effective_on=_open_day(book, effective_on),
            posted_at=posted_at,
            actor=actor[:200],
            memo=memo[:500],
        )


def _post(posting: Posting, kind: str, amounts: Sequence[Amount], role: Role) -> None:
    owing = _account(posting, posting.platform.party_ref, Role.RECEIVABLE)
    lines = []
    for line in amounts:
        earning = _account(posting, line.party_ref or parties.HOUSE, role)
        debit, credit = (owing, earning) if line.amount > 0 else (earning, owing)
        lines.append(
            TransferLine(debit=debit, credit=credit, amount=abs(line.amount), subject=line.subject)
        )
    _enter(posting, kind, lines, key=posting.key)


def _clawback(key: str) -> str:
    """The key of what an entry takes back as a debt."""
    return f"{key}:clawback"


def _apart(amounts: Sequence[Amount]) -> tuple[list[Amount], list[Amount]]:
    """The amounts below zero of parties that lose on the whole, and all the others."""
    sums: dict[str, Decimal] = {}
    for line in amounts:
        sums[line.party_ref] = sums.get(line.party_ref, Decimal(0)) + line.amount
    taken = [line for line in amounts if line.amount < 0 and sums[line.party_ref] < 0]
    return taken, [line for line in amounts if line not in taken]


def _account(posting: Posting, party_ref: str, role: Role) -> AccountKey:
    return AccountKey(party_ref=party_ref, role=role, currency=posting.currency)


def _enter(posting: Posting, kind: str, lines: Sequence[TransferLine], *, key: str) -> Posted:
    book = books.house_book(mode=posting.mode, now=posting.posted_at)
    platform = posting.platform
    _ensure(posting, platform.party_ref, PartyKind.PLATFORM, platform.name)
    for holder in posting.holders:
        _ensure(posting, holder.party_ref, PartyKind.HOLDER, holder.name)
    return post(
        book_id=book.pk,
        key=key,
        kind=kind,
        effective_on=_open_day(book, posting.effective_on),
        posted_at=posting.posted_at,
        actor=posting.actor[:200],
        transfers=lines,
        memo=posting.memo[:500],
    )


def _ensure(posting: Posting, ref: str, kind: PartyKind, name: str) -> None:
    parties.ensure(mode=posting.mode, ref=ref, kind=kind, name=name, now=posting.posted_at)


def _open_day(book: Book, wanted: date) -> date:
    """The day itself, or the first of the first month after the last closed one."""
    closed = Period.objects.filter(book=book, state=PeriodState.CLOSED).order_by("-month")
    last = closed.values_list("month", flat=True).first()
    return wanted if last is None else max(wanted, month_after(last))

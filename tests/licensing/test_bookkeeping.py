"""The one page of journal entries: what it posts, and that its documentation says the same."""

from __future__ import annotations

import inspect
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType

import pytest

from ledger.journal import balances
from ledger.journal.accounts import AccountKey, account_id
from ledger.journal.books import house_book
from ledger.journal.chart import Role
from ledger.journal.models import Entry
from ledger.journal.report import journal_text
from ledger.payouts import entries
from licensing import bookkeeping
from licensing.bookkeeping import Amount, Posting
from tests.licensing.builders import Household, build_holder, build_platform

NOW = datetime(2026, 11, 3, 9, 0, tzinfo=UTC)
PAGE = Path(__file__).parents[2] / "docs" / "bookkeeping.md"
ENTRY = re.compile(r"^(Dr \S+  Cr [^\s:,]+:[^\s:,]+)")


def entries_of(module: ModuleType) -> dict[str, str]:
    """Each public function of a module with the entry its docstring is."""
    return {
        name: found[1]
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__
        and not name.startswith("_")
        and (found := ENTRY.match(function.__doc__ or ""))
    }


def test_the_page_lists_every_entry_and_nothing_else() -> None:
    rows = re.findall(r"^\| `(Dr [^`]+)` \| `(\w+)` \|", PAGE.read_text(), re.MULTILINE)
    written = {function: entry for entry, function in rows}
    assert len(rows) == len(written)
    assert written == {**entries_of(bookkeeping), **entries_of(entries)}


@pytest.mark.parametrize("module", [bookkeeping, entries], ids=lambda module: module.__name__)
def test_every_function_that_posts_says_its_entry(module: ModuleType) -> None:
    public = [
        name
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert sorted(public) == sorted(entries_of(module))


@pytest.fixture
def clips() -> Household:
    return build_platform("Clipforge")


@pytest.fixture
def lantern() -> Household:
    return build_holder("Lantern Studio")


def posting(clips: Household, *holders: Household, key: str = "settlement:run:1") -> Posting:
    assert clips.platform is not None
    return Posting(
        mode="test",
        key=key,
        platform=clips.platform,
        holders=[household.holder for household in holders if household.holder],
        currency="USD",
        effective_on=date(2026, 10, 31),
        posted_at=NOW,
        actor="the story",
    )


def amount(lantern: Household, text: str, *, subject: str = "chr_luna") -> Amount:
    assert lantern.holder is not None
    return Amount(party_ref=lantern.holder.party_ref, subject=subject, amount=Decimal(text))


def journal(clips: Household, lantern: Household) -> str:
    text = journal_text(Entry.objects.order_by("height"))
    assert clips.platform is not None
    assert lantern.holder is not None
    text = text.replace(clips.platform.party_ref, "clips")
    return text.replace(lantern.holder.party_ref, "lantern")


@pytest.mark.django_db
def test_royalties_fee_and_what_nobody_owns(clips: Household, lantern: Household) -> None:
    bookkeeping.royalties_earned(
        posting=posting(clips, lantern, key="a"), amounts=[amount(lantern, "8.5")]
    )
    bookkeeping.fee_earned(
        posting=posting(clips, key="b"), amounts=[Amount(subject="chr_luna", amount=Decimal("1.5"))]
    )
    bookkeeping.royalties_unowned(
        posting=posting(clips, key="c"), amounts=[Amount(subject="chr_stray", amount=Decimal(2))]
    )
    assert journal(clips, lantern) == (
        "2026-10-31  royalties_earned  a\n"
        "    Dr receivable:clips  Cr payable:lantern  8.50 USD  chr_luna\n"
        "2026-10-31  fee_earned  b\n"
        "    Dr receivable:clips  Cr fee_income:house  1.50 USD  chr_luna\n"
        "2026-10-31  royalties_unowned  c\n"
        "    Dr receivable:clips  Cr suspense:house  2.00 USD  chr_stray"
    )


@pytest.mark.django_db
def test_the_same_posting_twice_is_one_entry(clips: Household, lantern: Household) -> None:
    for _ in range(2):
        bookkeeping.royalties_earned(
            posting=posting(clips, lantern), amounts=[amount(lantern, "8.5")]
        )
    assert Entry.objects.count() == 1


@pytest.mark.django_db
def test_what_is_taken_back_has_its_sides_swapped(clips: Household, lantern: Household) -> None:
    bookkeeping.royalties_earned(
        posting=posting(clips, lantern),
        amounts=[amount(lantern, "8.5"), amount(lantern, "-0.00000001", subject="chr_milo")],
    )
    assert [" ".join(line.split()) for line in journal(clips, lantern).splitlines()] == [
        "2026-10-31 royalties_earned settlement:run:1",
        "Dr receivable:clips Cr payable:lantern 8.50 USD chr_luna",
        "Dr payable:lantern Cr receivable:clips 0.00000001 USD chr_milo",
    ]


@pytest.mark.django_db
def test_what_was_paid_out_already_becomes_a_debt(clips: Household, lantern: Household) -> None:
    bookkeeping.royalties_earned(
        posting=posting(clips, lantern, key="a"), amounts=[amount(lantern, "1")]
    )
    bookkeeping.royalties_earned(
        posting=posting(clips, lantern, key="b"),
        amounts=[amount(lantern, "-3"), amount(lantern, "0.5", subject="chr_milo")],
    )
    assert journal(clips, lantern).splitlines()[2:] == [
        "2026-10-31  royalties_clawed_back  b:clawback",
        "    Dr clawback:lantern  Cr receivable:clips  3.00 USD  chr_luna",
        "2026-10-31  royalties_earned  b",
        "    Dr receivable:clips  Cr payable:lantern  0.50 USD  chr_milo",
    ]
    assert lantern.holder is not None
    book = house_book(mode="test", now=NOW)
    owed = AccountKey(party_ref=lantern.holder.party_ref, role=Role.PAYABLE, currency="USD")
    key = account_id(book_id=book.pk, key=owed)
    assert balances.balance(account_id=key) == Decimal("1.5")

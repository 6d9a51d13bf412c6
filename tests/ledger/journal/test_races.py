"""What happens when two do it at the same moment: real threads, real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction

from ledger.errors import DomainError
from ledger.journal import books, parties, periods
from ledger.journal.chart import PartyKind, Role
from ledger.journal.models import Account, Balance, Book, Entry, Party, Period
from ledger.journal.posting import reverse
from ledger.journal.refusals import AlreadyReversed, BookBusy, EntryDiffers, Overdrawn, PeriodClosed
from ledger.journal.verification import verify
from tests.ledger.journal.builders import NOW, OCTOBER, Ledger, account, build_ledger, move

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def ledger(transactional_db: None) -> Ledger:
    return build_ledger()


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Does all of them at the same moment; answers with what each gave or was refused with."""
    gate = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        try:
            gate.wait(timeout=10)
            return act()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def refusals(answers: Sequence[Any]) -> list[type]:
    return sorted(
        (type(answer) for answer in answers if isinstance(answer, DomainError)),
        key=lambda kind: kind.__name__,
    )


def test_two_posts_with_one_key_make_one_entry(ledger: Ledger) -> None:
    for turn in range(5):
        answers = at_once(*[lambda turn=turn: ledger.post(key=f"run-{turn}")] * 4)
        assert len({answer.entry_id for answer in answers}) == 1
        assert sorted(answer.created for answer in answers) == [False, False, False, True]
    assert Entry.objects.count() == 5
    assert ledger.balance(Role.PAYABLE) == Decimal("62.5")
    assert verify().sound


def test_of_two_entries_with_one_key_one_is_refused(ledger: Ledger) -> None:
    answers = at_once(
        lambda: ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "1"), key="run"),
        lambda: ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "2"), key="run"),
    )
    assert refusals(answers) == [EntryDiffers]
    assert Entry.objects.count() == 1


def test_many_posts_stand_in_one_line(ledger: Ledger) -> None:
    def several(name: str) -> Callable[[], list[Any]]:
        return lambda: [
            ledger.post(
                move(account(Role.RECEIVABLE, subject=name), account(Role.PAYABLE, "bo"), "1"),
                move(Role.RECEIVABLE, Role.PAYABLE, "2"),
                key=f"{name}-{number}",
            )
            for number in range(10)
        ]

    answers = at_once(*(several(name) for name in "abcd"))
    assert refusals(answers) == []
    heights = sorted(posted.height for answer in answers for posted in answer)
    assert heights == list(range(1, 41))
    assert ledger.balance(Role.PAYABLE) == 80
    assert verify().sound


def test_two_cannot_spend_the_same_money(ledger: Ledger) -> None:
    ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "10"))

    def spend(number: int) -> Callable[[], Any]:
        line = move(Role.PAYABLE, Role.IN_FLIGHT, "6")
        return lambda: ledger.post(line, key=f"pay-{number}", kind="payout.sent")

    answers = at_once(*(spend(number) for number in range(3)))
    assert refusals(answers) == [Overdrawn, Overdrawn]
    assert ledger.balance(Role.PAYABLE) == 4
    assert verify().sound


def test_an_entry_is_reversed_once_by_whoever_comes_first(ledger: Ledger) -> None:
    posted = ledger.post()
    answers = at_once(
        *(
            lambda number=number: reverse(
                entry_id=posted.entry_id,
                key=f"mirror-{number}",
                effective_on=OCTOBER,
                posted_at=NOW,
                actor="b",
            )
            for number in range(3)
        )
    )
    assert refusals(answers) == [AlreadyReversed, AlreadyReversed]
    assert ledger.balance(Role.PAYABLE) == 0


def test_a_month_closes_before_or_after_a_post_and_never_during(ledger: Ledger) -> None:
    months = [date(2026, month, 15) for month in range(1, 9)]
    for month in months:
        ledger.post(on=month)
        answers = at_once(
            partial(ledger.post, key=f"late-{month}", on=month),
            partial(periods.close_period, book_id=ledger.book.pk, month=month, actor="c", now=NOW),
        )
        assert refusals(answers) in ([], [PeriodClosed])
        posted = Entry.objects.filter(key=f"late-{month}").exists()
        assert posted == (refusals(answers) == [])
        # The frozen rows know exactly what was posted before the close.
        frozen = Period.objects.get(month=month.replace(day=1)).rows.get(role="payable")
        assert frozen.credits == ledger.balance(Role.PAYABLE)
    assert verify().sound


def test_a_close_by_hand_waits_for_the_post_that_holds_the_month(ledger: Ledger) -> None:
    """Even past the book's lock, the month's own row keeps a close out of a post's way."""
    ledger.post()
    began, go_on = threading.Event(), threading.Event()

    def post_slowly() -> None:
        try:
            with transaction.atomic():
                ledger.post(key="slow")
                began.set()
                go_on.wait(timeout=10)
        finally:
            connection.close()

    thread = threading.Thread(target=post_slowly)
    thread.start()
    assert began.wait(timeout=10)
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT id FROM journal_period FOR UPDATE SKIP LOCKED")
            assert cursor.fetchall() == []
    finally:
        go_on.set()
        thread.join()
    assert Entry.objects.count() == 2


def test_a_book_that_stays_busy_is_told_and_nothing_is_posted(ledger: Ledger) -> None:
    ledger.post()
    with transaction.atomic():
        Book.objects.select_for_update(no_key=True).get(pk=ledger.book.pk)
        answers = at_once(lambda: ledger.post(key="impatient"))
    assert refusals(answers) == [BookBusy]
    assert answers[0].retry_after == 1
    assert ledger.post(key="impatient").created


def test_accounts_parties_and_books_are_opened_once(ledger: Ledger) -> None:
    at_once(
        *(
            lambda number=number: ledger.post(
                move(account(Role.RECEIVABLE, subject="new"), account(Role.PAYABLE, "cy"), "1"),
                key=f"e{number}",
            )
            for number in range(4)
        )
    )
    assert Account.objects.count() == Balance.objects.count() == 2
    made = at_once(
        *[lambda: parties.ensure(mode="test", ref="new", kind=PartyKind.HOLDER, name="N", now=NOW)]
        * 4,
        *[lambda: books.open_book(mode="live", name="new", now=NOW)] * 4,
    )
    assert refusals(made) == []
    assert Party.objects.filter(ref="new").count() == Book.objects.filter(name="new").count() == 1
    assert verify().sound

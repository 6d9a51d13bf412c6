"""Months: opened on demand, closed in order, and frozen with a trial balance that was seen."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from ledger.journal import balances, periods
from ledger.journal.chart import Role
from ledger.journal.models import Period, TrialBalanceRow
from ledger.journal.refusals import (
    FuturePeriod,
    PeriodClosed,
    PeriodNotReady,
    TrialBalanceChanged,
)
from ledger.journal.verification import verify
from tests.ledger.journal.builders import NOW, OCTOBER, Ledger, account, move, usd

SEPTEMBER = date(2026, 9, 10)
NOVEMBER = date(2026, 11, 2)


def close(ledger: Ledger, month: date, expected: bytes | None = None) -> Period:
    return periods.close_period(
        book_id=ledger.book.pk, month=month, actor="the closer", now=NOW, expected_hash=expected
    )


def test_closing_freezes_what_had_moved_by_the_months_end(ledger: Ledger) -> None:
    ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "10"), on=SEPTEMBER)
    ledger.post(move(Role.CASH, Role.RECEIVABLE, "4"), on=OCTOBER)
    ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "1"), on=NOVEMBER)
    close(ledger, SEPTEMBER)
    october = close(ledger, OCTOBER)
    rows = TrialBalanceRow.objects.filter(period=october).order_by("role")
    assert [(row.role, row.party_ref, row.debits, row.credits) for row in rows] == [
        ("cash", "bank", *usd(4, 0)),
        ("payable", "ada", *usd(0, 10)),
        ("receivable", "reel", *usd(10, 4)),
    ]
    assert (october.row_count, october.closed_by, october.height) == (3, "the closer", 3)
    assert verify().sound


def test_a_closed_month_refuses_and_a_late_fact_goes_to_the_open_one(ledger: Ledger) -> None:
    ledger.post(on=OCTOBER, key="kept")
    close(ledger, OCTOBER)
    with pytest.raises(PeriodClosed, match="2026-10 is closed"):
        ledger.post(on=OCTOBER)
    with pytest.raises(PeriodClosed):
        ledger.post(on=SEPTEMBER)
    # A repeat of what was posted before is still answered.
    assert not ledger.post(on=OCTOBER, key="kept").created
    ledger.post(on=NOVEMBER)


def test_a_month_closes_once_and_after_the_ones_before_it(ledger: Ledger) -> None:
    ledger.post(on=SEPTEMBER)
    ledger.post(on=OCTOBER)
    with pytest.raises(PeriodNotReady, match="2026-09"):
        close(ledger, OCTOBER)
    close(ledger, SEPTEMBER)
    close(ledger, OCTOBER)
    with pytest.raises(PeriodClosed):
        close(ledger, OCTOBER)


def test_a_month_that_runs_cannot_be_closed(ledger: Ledger) -> None:
    ledger.post(on=NOVEMBER)
    with pytest.raises(PeriodNotReady, match="not ended"):
        close(ledger, NOVEMBER)


def test_a_quiet_month_can_be_closed(ledger: Ledger) -> None:
    period = close(ledger, OCTOBER)
    assert (period.row_count, period.height) == (0, 0)
    assert verify().sound


def test_only_what_was_seen_is_closed(ledger: Ledger) -> None:
    ledger.post()
    seen = balances.trial_balance(book_id=ledger.book.pk, as_of=date(2026, 10, 31)).hash
    ledger.post()
    with pytest.raises(TrialBalanceChanged):
        close(ledger, OCTOBER, seen)
    assert Period.objects.get().state == "open"
    seen = balances.trial_balance(book_id=ledger.book.pk, as_of=date(2026, 10, 31)).hash
    assert bytes(close(ledger, OCTOBER, seen).trial_balance_hash or b"") == seen


def test_a_month_opens_by_itself_or_by_hand_but_not_ahead(ledger: Ledger) -> None:
    periods.open_period(book_id=ledger.book.pk, month=NOVEMBER, now=NOW)
    periods.open_period(book_id=ledger.book.pk, month=NOVEMBER, now=NOW)
    assert Period.objects.count() == 1
    with pytest.raises(FuturePeriod):
        periods.open_period(book_id=ledger.book.pk, month=date(2026, 12, 1), now=NOW)


def test_sums_that_start_from_a_closed_month_are_the_same(ledger: Ledger) -> None:
    days = [SEPTEMBER + timedelta(days=9 * step) for step in range(7)]
    for step, day in enumerate(days):
        ledger.post(
            move(Role.RECEIVABLE, Role.PAYABLE, f"{step + 1}.00000001"), on=min(day, NOVEMBER)
        )
    questions = [
        date(2026, 8, 1),
        SEPTEMBER,
        date(2026, 9, 30),
        OCTOBER,
        date(2026, 10, 31),
        NOVEMBER,
    ]

    def answers() -> list[tuple[Decimal, bytes]]:
        return [
            (
                ledger.balance(Role.PAYABLE, as_of=day) if day >= SEPTEMBER else Decimal(0),
                balances.trial_balance(book_id=ledger.book.pk, as_of=day).hash,
            )
            for day in questions
        ]

    before = answers()
    close(ledger, SEPTEMBER)
    assert answers() == before
    close(ledger, OCTOBER)
    assert answers() == before
    assert ledger.balance(Role.PAYABLE) == before[-1][0]


def test_the_trial_balance_balances_per_currency(ledger: Ledger) -> None:
    euro = account(Role.RECEIVABLE, currency="EUR")
    ledger.post(
        move(Role.RECEIVABLE, Role.PAYABLE, "10"),
        move(Role.RECEIVABLE, account(Role.PAYABLE, "bo"), "5"),
        move(Role.CASH, Role.RECEIVABLE, "20"),
        move(euro, account(Role.PAYABLE, currency="EUR"), "3"),
    )
    found = balances.trial_balance(book_id=ledger.book.pk)
    assert [(line.currency, line.role, line.debit, line.credit) for line in found.lines] == [
        ("EUR", "payable", *usd(0, 3)),
        ("EUR", "receivable", *usd(3, 0)),
        ("USD", "cash", *usd(20, 0)),
        ("USD", "payable", *usd(0, 15)),
        ("USD", "receivable", *usd(0, 5)),
    ]
    assert found.totals == {"EUR": usd(3, 3), "USD": usd(20, 20)}

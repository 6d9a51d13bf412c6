"""The textbook's stories, told as the journal an accountant reads."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from ledger.allocation import allocate
from ledger.journal.chart import Role
from ledger.journal.posting import reverse
from ledger.journal.refusals import Overdrawn
from ledger.money import from_units, to_units
from tests.ledger.journal.builders import NOW, OCTOBER, Ledger, account, move, usd


def told(text: str) -> str:
    """The expected journal, without the story's indentation."""
    lines = text.strip("\n").splitlines()
    margin = min(len(line) - len(line.lstrip()) for line in lines if line.strip())
    return "\n".join(line[margin:].rstrip() for line in lines).rstrip()


def test_a_clip_is_earned_paid_for_and_paid_out(ledger: Ledger) -> None:
    ledger.post(
        move(Role.RECEIVABLE, Role.PAYABLE, "85.00", "luna"),
        move(Role.RECEIVABLE, Role.FEE_INCOME, "15.00", "luna"),
        kind="royalty",
        key="run-1/1",
    )
    ledger.post(move(Role.CASH, Role.RECEIVABLE, "100"), kind="receipt", key="bank-7")
    ledger.post(move(Role.PAYABLE, Role.IN_FLIGHT, "85"), kind="payout.sent", key="pay-1/sent")
    ledger.post(move(Role.IN_FLIGHT, Role.CASH, "85"), kind="payout.paid", key="pay-1/paid")
    assert ledger.journal() == told("""
        2026-10-15  royalty  run-1/1
            Dr receivable:reel  Cr payable:ada       85.00 USD  luna
            Dr receivable:reel  Cr fee_income:house  15.00 USD  luna
        2026-10-15  receipt  bank-7
            Dr cash:bank  Cr receivable:reel  100.00 USD
        2026-10-15  payout.sent  pay-1/sent
            Dr payable:ada  Cr in_flight:ada  85.00 USD
        2026-10-15  payout.paid  pay-1/paid
            Dr in_flight:ada  Cr cash:bank  85.00 USD
    """)
    assert [
        ledger.balance(role)
        for role in (Role.RECEIVABLE, Role.PAYABLE, Role.IN_FLIGHT, Role.CASH, Role.FEE_INCOME)
    ] == [0, 0, 0, 15, 15]


def test_an_advance_is_recouped_before_anything_is_owed(ledger: Ledger) -> None:
    """10,000 in advance at 100 %; earned 4,000, 5,000, 3,000: payable 0, 0, 2,000."""
    advance = account(Role.ADVANCE, subject="agr_1")
    ledger.post(move(advance, Role.CASH, "10000"), kind="advance", key="advance")
    owed = []
    for number, earned in enumerate((4000, 5000, 3000), start=1):
        recouped = min(Decimal(earned), ledger.balance(advance))
        ledger.post(
            move(Role.RECEIVABLE, Role.PAYABLE, str(earned)),
            move(Role.PAYABLE, advance, recouped),
            kind="royalty",
            key=f"month-{number}",
        )
        owed.append(ledger.balance(Role.PAYABLE))
    assert owed == [0, 0, 2000]
    assert (
        ledger.journal().splitlines()[-3:]
        == told("""
        2026-10-15  royalty  month-3
            Dr receivable:reel  Cr payable:ada        3000.00 USD
            Dr payable:ada      Cr advance:ada:agr_1  1000.00 USD
    """).splitlines()
    )


def test_a_reserve_is_withheld_and_released_in_two_halves(ledger: Ledger) -> None:
    """100 sales at 25 %, a fifth in reserve: earn 25, hold 5, pay 20; then 2.50 and 2.50."""
    ledger.post(
        move(Role.RECEIVABLE, Role.PAYABLE, "25"), move(Role.PAYABLE, Role.RESERVE, "5"), key="q1"
    )
    assert (ledger.balance(Role.PAYABLE), ledger.balance(Role.RESERVE)) == usd(20, 5)
    for quarter in ("q2", "q3"):
        ledger.post(move(Role.RESERVE, Role.PAYABLE, "2.50"), kind="release", key=quarter)
    assert (ledger.balance(Role.PAYABLE), ledger.balance(Role.RESERVE)) == usd(25, 0)


def test_what_is_held_cannot_be_paid(ledger: Ledger) -> None:
    ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "10"))
    ledger.post(move(Role.PAYABLE, Role.HELD, "8"), kind="dispute")
    with pytest.raises(Overdrawn, match="payable:ada:USD may not go below zero"):
        ledger.post(move(Role.PAYABLE, Role.IN_FLIGHT, "2.00000001"), kind="payout.sent")
    ledger.post(move(Role.PAYABLE, Role.IN_FLIGHT, "2"), kind="payout.sent")


def test_a_mistake_is_mirrored_and_done_again(ledger: Ledger) -> None:
    wrong = ledger.post(
        move(Role.RECEIVABLE, Role.PAYABLE, "12.50", "luna"),
        move(Role.RECEIVABLE, account(Role.PAYABLE, "bo"), "7.50", "sol"),
        key="run-1/1",
    )
    reverse(
        entry_id=wrong.entry_id,
        key="run-1/1/reversed",
        effective_on=OCTOBER,
        posted_at=NOW,
        actor="the bookkeeper",
        memo="wrong holder",
    )
    assert ledger.journal() == told("""
        2026-10-15  royalty  run-1/1
            Dr receivable:reel  Cr payable:ada  12.50 USD  luna
            Dr receivable:reel  Cr payable:bo    7.50 USD  sol
        2026-10-15  reversal  run-1/1/reversed  wrong holder
            Dr payable:ada  Cr receivable:reel  12.50 USD  luna
            Dr payable:bo   Cr receivable:reel   7.50 USD  sol
    """)
    assert ledger.balance(Role.PAYABLE) == ledger.balance(Role.RECEIVABLE) == 0


def test_when_the_money_has_left_a_clawback_stands_instead(ledger: Ledger) -> None:
    wrong = ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "30"), key="run-1")
    ledger.post(move(Role.PAYABLE, Role.IN_FLIGHT, "30"), kind="payout.sent")
    ledger.post(move(Role.IN_FLIGHT, Role.CASH, "30"), kind="payout.paid")
    with pytest.raises(Overdrawn):
        reverse(
            entry_id=wrong.entry_id,
            key="run-1/reversed",
            effective_on=OCTOBER,
            posted_at=NOW,
            actor="the bookkeeper",
        )
    ledger.post(move(Role.CLAWBACK, Role.RECEIVABLE, "30"), kind="clawback", key="run-1/clawback")
    assert (ledger.balance(Role.CLAWBACK), ledger.balance(Role.RECEIVABLE)) == usd(30, 0)


def test_euros_become_dollars_by_way_of_the_positions(ledger: Ledger) -> None:
    """One entry in two currencies, each of which balances by itself."""
    euros = account(Role.RECEIVABLE, currency="EUR")
    ledger.post(
        move(euros, account(Role.FX_POSITION, currency="EUR"), "100.00"),
        move(Role.FX_POSITION, Role.PAYABLE, "108.3725"),
        kind="royalty",
        key="run-eur",
    )
    assert ledger.journal() == told("""
        2026-10-15  royalty  run-eur
            Dr receivable:reel    Cr fx_position:house    100.00 EUR
            Dr fx_position:house  Cr payable:ada        108.3725 USD
    """)


def test_two_and_a_half_million_clips_are_shared_to_the_last_decimal(ledger: Ledger) -> None:
    """2,500,001 clips at $0.0004, 15 % fee, 50/30/20: eight decimals, and nothing left over."""
    gross = to_units(Decimal("0.0004") * 2_500_001)
    fee = gross * 15 // 100
    shares = allocate(gross - fee, {"ada": 50, "bo": 30, "cy": 20})
    ledger.post(
        *(
            move(Role.RECEIVABLE, account(Role.PAYABLE, holder), from_units(units))
            for holder, units in shares.items()
        ),
        move(Role.RECEIVABLE, Role.FEE_INCOME, from_units(fee)),
        key="run-9",
    )
    assert ledger.journal() == told("""
        2026-10-15  royalty  run-9
            Dr receivable:reel  Cr payable:ada        425.00017 USD
            Dr receivable:reel  Cr payable:bo        255.000102 USD
            Dr receivable:reel  Cr payable:cy        170.000068 USD
            Dr receivable:reel  Cr fee_income:house   150.00006 USD
    """)
    assert ledger.balance(Role.RECEIVABLE) == Decimal("1000.0004")


def test_a_late_fact_is_known_later_and_belongs_earlier(ledger: Ledger) -> None:
    """On 2 November a clip of 15 October is booked; the day and the moment answer differently."""
    ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "10"), on=date(2026, 10, 1), at=NOW)
    later = NOW.replace(day=20)
    ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "3"), on=OCTOBER, at=later)
    ledger.post(move(Role.RECEIVABLE, Role.PAYABLE, "5"), on=date(2026, 11, 19), at=later)
    assert ledger.balance(Role.PAYABLE) == 18
    assert ledger.balance(Role.PAYABLE, as_of=date(2026, 10, 14)) == 10
    assert ledger.balance(Role.PAYABLE, as_of=date(2026, 10, 31)) == 13
    assert ledger.balance(Role.PAYABLE, known_at=NOW) == 10
    assert ledger.balance(Role.PAYABLE, as_of=OCTOBER, known_at=NOW) == 10
    assert ledger.balance(Role.PAYABLE, as_of=date(2026, 9, 30)) == 0

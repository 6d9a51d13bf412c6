"""Random bookkeeping against a naive model: dictionaries, no database, no hashes.

After every step the real books must say what the model says: balances now and as of any day and
moment, what was refused, what was repeated, what is closed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ledger.journal import balances, periods
from ledger.journal.accounts import AccountKey, account_id
from ledger.journal.chart import CHART, Role, Side
from ledger.journal.models import Balance, Entry, Period
from ledger.journal.posting import Posted, reverse
from ledger.journal.refusals import (
    AlreadyReversed,
    EntryDiffers,
    FuturePeriod,
    Overdrawn,
    PeriodClosed,
    PeriodNotReady,
)
from ledger.journal.sources import TransferLine
from ledger.journal.verification import verify
from ledger.money import from_units
from tests.ledger.journal.builders import Ledger, account, build_ledger

FIRST = datetime(2026, 8, 3, 12, 0, tzinfo=UTC)
ACCOUNTS = [
    account(Role.RECEIVABLE),
    account(Role.CASH),
    account(Role.FEE_INCOME),
    account(Role.PAYABLE),
    account(Role.PAYABLE, "bo"),
    account(Role.HELD),
    account(Role.RECEIVABLE, currency="JPY"),
    account(Role.PAYABLE, currency="JPY"),
]


@dataclass(kw_only=True)
class Written:
    """An entry as the model remembers it."""

    key: str
    lines: list[TransferLine]
    on: date
    at: datetime
    posted: Posted
    reverses: str = ""


@dataclass
class Model:
    """The whole truth, kept as a list."""

    entries: list[Written] = field(default_factory=list)
    closed: set[date] = field(default_factory=set)
    opened: set[date] = field(default_factory=set)

    def balance(
        self, key: AccountKey, on: date | None = None, at: datetime | None = None
    ) -> Decimal:
        debits = credits_ = Decimal(0)
        for entry in self.entries:
            if (on is None or entry.on <= on) and (at is None or entry.at <= at):
                debits += sum((x.amount for x in entry.lines if x.debit == key), Decimal(0))
                credits_ += sum((x.amount for x in entry.lines if x.credit == key), Decimal(0))
        debit_side = CHART[key.role].normal_side == Side.DEBIT
        return debits - credits_ if debit_side else credits_ - debits

    def overdraws(self, lines: list[TransferLine]) -> bool:
        change: dict[AccountKey, Decimal] = defaultdict(Decimal)
        for one in lines:
            for key, side in ((one.debit, Side.DEBIT), (one.credit, Side.CREDIT)):
                change[key] += one.amount if CHART[key.role].normal_side == side else -one.amount
        return any(
            not CHART[key.role].may_overdraw and self.balance(key) + moved < 0
            for key, moved in change.items()
        )

    def takes(self, on: date) -> bool:
        return not any(month >= on.replace(day=1) for month in self.closed)


amounts = st.one_of(st.integers(1, 5), st.integers(1, 10**8), st.integers(1, 10**23)).map(
    from_units
)


@st.composite
def transfers(draw: Any) -> list[TransferLine]:
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        debit = draw(st.sampled_from(ACCOUNTS))
        others = [key for key in ACCOUNTS if key != debit and key.currency == debit.currency]
        credit = draw(st.sampled_from(others))
        subject = draw(st.sampled_from(["", "luna", "söl 𝄞"]))
        lines.append(
            TransferLine(debit=debit, credit=credit, amount=draw(amounts), subject=subject)
        )
    return lines


class Bookkeeping(RuleBasedStateMachine):
    """What a bookkeeper may do, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.around = transaction.atomic()
        self.around.__enter__()
        self.ledger: Ledger = build_ledger()
        self.model = Model()
        self.now = FIRST

    def teardown(self) -> None:
        try:
            # Whatever would wait for a commit is asked for before it is all undone.
            with connection.cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            assert verify(book_id=self.ledger.book.pk).findings == []
        finally:
            transaction.set_rollback(True)
            self.around.__exit__(None, None, None)

    @contextmanager
    def expecting(self, refusal: type[Exception] | None) -> Iterator[None]:
        """Either it is refused with just this, and nothing changed, or it is not refused."""
        if refusal is None:
            yield
            return
        before = Entry.objects.count()
        with pytest.raises(refusal), transaction.atomic():
            yield
        assert Entry.objects.count() == before

    @rule(days=st.integers(0, 20), seconds=st.integers(1, 86399))
    def time_passes(self, days: int, seconds: int) -> None:
        self.now += timedelta(days=days, seconds=seconds)

    @rule(lines=transfers(), back=st.integers(-5, 45))
    def post(self, lines: list[TransferLine], back: int) -> None:
        on = self.now.date() - timedelta(days=back)
        refusal: type[Exception] | None = None
        if on.replace(day=1) > self.now.date():
            refusal = FuturePeriod
        elif not self.model.takes(on):
            refusal = PeriodClosed
        elif self.model.overdraws(lines):
            refusal = Overdrawn
        key = f"e{len(self.model.entries)}"
        with self.expecting(refusal):
            posted = self.ledger.post(*lines, key=key, on=on, at=self.now)
            assert posted.created
            assert posted.height == len(self.model.entries) + 1
            self.model.opened.add(on.replace(day=1))
            self.model.entries.append(
                Written(key=key, lines=lines, on=on, at=self.now, posted=posted)
            )

    @precondition(lambda self: any(not entry.reverses for entry in self.model.entries))
    @rule(data=st.data())
    def repeat(self, data: Any) -> None:
        """A repeat comes from a network that lost the answer: on another day, closed or not."""
        entry = data.draw(st.sampled_from([one for one in self.model.entries if not one.reverses]))
        again = self.ledger.post(*entry.lines, key=entry.key, on=self.now.date(), at=self.now)
        assert not again.created
        assert again.entry_id == entry.posted.entry_id

    @precondition(lambda self: self.model.entries)
    @rule(data=st.data(), lines=transfers())
    def repeat_with_other_lines(self, data: Any, lines: list[TransferLine]) -> None:
        entry = data.draw(st.sampled_from(self.model.entries))
        if lines == entry.lines and not entry.reverses:
            return
        with self.expecting(EntryDiffers):
            self.ledger.post(*lines, key=entry.key, on=self.now.date(), at=self.now)

    @precondition(lambda self: self.model.entries)
    @rule(data=st.data())
    def reverse(self, data: Any) -> None:
        entry = data.draw(st.sampled_from(self.model.entries))
        mirror = [
            TransferLine(debit=x.credit, credit=x.debit, amount=x.amount, subject=x.subject)
            for x in entry.lines
        ]
        on = self.now.date()
        refusal: type[Exception] | None = None
        if not self.model.takes(on):
            refusal = PeriodClosed
        elif any(one.reverses == entry.key for one in self.model.entries):
            refusal = AlreadyReversed
        elif self.model.overdraws(mirror):
            refusal = Overdrawn
        key = f"e{len(self.model.entries)}"
        with self.expecting(refusal):
            posted = reverse(
                entry_id=entry.posted.entry_id,
                key=key,
                effective_on=on,
                posted_at=self.now,
                actor="the bookkeeper",
            )
            self.model.opened.add(on.replace(day=1))
            self.model.entries.append(
                Written(
                    key=key, lines=mirror, on=on, at=self.now, posted=posted, reverses=entry.key
                )
            )

    @rule(back=st.integers(0, 3))
    def close(self, back: int) -> None:
        month = self.now.date().replace(day=1)
        for _ in range(back):
            month = (month - timedelta(days=1)).replace(day=1)
        refusal: type[Exception] | None = None
        if back == 0:
            refusal = PeriodNotReady
        elif not self.model.takes(month):
            refusal = PeriodClosed
        elif any(other < month for other in self.model.opened - self.model.closed):
            refusal = PeriodNotReady
        with self.expecting(refusal):
            periods.close_period(
                book_id=self.ledger.book.pk, month=month, actor="the closer", now=self.now
            )
            self.model.opened.add(month)
            self.model.closed.add(month)

    @invariant()
    def balances_are_the_models(self) -> None:
        standing = {
            pk: balances.on_side(side, debited=debits, credited=credits_)
            for pk, side, debits, credits_ in Balance.objects.filter(
                account__book=self.ledger.book
            ).values_list("pk", "normal_side", "debits", "credits")
        }
        for key in ACCOUNTS:
            expected = self.model.balance(key)
            assert standing.get(account_id(book_id=self.ledger.book.pk, key=key), 0) == expected

    @precondition(lambda self: self.model.entries)
    @rule(data=st.data())
    def ask_of_the_past(self, data: Any) -> None:
        entry = data.draw(st.sampled_from(self.model.entries))
        on = data.draw(st.sampled_from([None, entry.on, entry.on - timedelta(days=1)]))
        at = data.draw(st.sampled_from([None, entry.at, entry.at - timedelta(microseconds=1)]))
        found = {
            row.account_id: row.net
            for row in balances.balances_as_of(
                book_id=self.ledger.book.pk, as_of=on, as_known_at=at
            )
        }
        for key in ACCOUNTS:
            pk = account_id(book_id=self.ledger.book.pk, key=key)
            assert found.get(pk, 0) == self.model.balance(key, on, at)
        debit, credit = entry.lines[0].debit, entry.lines[0].credit
        for key in (debit, credit):
            assert self.ledger.balance(key, on, at) == self.model.balance(key, on, at)

    @invariant()
    def the_books_balance_per_currency(self) -> None:
        found = balances.trial_balance(book_id=self.ledger.book.pk)
        assert all(debit == credit for debit, credit in found.totals.values())

    @invariant()
    def the_months_are_the_models(self) -> None:
        found = dict(Period.objects.filter(book=self.ledger.book).values_list("month", "state"))
        expected = {
            month: "closed" if month in self.model.closed else "open" for month in self.model.opened
        }
        assert found == expected


def test_the_books_are_what_the_model_says(db: None) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        Bookkeeping,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )

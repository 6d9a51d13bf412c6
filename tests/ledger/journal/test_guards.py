"""What the database itself refuses, whoever asks: every attempt here is plain SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import DataError, IntegrityError, connection, transaction

from ledger.ids import new_id
from ledger.journal import periods
from ledger.journal.chart import Role
from ledger.journal.models import Account, Book, Entry
from tests.ledger.journal.builders import NOW, OCTOBER, Ledger, account, build_ledger, move

BOOKS = (
    "journal_entry",
    "journal_transfer",
    "journal_movement",
    "journal_account",
    "journal_balance",
    "journal_book",
    "journal_period",
    "journal_party",
    "journal_trialbalancerow",
)
FROZEN = (
    "journal_entry",
    "journal_transfer",
    "journal_movement",
    "journal_account",
    "journal_trialbalancerow",
)


def execute(statement: str, **parameters: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return int(cursor.rowcount)


@contextmanager
def refused(word: str) -> Iterator[None]:
    """The database refuses, with a constraint or a message of this word; also what waits for the
    commit is asked for."""
    settle()
    said = "nothing"
    try:
        with transaction.atomic():
            yield
            settle()
    except (IntegrityError, DataError) as refusal:
        said = str(refusal)
    assert re.search(word, said), f"refused with: {said}"


def settle() -> None:
    """Asks now for what would wait for the commit."""
    execute("SET CONSTRAINTS ALL IMMEDIATE")
    execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.parametrize("table", BOOKS)
def test_nothing_is_removed(ledger: Ledger, table: str) -> None:
    ledger.post()
    with refused("append_only"):
        execute(f"DELETE FROM {table}")
    with refused("append_only"):
        execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.parametrize("table", FROZEN)
def test_what_was_written_is_not_changed(ledger: Ledger, table: str) -> None:
    ledger.post()
    column = {"journal_account": "subject", "journal_entry": "memo"}.get(table, "debits")
    column = "subject" if table == "journal_transfer" else column
    with refused("append_only"):
        execute(f"UPDATE {table} SET {column} = {column}")


def test_no_session_setting_passes_the_guards(ledger: Ledger) -> None:
    ledger.post()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
            " AND tgrelid::regclass::text LIKE 'journal_%'"
        )
        triggers = cursor.fetchall()
    assert len(triggers) > len(BOOKS)
    assert {enabled for _, enabled in triggers} == {"A"}


LINE = """
INSERT INTO journal_transfer (entry_id, line, line_count, book_id, debit_account_id,
                              credit_account_id, amount, currency, subject, digest)
SELECT %(entry)s, %(line)s, %(count)s, %(book)s, %(debit)s, %(credit)s, %(amount)s, %(currency)s,
       '', '\\x00'
"""


def add_line(ledger: Ledger, **changed: Any) -> None:
    """A line that would be well formed, apart from what is changed."""
    debit = Account.objects.get(book=ledger.book, role=Role.RECEIVABLE, currency="USD")
    credit = Account.objects.get(book=ledger.book, role=Role.PAYABLE, currency="USD")
    values: dict[str, Any] = {
        "entry": new_id(),
        "line": 1,
        "count": 1,
        "book": ledger.book.pk,
        "debit": debit.pk,
        "credit": credit.pk,
        "amount": "1",
        "currency": "USD",
    }
    execute(LINE, **(values | changed))


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, "transfer_has_header"),
        ({"amount": "0"}, "transfer_amount_in_bounds"),
        ({"amount": "-1"}, "transfer_amount_in_bounds"),
        ({"amount": "NaN"}, "transfer_amount_in_bounds"),
        ({"amount": "1000000000000001"}, "transfer_amount_in_bounds"),
        ({"amount": "Infinity"}, "numeric field overflow|infinite"),
        ({"currency": "EUR"}, "transfer_debits_account"),
        ({"debit": new_id()}, "transfer_debits_account"),
        ({"credit": new_id()}, "transfer_credits_account"),
        ({"line": 0}, "transfer_line_in_entry"),
        ({"line": 2}, "transfer_line_in_entry"),
    ],
)
def test_a_line_alone_is_refused(ledger: Ledger, changed: dict[str, Any], word: str) -> None:
    ledger.post()
    with refused(word):
        add_line(ledger, **changed)


def test_both_sides_lie_in_the_entrys_book(ledger: Ledger) -> None:
    other = build_ledger(name="another")
    ledger.post()
    other.post()
    foreign = Account.objects.get(book=other.book, role=Role.PAYABLE)
    with refused("transfer_credits_account"):
        add_line(ledger, credit=foreign.pk)
    own = Account.objects.get(book=ledger.book, role=Role.PAYABLE)
    with refused("transfer_between_two"):
        add_line(ledger, debit=own.pk)


@pytest.mark.parametrize(
    ("line", "count", "word"),
    [
        (1, 2, "transfer_pkey"),
        (2, 2, "transfer_pkey"),
        (3, 2, "transfer_line_in_entry"),
        (3, 3, "transfer_has_header"),
    ],
)
def test_no_line_joins_an_entry_that_stands(
    ledger: Ledger, line: int, count: int, word: str
) -> None:
    posted = ledger.post(
        move(Role.RECEIVABLE, Role.PAYABLE, "1"), move(Role.RECEIVABLE, Role.PAYABLE, "2")
    )
    with refused(word):
        add_line(ledger, entry=posted.entry_id, line=line, count=count)


def test_no_movement_joins_an_entry_that_stands(ledger: Ledger) -> None:
    posted = ledger.post()
    ledger.post(move(Role.RECEIVABLE, account(Role.PAYABLE, "bo"), "1"))
    other = Account.objects.get(party__ref="bo")
    statement = "INSERT INTO journal_movement VALUES (1, 0, %(account)s, %(entry)s)"
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM journal_movement LIMIT 0")
        order = [column[0] for column in cursor.description or ()]
    statement = (
        f"INSERT INTO journal_movement ({', '.join(sorted(order))})"
        " VALUES (%(account)s, 0, 1, %(entry)s)"
    )
    with refused("entry_sealed"):
        execute(statement, account=other.pk, entry=posted.entry_id)


HEADER = """
INSERT INTO journal_entry (id, book_id, height, kind, key, effective_on, posted_at, actor, memo,
                           line_count, total, content_hash, previous_hash, hash)
SELECT %(id)s, b.id, b.height + %(step)s, 'forged', 'forged', %(day)s, %(at)s, 'nobody', '',
       %(count)s, 1, sha256('x'), %(previous)s, sha256('y')
  FROM journal_book b WHERE b.id = %(book)s
"""


def add_header(ledger: Ledger, entry: UUID, **changed: Any) -> None:
    book = Book.objects.get(pk=ledger.book.pk)
    values: dict[str, Any] = {
        "id": entry,
        "book": book.pk,
        "step": 1,
        "day": OCTOBER,
        "at": NOW,
        "count": 1,
        "previous": bytes(book.head_hash),
    }
    execute(HEADER, **(values | changed))


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"count": 2}, "entry_incomplete"),
        ({"count": 0}, "entry_has_lines|entry_incomplete"),
        ({"step": 2}, "entry_out_of_order"),
        ({"step": 0}, "entry_height_once"),
        ({"previous": b"\x00" * 32}, "entry_out_of_order"),
        ({"previous": b"short"}, "entry_digests_whole"),
        ({"day": "2026-12-01"}, "period_not_open"),
        ({"day": "2026-09-01"}, "period_not_open"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(
    ledger: Ledger, changed: dict[str, Any], word: str
) -> None:
    ledger.post()
    entry = new_id()
    with refused(word):
        add_line(ledger, entry=entry)
        add_header(ledger, entry, **changed)


def test_a_header_without_lines_is_refused(ledger: Ledger) -> None:
    ledger.post()
    with refused("entry_incomplete"):
        add_header(ledger, new_id())


def test_a_key_and_a_reversal_stand_once(ledger: Ledger) -> None:
    posted = ledger.post(key="forged")
    entry = new_id()
    with refused("entry_key_once"):
        add_line(ledger, entry=entry)
        add_header(ledger, entry)
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'entry_reversed_once'")
        row = cursor.fetchone()
    assert row is not None
    assert "UNIQUE" in row[0]
    assert "(reverses_id)" in row[0]
    assert Entry.objects.filter(pk=posted.entry_id).exists()


@pytest.mark.parametrize(
    "change",
    [
        "height = height + 1",
        "height = height - 1",
        "head_hash = sha256('x')",
        "name = 'other'",
        "mode = 'live'",
    ],
)
def test_a_books_head_moves_only_with_an_entry(ledger: Ledger, change: str) -> None:
    ledger.post()
    with refused("chain_broken"):
        execute(f"UPDATE journal_book SET {change}")


def test_a_balance_is_its_accounts_and_not_overdrawn(ledger: Ledger) -> None:
    ledger.post()
    payable = Account.objects.get(role=Role.PAYABLE).pk
    for change, word in (
        ("debits = 13", "balance_not_overdrawn"),
        ("may_overdraw = true", "balance_of_account"),
        ("normal_side = 'debit', debits = 20", "balance_of_account"),
        ("credits = -1, debits = -1", "balance_sides_not_negative"),
    ):
        with refused(word):
            execute(f"UPDATE journal_balance SET {change} WHERE account_id = %(id)s", id=payable)


def test_an_account_is_of_its_partys_kind_and_mode(ledger: Ledger) -> None:
    ledger.post()
    copy = """
        INSERT INTO journal_account (id, book_id, mode, party_id, party_kind, role, currency,
                                     subject, kind, normal_side, may_overdraw, opened_at)
        SELECT gen_random_uuid(), book_id, {mode}, party_id, {kind}, role, {currency}, 'new', kind,
               normal_side, may_overdraw, opened_at FROM journal_account WHERE role = 'payable'
    """
    for changed, word in (
        ({"mode": "'live'"}, "account_(owner|book)_of_same_mode"),
        ({"kind": "'house'"}, "account_owner_of_same_mode"),
        ({"currency": "'usd'"}, "account_currency_code"),
    ):
        names = {"mode": "mode", "kind": "party_kind", "currency": "currency"} | changed
        with refused(word):
            execute(copy.format(**names))


def test_a_closed_month_takes_nothing_more(ledger: Ledger) -> None:
    ledger.post()
    ledger.post(on=NOW.date())
    periods.close_period(book_id=ledger.book.pk, month=OCTOBER, actor="b", now=NOW)
    entry = new_id()
    with refused("period_not_open"):
        add_line(ledger, entry=entry)
        add_header(ledger, entry)
    for change in ("state = 'open'", "closed_by = 'x'", "month = '2026-08-01'"):
        with refused("period_"):
            execute(f"UPDATE journal_period SET {change} WHERE state = 'closed'")
    with refused("period_closes_once"):
        execute(
            "INSERT INTO journal_trialbalancerow (period_id, account_id, party_ref, role, currency,"
            " subject, debits, credits) SELECT p.id, a.id, 'x', 'x', 'USD', '', 1, 1"
            " FROM journal_period p, journal_account a WHERE p.state = 'closed' AND"
            " NOT EXISTS (SELECT FROM journal_trialbalancerow r WHERE r.account_id = a.id)"
            " UNION ALL SELECT period_id, gen_random_uuid(), 'x', 'x', 'USD', '', 1, 1"
            " FROM journal_trialbalancerow LIMIT 1"
        )
    for month in ("2026-10-01", "2026-09-01"):
        with refused("period_"):
            execute(
                "INSERT INTO journal_period (id, book_id, month, state, opened_at, closed_by)"
                " SELECT gen_random_uuid(), id, %(month)s, 'open', now(), '' FROM journal_book",
                month=month,
            )


def test_a_month_is_not_closed_by_hand_without_its_rows(ledger: Ledger) -> None:
    ledger.post()
    with refused("period_closes_once"):
        execute(
            "UPDATE journal_period SET state = 'closed', closed_at = now(), closed_by = 'x',"
            " height = 1, head_hash = sha256('x'), row_count = 2,"
            " trial_balance_hash = sha256('x'), hash = sha256('x')"
        )

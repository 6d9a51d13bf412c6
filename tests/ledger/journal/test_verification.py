"""The verifier: sound books pass, and one changed value anywhere is named."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from io import StringIO
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from ledger import ids
from ledger.journal import periods
from ledger.journal.chart import Role
from ledger.journal.models import Account, Entry, Period
from ledger.journal.posting import reverse
from ledger.journal.verification import Finding, Verification, verify
from tests.ledger.journal.builders import NOW, OCTOBER, Ledger, account, build_ledger, move

NOVEMBER = date(2026, 11, 2)


@pytest.fixture
def ledger(db: None) -> Ledger:
    """Two books; in the first, seven entries over three months, two of which are closed."""
    build_ledger(name="another").post()
    ledger = build_ledger()
    for day in (date(2026, 9, 3), OCTOBER, NOVEMBER):
        ledger.post(
            move(Role.RECEIVABLE, Role.PAYABLE, "12.00000001", "luna"),
            move(Role.RECEIVABLE, account(Role.PAYABLE, "bo"), "0.0004", "söl"),
            move(
                account(Role.RECEIVABLE, currency="EUR"), account(Role.PAYABLE, currency="EUR"), "3"
            ),
            on=day,
            memo="Ünïcode €",
        )
        ledger.post(move(Role.PAYABLE, Role.HELD, "2"), on=day, kind="dispute")
    for month in (date(2026, 9, 1), OCTOBER):
        periods.close_period(book_id=ledger.book.pk, month=month, actor="the closer", now=NOW)
    last = Entry.objects.get(book=ledger.book, height=5)
    reverse(
        entry_id=last.pk, key="mirror", effective_on=NOVEMBER, posted_at=NOW, actor="the bookkeeper"
    )
    return ledger


@contextmanager
def behind_the_guards(*tables: str) -> Iterator[Any]:
    """The tables' owner switches their triggers, keys and checks off: what a thief could do."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'journal_%' AND contype IN ('f', 'c')"
        )
        for table, name in cursor.fetchall():
            cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        yield cursor
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def columns(table: str) -> list[tuple[str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT column_name, udt_name FROM information_schema.columns"
            " WHERE table_name = %s AND table_schema = 'public' ORDER BY 1",
            [table],
        )
        return [(name, kind) for name, kind in cursor.fetchall()]


# One value that differs from what stands by as little as its type allows.
CHANGES = {
    "uuid": "overlay({0}::text PLACING (CASE WHEN right({0}::text, 1) = '0' THEN '1' ELSE '0' END)"
    " FROM 36)::uuid",
    "numeric": "{0} + 0.00000001",
    "int4": "{0} + 100",
    "int8": "{0} + 100",
    "bool": "NOT {0}",
    "date": "{0} + 1",
    "timestamptz": "{0} + interval '1 microsecond'",
    "bytea": "set_byte({0}, 31, get_byte({0}, 31) # 1)",
    "varchar": "CASE WHEN {0} = '' THEN 'x' ELSE overlay({0} PLACING"
    " (CASE WHEN left({0}, 1) = 'x' THEN 'y' ELSE 'x' END) FROM 1 FOR 1) END",
}
# What a NULL becomes.
GIVEN = {"reverses_id": "id"}
OF_TABLE = {
    "journal_entry": "entry",
    "journal_transfer": "transfer",
    "journal_movement": "movement",
    "journal_balance": "balance",
    "journal_trialbalancerow": "trial balance",
    "journal_period": "period",
    "journal_account": "account",
    "journal_book": "book",
}
# Known to no hash: the order of opening, which is an identity, and when a row was made.
NOT_COVERED = {
    ("journal_account", "number"),
    ("journal_account", "opened_at"),
    ("journal_book", "opened_at"),
}


def rows_of(ledger: Ledger, table: str) -> str:
    """The row that is changed: in the middle of the book, not at its end."""
    third = Entry.objects.get(book=ledger.book, height=3)
    payable = Account.objects.get(
        book=ledger.book, role="payable", party__ref="ada", currency="USD"
    )
    closed = Period.objects.get(book=ledger.book, month=OCTOBER.replace(day=1))
    return {
        "journal_entry": f"id = '{third.pk}'",
        "journal_transfer": f"entry_id = '{third.pk}' AND line = 2",
        "journal_movement": f"entry_id = '{third.pk}' AND account_id = '{payable.pk}'",
        "journal_balance": f"account_id = '{payable.pk}'",
        "journal_trialbalancerow": f"period_id = '{closed.pk}' AND account_id = '{payable.pk}'",
        "journal_period": f"id = '{closed.pk}'",
        "journal_account": f"id = '{payable.pk}'",
        "journal_book": f"id = '{ledger.book.pk}'",
    }[table]


def shown(findings: list[Finding]) -> str:
    return "\n".join(str(finding) for finding in findings)


def test_sound_books_pass(ledger: Ledger) -> None:
    result = verify()
    assert result.findings == []
    assert (result.entries, result.transfers, result.periods) == (8, 16, 4)


@pytest.mark.parametrize("table", OF_TABLE)
def test_one_changed_value_in_any_column_is_found(ledger: Ledger, table: str) -> None:
    where = rows_of(ledger, table)
    sound = {str(finding) for finding in verify().findings}
    assert sound == set()
    with behind_the_guards(*OF_TABLE) as cursor:
        for column, kind in columns(table):
            if (table, column) in NOT_COVERED:
                continue
            change = CHANGES[kind].format(column)
            change = f"coalesce({change}, {GIVEN[column]})" if column in GIVEN else change
            cursor.execute("SAVEPOINT before")
            cursor.execute(f"UPDATE {table} SET {column} = {change} WHERE {where}")
            assert cursor.rowcount == 1, column
            result = verify()
            cursor.execute("ROLLBACK TO SAVEPOINT before")
            if (table, column) in NOT_COVERED:
                assert result.sound, column
                continue
            assert not result.sound, column
            named = [finding for finding in result.findings if finding.table == OF_TABLE[table]]
            assert named, f"{column}: {shown(result.findings)}"
            if table in ("journal_entry", "journal_transfer") and column not in ("id", "entry_id"):
                assert _names_it(result, ledger, table, column), f"{column}: {shown(named)}"


def _names_it(result: Verification, ledger: Ledger, table: str, column: str) -> bool:
    """The first finding is about the third entry, by id; about its second line if that changed."""
    third = Entry.objects.get(book=ledger.book, height=3)
    first = result.findings[0]
    if column == "height":
        # It has left its place: what follows is found to follow the wrong one, then it itself.
        return third.shown_id in {finding.row for finding in result.findings}
    if table == "journal_entry":
        return first.row == third.shown_id
    about_line = {"line": (f"{third.shown_id} line 102",)}.get(
        column, (f"{third.shown_id} line 2",)
    )
    return any(
        finding.row in about_line and finding.height == 3
        for finding in result.findings
        if finding.table == "transfer"
    )


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        (
            "DELETE FROM journal_entry WHERE id = %(third)s",
            ("its height follows 2", "does not exist"),
        ),
        (
            "DELETE FROM journal_transfer WHERE entry_id = %(third)s AND line = 3",
            ("3 lines and has 2",),
        ),
        ("DELETE FROM journal_movement WHERE entry_id = %(third)s", ("it is missing",)),
        ("DELETE FROM journal_balance", ("it is missing",)),
        ("DELETE FROM journal_trialbalancerow", ("its row is missing", "rows and has 0")),
        ("DELETE FROM journal_period WHERE state = 'open'", ("it does not exist",)),
        (
            "UPDATE journal_period SET state = 'open' WHERE month = '2026-09-01'",
            ("before it is open", "not closed"),
        ),
        (
            "INSERT INTO journal_transfer (entry_id, line, line_count, book_id, debit_account_id,"
            " credit_account_id, amount, currency, subject, digest) SELECT entry_id, 9, line_count,"
            " book_id, debit_account_id, credit_account_id, amount, currency, subject, digest"
            " FROM journal_transfer WHERE entry_id = %(third)s AND line = 1",
            ("3 lines and has 4", "where line 4 should"),
        ),
    ],
)
def test_what_was_taken_or_added_is_found(
    ledger: Ledger, statement: str, words: tuple[str, ...]
) -> None:
    third = Entry.objects.get(book=ledger.book, height=3)
    with behind_the_guards(*OF_TABLE) as cursor:
        cursor.execute(statement, {"third": third.pk})
        found = shown(verify().findings)
    for word in words:
        assert word in found


def test_a_thief_who_repairs_the_entrys_hashes_breaks_the_chain(ledger: Ledger) -> None:
    """Whoever rewrites an entry with its own hash is betrayed by the next one."""
    third = Entry.objects.get(book=ledger.book, height=3)
    fourth = Entry.objects.get(book=ledger.book, height=4)
    with behind_the_guards(*OF_TABLE) as cursor:
        cursor.execute("UPDATE journal_entry SET hash = sha256('forged') WHERE id = %s", [third.pk])
        found = verify().findings
    assert [(finding.height, finding.row) for finding in found[:2]] == [
        (3, third.shown_id),
        (4, fourth.shown_id),
    ]
    assert "previous hash" in found[1].detail


def test_the_first_bad_entry_comes_first(ledger: Ledger) -> None:
    heights = (6, 2, 5)
    with behind_the_guards(*OF_TABLE) as cursor:
        for height in heights:
            cursor.execute(
                "UPDATE journal_entry SET memo = 'x' WHERE book_id = %s AND height = %s",
                [ledger.book.pk, height],
            )
        result = verify()
    assert result.findings[0].height == min(heights)


def told(*arguments: str) -> tuple[int, str]:
    """What the command prints, and the status it exits with."""
    out = StringIO()
    try:
        call_command("verify_books", *arguments, stdout=out, no_color=True)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue()
    return 0, out.getvalue()


def test_the_command_says_that_the_books_hold(ledger: Ledger) -> None:
    assert told() == (
        0,
        "The books hold: 8 entries, 16 transfers, 8 accounts, 4 months read.\n",
    )


def test_the_command_names_what_does_not_hold(ledger: Ledger) -> None:
    third = Entry.objects.get(book=ledger.book, height=3)
    with behind_the_guards(*OF_TABLE) as cursor:
        cursor.execute(
            "UPDATE journal_transfer SET amount = amount + 0.00000001"
            " WHERE entry_id = %s AND line = 2",
            [third.pk],
        )
        status, text = told()
        machine_status, written = told("--json")
    assert status == machine_status == 1
    assert (
        f"transfer {third.shown_id} line 2 (height 3): its digest is not that of its columns"
        in text
    )
    assert "The books do NOT hold" in text
    findings = json.loads(written)
    assert not findings["sound"]
    assert findings["findings"][0]["height"] == 3


def test_one_book_can_be_verified_alone(ledger: Ledger) -> None:
    other = Entry.objects.exclude(book=ledger.book).get()
    with behind_the_guards(*OF_TABLE) as cursor:
        cursor.execute("UPDATE journal_entry SET memo = 'x' WHERE id = %s", [other.pk])
        assert told("--book", ledger.book.shown_id)[0] == 0
        assert told("--book", other.book.shown_id)[0] == 1
    with pytest.raises(CommandError):
        told("--book", ids.show("boo", UUID(int=0)))


def test_a_later_moment_is_read_to_the_microsecond(ledger: Ledger) -> None:
    """Years on either side of 1970 and fractions of a second hash the same in both readings."""
    for step in range(5):
        ledger.post(on=NOVEMBER, at=NOW + timedelta(microseconds=123_457 * step + 1))
    assert verify().sound

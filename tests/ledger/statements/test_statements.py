"""Statements: drawn from the ledger, equal to it, issued once, restated openly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from ledger.actor import ScopeMissing
from ledger.journal.chart import Role
from ledger.money import format_amount
from ledger.payouts.models import PayoutItem
from ledger.statements.draw import DoesNotAddUp, Drawing, Movement, compare, draw
from ledger.statements.issuing import MonthNotBegun, issue_statements
from ledger.statements.models import Statement
from tests.ledger.payouts.builders import (
    NOW,
    Desk,
    build_finance,
    build_payee,
    build_payee_actor,
    earn,
    holds,
    only,
)

OCTOBER = date(2026, 10, 1)
SEPTEMBER = date(2026, 9, 1)
IN_NOVEMBER = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)
LABELS = {
    "chr_fox": "Fox of the North",
    "plt_studio": "Studio",
    "bank": "Bank transfer",
    "kind:payout_paid": "Payout",
}


def issue(month: date = OCTOBER, *, now: datetime = IN_NOVEMBER) -> list[Statement]:
    done = issue_statements(actor=build_finance("Petra"), now=now, month=month, labels=LABELS)
    return list(done.statements)


def page(statement: Statement) -> str:
    """The statement as its reader sees it."""
    rows = [f"{statement.party_label} {statement.month:%Y-%m} {statement.currency}"]
    rows.append(f"opening {format_amount(statement.opening, statement.currency)}")
    rows += [
        f"{line.kind_label} | {line.subject_label} | {line.counterparty_label} | "
        f"{format_amount(line.amount, statement.currency)}"
        for line in statement.lines.all()
    ]
    rows.append(f"closing {format_amount(statement.closing, statement.currency)}")
    return "\n".join(rows)


# -- The engine -----------------------------------------------------------------------------------

UNITS = st.integers(min_value=-(10**12), max_value=10**12)


@given(opening=UNITS, amounts=st.lists(UNITS, max_size=20))
def test_lines_always_lead_from_opening_to_closing(opening: int, amounts: list[int]) -> None:
    movements = [
        Movement(
            kind="royalty",
            subject=str(place),
            counterparty="plt",
            amount=Decimal(amount).scaleb(-8),
            transfers=1,
        )
        for place, amount in enumerate(amounts)
    ]
    stood = Decimal(opening).scaleb(-8)
    stands = Decimal(opening + sum(amounts)).scaleb(-8)
    drawing = draw(opening={"payable": stood}, closing={"payable": stands}, movements=movements)
    assert drawing.opening + sum(line.amount for line in drawing.lines) == drawing.closing
    with pytest.raises(DoesNotAddUp):
        draw(
            opening={"payable": stood},
            closing={"payable": stands + Decimal("1E-8")},
            movements=movements,
        )


def test_a_revision_names_each_figure_that_changed() -> None:
    def drawing(earned: str) -> Drawing:
        line = Movement(
            kind="royalty",
            subject="chr_fox",
            counterparty="plt_a",
            amount=Decimal(earned),
            transfers=1,
        )
        return draw(opening={}, closing={"payable": Decimal(earned)}, movements=[line])

    def changes(was: str, now: str) -> list[tuple[str, str, str]]:
        found = compare(
            was=drawing(was), now=drawing(now), currency="USD", words=lambda line: "Royalties"
        )
        return [(change.what, change.was, change.now) for change in found]

    assert changes("1.00", "1.50000001") == [
        ("closing balance", "1.00", "1.50000001"),
        ("closing balance, payable", "1.00", "1.50000001"),
        ("Royalties", "1.00", "1.50000001"),
    ]
    assert changes("1.00", "1.00") == []


def test_two_lines_of_one_name_are_two_figures() -> None:
    def drawing(*earned: str) -> Drawing:
        lines = [
            Movement(
                kind="royalty",
                subject=f"chr_{place}",
                counterparty="plt_a",
                amount=Decimal(amount),
                transfers=1,
            )
            for place, amount in enumerate(earned)
        ]
        total = sum((Decimal(amount) for amount in earned), Decimal(0))
        return draw(opening={}, closing={"payable": total}, movements=lines)

    found = compare(
        was=drawing("1", "2"), now=drawing("2", "1"), currency="USD", words=lambda line: "Luna"
    )
    assert [(each.what, each.was, each.now) for each in found] == [
        ("Luna", "1.00", "2.00"),
        ("Luna", "2.00", "1.00"),
    ]


# -- Issued ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_month_of_earning_and_being_paid() -> None:
    payee = build_payee("0", name="hld_lantern")
    earn(payee, "5.00000001", on=date(2026, 9, 30))
    earn(payee, "7.34567890", on=date(2026, 10, 2))
    earn(payee, "0.00040000", on=date(2026, 10, 3), subject="chr_owl")
    desk = Desk()
    desk.pay(only(desk.submitted()))
    [statement] = issue()
    assert page(statement) == (
        "hld_lantern 2026-10 USD\n"
        "opening 5.00000001\n"
        f"Payout | {PayoutItem.objects.get().shown_id} | Bank transfer | -12.34\n"
        "Royalty | Fox of the North | Studio | 7.3456789\n"
        "Royalty | chr_owl | Studio | 0.0004\n"
        "closing 0.00607891"
    )
    assert f"{statement.closing:.8f}" == holds(payee, Role.PAYABLE)
    assert statement.is_complete


@pytest.mark.django_db
def test_money_on_its_way_is_still_owed_and_stands_apart() -> None:
    payee = build_payee("30.00")
    Desk().submitted()
    [statement] = issue()
    assert (statement.opening, statement.closing, statement.line_count) == (
        Decimal(0),
        Decimal(30),
        1,
    )
    parts = {each.role: each.closing for each in statement.balances.all()}
    assert parts == {"payable": 0, "in_flight": Decimal(30), "held": 0, "reserve": 0}
    assert holds(payee, Role.IN_FLIGHT) == "30.00000000"


@pytest.mark.django_db
def test_each_month_begins_where_the_one_before_ended() -> None:
    payee = build_payee("0")
    earn(payee, "5", on=date(2026, 9, 15))
    earn(payee, "7", on=date(2026, 10, 15))
    [september], [october] = issue(SEPTEMBER), issue(OCTOBER)
    assert (september.closing, october.opening, october.closing) == (
        Decimal(5),
        Decimal(5),
        Decimal(12),
    )


@pytest.mark.django_db
def test_currencies_never_mix() -> None:
    payee = build_payee("5.00")
    earn(payee, "700", currency="JPY")
    assert [(each.currency, each.closing) for each in issue()] == [
        ("JPY", Decimal(700)),
        ("USD", Decimal(5)),
    ]


@pytest.mark.django_db
def test_issued_again_nothing_changes() -> None:
    build_payee("5.00")
    first, again = issue(), issue()
    assert [each.pk for each in first] == [each.pk for each in again]
    assert Statement.objects.count() == 1


@pytest.mark.django_db
def test_a_late_entry_makes_a_revision_that_says_what_changed() -> None:
    payee = build_payee("5.00")
    [first] = issue()
    earn(payee, "0.50", on=date(2026, 10, 31), now=IN_NOVEMBER)
    [second] = issue()
    assert (second.revision, second.restates_id, second.closing) == (2, first.pk, Decimal("5.5"))
    assert [(each["what"], each["was"], each["now"]) for each in second.changes] == [
        ("closing balance", "5.00", "5.50"),
        ("closing balance, payable", "5.00", "5.50"),
        ("Royalty · Fox of the North · Studio", "5.00", "5.50"),
    ]
    first.refresh_from_db()
    assert first.closing == 5
    assert list(Statement.objects.standing()) == [second]


@pytest.mark.django_db
def test_the_running_month_covers_to_today_and_is_restated_when_it_is_over() -> None:
    build_payee("5.00")
    [so_far] = issue(now=NOW)
    assert (so_far.covers_to, so_far.is_complete) == (NOW.date(), False)
    assert issue(now=NOW) == [so_far]
    [whole] = issue(now=IN_NOVEMBER)
    assert (whole.revision, whole.is_complete) == (2, True)
    assert whole.changes == [{"what": "covers to", "was": "2026-10-15", "now": "2026-10-31"}]


@pytest.mark.django_db
def test_a_later_day_of_the_running_month_is_named_with_what_it_brought() -> None:
    payee = build_payee("5.00")
    [first] = issue(now=NOW)
    a_day_later = NOW + timedelta(days=1)
    assert issue(now=a_day_later) == [first]
    earn(payee, "0.50", on=a_day_later.date(), now=a_day_later)
    [second] = issue(now=a_day_later)
    assert second.changes[0] == {"what": "covers to", "was": "2026-10-15", "now": "2026-10-16"}
    assert len(second.changes) == 4


@pytest.mark.django_db
def test_what_cannot_be_issued() -> None:
    with pytest.raises(MonthNotBegun):
        issue(date(2026, 12, 1))
    with pytest.raises(ScopeMissing):
        issue_statements(actor=build_payee_actor(), now=NOW, month=OCTOBER, labels={})
    assert issue() == []


@pytest.mark.django_db
def test_a_holder_sees_only_its_own() -> None:
    mine = build_payee("5.00")
    build_payee("6.00")
    issue()
    seen = Statement.objects.visible_to(build_payee_actor(mine))
    assert [each.party for each in seen] == [mine]
    assert Statement.objects.visible_to(build_finance("Petra")).count() == 2
    assert Statement.objects.visible_to(build_finance("Lisa", mode="live")).count() == 0


# -- What the database refuses ---------------------------------------------------------------------


def refused_by_database(statement: str, *parameters: str) -> str:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute(statement, parameters)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except IntegrityError as refusal:
        return str(refusal)
    raise AssertionError(f"the database took it: {statement}")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE statements_statement SET closing = closing + 1",
        "UPDATE statements_statementline SET amount = amount + 1",
        "UPDATE statements_statementbalance SET closing = 0",
        "DELETE FROM statements_statementline",
        "TRUNCATE statements_statement CASCADE",
        "INSERT INTO statements_statementline (statement_id, position, line_count, kind, kind_label,"
        " subject, subject_label, counterparty, counterparty_label, amount, transfers)"
        " SELECT id, 2, 2, 'x', 'x', '', '', 'x', 'x', 0, 1 FROM statements_statement",
    ],
)
def test_an_issued_statement_never_changes(statement: str) -> None:
    build_payee("5.00")
    issue()
    message = refused_by_database(statement)
    assert "statement_kept" in message or "statement_line_of_statement" in message


def _forge(closing: str, line: str) -> str:
    """A statement of October for hld_a, written past the verbs: opening 0, one line."""
    return f"""
        WITH forged AS (
            INSERT INTO statements_statement (id, book_id, party, party_label, month, covers_to,
                currency, revision, changes, opening, closing, line_count, issued_at, issued_by)
            SELECT gen_random_uuid(), id, 'hld_a', 'A', '2026-10-01', '2026-10-31', 'USD', 1,
                '[]', 0, {closing}, 1, now(), 'me' FROM journal_book WHERE mode = 'test'
            RETURNING id
        ), lines AS (
            INSERT INTO statements_statementline (statement_id, position, line_count, kind,
                kind_label, subject, subject_label, counterparty, counterparty_label, amount,
                transfers)
            SELECT id, 1, 1, 'royalty', 'Royalty', '', '', 'plt', 'plt', {line}, 1 FROM forged
            RETURNING 1
        )
        INSERT INTO statements_statementbalance (statement_id, role, opening, closing)
        SELECT id, role, 0, CASE role WHEN 'payable' THEN {closing} ELSE 0 END
          FROM forged, unnest(ARRAY['payable', 'in_flight', 'held', 'reserve']) AS role
    """


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("closing", "line", "reason"),
    [("5", "4", "its own sums"), ("6", "6", "the balances of the journal")],
)
def test_a_statement_that_differs_from_the_ledger_does_not_exist(
    closing: str, line: str, reason: str
) -> None:
    build_payee("5.00", name="hld_a")
    message = refused_by_database(_forge(closing, line))
    assert "statement_differs" in message
    assert reason in message


@pytest.mark.django_db
def test_one_that_equals_the_ledger_may_be_written() -> None:
    """So that the two refusals above are known to be about what they say."""
    build_payee("5.00", name="hld_a")
    with connection.cursor() as cursor:
        cursor.execute(_forge("5", "5"))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    assert Statement.objects.get().closing == 5

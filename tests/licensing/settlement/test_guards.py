"""What the database itself refuses, whatever the program says."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from licensing.settlement.models import Run, RunPart, RunShare, SettlementInput
from licensing.settlement.states import PART_MOVES, RUN_MOVES, PartState, RunState
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import Made, Studio, build_batch, review, settle, start

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    studio = Studio()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=studio.character(), licensed=True)])
    return studio


def refused(statement: str, *values: object, word: str) -> None:
    with connection.cursor() as cursor:
        # As at a commit, after which a table may be truncated.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match=word), transaction.atomic():
            cursor.execute(statement, values)  # type: ignore[arg-type]


def test_the_tables_of_moves_are_the_same_in_both_places() -> None:
    with connection.cursor() as cursor:
        for function, states, moves in (
            ("settlement_run_may_move", RunState, RUN_MOVES),
            ("settlement_part_may_move", PartState, PART_MOVES),
        ):
            for was in states:
                for to in states:
                    cursor.execute(f"SELECT {function}(%s, %s)", [was.value, to.value])
                    said = cursor.fetchone()
                    assert said == (to in moves[was],), (was, to)  # type: ignore[index]


@pytest.mark.parametrize("table", ["royaltyline", "runtotal", "runshare"])
@pytest.mark.parametrize(
    "statement",
    ["UPDATE {} SET run_id = run_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"],
)
def test_what_was_rated_never_changes(studio: Studio, table: str, statement: str) -> None:
    settle(studio)
    refused(statement.format(f"settlement_{table}"), word="append_only")


def test_no_line_or_share_joins_a_run_that_is_in_review(studio: Studio) -> None:
    run = review(studio)
    share = RunShare.objects.filter(run=run).first()
    assert share is not None
    with pytest.raises(DatabaseError, match="run_content"), transaction.atomic():
        RunShare.objects.create(
            run=run, total=share.total, payee="suspense", amount=1, post_number=9
        )
    line = run.lines.get()
    line.pk = share.pk
    with pytest.raises(DatabaseError, match="run_content"), transaction.atomic():
        line.save(force_insert=True)


def test_inputs_leave_only_a_cancelled_run(studio: Studio) -> None:
    review(studio)
    refused("DELETE FROM settlement_input", word="run_content")
    refused("UPDATE settlement_input SET currency = 'EUR'", word="append_only")
    assert SettlementInput.objects.count() == 1


def test_nobody_approves_their_own_run_in_the_database_either(studio: Studio) -> None:
    run = review(studio)
    refused(
        "UPDATE settlement_run SET state = 'approved', version = version + 1,"
        " approved_by = started_by, approved_at = now(), effective_on = period WHERE id = %s",
        str(run.pk),
        word="run_maker_is_not_checker",
    )


def test_an_illegal_move_is_refused(studio: Studio) -> None:
    run = start(studio)
    statement = "UPDATE settlement_run SET state = %s, version = version + 1 WHERE id = %s"
    refused(statement, "rated", str(run.pk), word="run_move")
    refused(statement.replace(", version = version + 1", ""), "cancelled", str(run.pk),
            word="run_move")  # fmt: skip


def test_what_was_approved_stays_as_it_was(studio: Studio) -> None:
    run = settle(studio)
    for change in ("fee = fee + 1", "content_hash = '\\x00'", "approved_by_label = 'me'"):
        refused(f"UPDATE settlement_run SET {change} WHERE id = %s", str(run.pk), word="run_frozen")
    refused("DELETE FROM settlement_run", word="append_only")


def test_a_part_that_is_done_rests(studio: Studio) -> None:
    run = settle(studio)
    part = RunPart.objects.filter(run=run).first()
    assert part is not None
    refused(
        "UPDATE settlement_runpart SET state = 'waiting' WHERE id = %s", str(part.pk),
        word="part_move",
    )  # fmt: skip


def test_a_batch_is_settled_once_in_a_currency(studio: Studio) -> None:
    run = settle(studio)
    settled = SettlementInput.objects.get(run=run)
    refused(
        "INSERT INTO settlement_input (batch_id, currency, run_id) VALUES (%s, %s, %s)",
        str(settled.batch_id), settled.currency, str(run.pk),
        word="duplicate key|run_content",
    )  # fmt: skip


def test_one_run_is_open_at_a_time(studio: Studio) -> None:
    run = start(studio)
    copy = Run.objects.get(pk=run.pk)
    copy.pk, copy.revision = studio.platform.pk, 2
    with pytest.raises(DatabaseError, match="run_one_open"), transaction.atomic():
        copy.save(force_insert=True)

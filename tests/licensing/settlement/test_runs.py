"""A run from its start to the books, and everything that must not happen on the way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from ledger.journal import books, periods
from ledger.journal.balances import trial_balance
from licensing.access.models import AuditRecord
from licensing.settlement import runs
from licensing.settlement.models import RoyaltyLine, RunShare, RunTotal, SettlementInput
from licensing.settlement.refusals import (
    BadPeriod,
    FuturePeriod,
    NotInState,
    OwnRun,
    RunChanged,
    RunOpen,
)
from licensing.settlement.states import RunState
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import (
    NOVEMBER,
    NOW,
    OCTOBER,
    Made,
    Studio,
    approve,
    build_batch,
    forward,
    journal,
    paid,
    review,
    settle,
    start,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    return Studio()


def test_a_month_of_usage_becomes_entries_that_an_accountant_can_read(studio: Studio) -> None:
    luna = studio.character("Luna")
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)] * 3)
    run = settle(studio)
    assert run.state == RunState.POSTED
    assert journal(
        run=run.shown_id,
        plt=studio.platform.party_ref,
        hld=studio.owner.party_ref,
        luna=luna.shown_id,
    ) == (
        f"2026-10-31  fee_earned  settlement:run:1  {studio.platform.name} 2026-10\n"
        "    Dr receivable:plt  Cr fee_income:house  0.0009 USD  luna\n"
        f"2026-10-31  royalties_earned  settlement:run:2  {studio.platform.name} 2026-10\n"
        "    Dr receivable:plt  Cr payable:hld  0.0051 USD  luna"
    )


def test_the_books_balance_after_a_run(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)] * 7)
    run = settle(studio)
    book = books.house_book(mode="test", now=NOW)
    assert trial_balance(book_id=book.pk).totals == {"USD": (Decimal("0.014"), Decimal("0.014"))}
    assert run.total.amount == Decimal("0.014")


def test_each_move_leaves_its_record_with_who_made_it(studio: Studio) -> None:
    run = settle(studio)
    told = AuditRecord.objects.filter(thing=run.shown_id).order_by("at", "id")
    assert [(record.verb, record.actor_kind) for record in told] == [
        ("settlement.start", "person"),
        ("settlement.collecting", "system"),
        ("settlement.rating", "system"),
        ("settlement.rated", "system"),
        ("settlement.in_review", "system"),
        ("settlement.approved", "person"),
        ("settlement.posting", "system"),
        ("settlement.posted", "system"),
    ]
    assert run.version == 8


def test_a_run_without_usage_passes_cleanly(studio: Studio) -> None:
    run = settle(studio)
    assert run.state == RunState.POSTED
    assert run.total.amount == 0
    assert journal() == ""


def test_usage_is_settled_once_and_late_usage_in_the_next_run_with_its_own_days(
    studio: Studio,
) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)])
    first = settle(studio)
    late = datetime(2026, 10, 3, 8, 0, tzinfo=UTC)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True, at=late)])
    second = settle(studio, period=OCTOBER, now=NOW + timedelta(days=3))
    assert (first.revision, second.revision) == (1, 2)
    assert paid(first) == paid(second)
    assert [line.service_day for line in second.lines.all()] == [date(2026, 10, 3)]
    assert SettlementInput.objects.count() == 2


def test_the_running_month_may_be_run_and_its_entries_are_of_today(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(
        studio.platform, [Made(subjects=luna, licensed=True, at=NOW - timedelta(minutes=5))]
    )
    run = settle(studio, period=NOVEMBER)
    assert run.effective_on == NOW.date()
    assert run.total.amount == Decimal("0.002")


def test_a_batch_that_reaches_past_the_month_waits(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(
        studio.platform,
        [Made(subjects=luna), Made(subjects=luna, at=datetime(2026, 11, 1, tzinfo=UTC))],
    )
    assert settle(studio, period=OCTOBER).generations == 0
    assert settle(studio, period=NOVEMBER).generations == 2


def test_only_sealed_batches_are_settled(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna)], sealed=False)
    assert review(studio).generations == 0


def test_one_run_of_a_platform_and_currency_is_open_at_a_time(studio: Studio) -> None:
    first = start(studio)
    with pytest.raises(RunOpen):
        start(studio)
    with pytest.raises(RunOpen):
        start(studio, period=NOVEMBER)
    assert start(studio, currency="EUR").revision == 1
    runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=first)
    assert start(studio).revision == 2


def test_a_period_is_a_month_that_has_begun(studio: Studio) -> None:
    with pytest.raises(BadPeriod):
        start(studio, period=date(2026, 10, 2))
    with pytest.raises(FuturePeriod):
        start(studio, period=date(2026, 12, 1))


def test_nobody_approves_the_run_they_started(studio: Studio) -> None:
    run = review(studio)
    both = replace(studio.finance.approver, person_id=studio.finance.preparer.person_id)
    with pytest.raises(OwnRun):
        runs.approve_run(actor=both, now=NOW, run=run, content_hash=run.content_hash_hex)


def test_an_approval_is_bound_to_what_was_seen(studio: Studio) -> None:
    run = review(studio)
    with pytest.raises(RunChanged):
        runs.approve_run(actor=studio.finance.approver, now=NOW, run=run, content_hash="00" * 32)
    approve(studio, run)
    with pytest.raises(NotInState):
        runs.approve_run(
            actor=studio.finance.approver, now=NOW, run=run, content_hash=run.content_hash_hex
        )


def test_a_run_that_is_not_reviewed_cannot_be_approved(studio: Studio) -> None:
    run = start(studio)
    with pytest.raises(NotInState):
        runs.approve_run(actor=studio.finance.approver, now=NOW, run=run, content_hash="")


def test_a_cancelled_run_lets_its_inputs_go(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)])
    first = review(studio)
    runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=first)
    runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=first)
    second = settle(studio)
    assert second.total == first.total
    assert paid() == paid(second)


def test_an_approved_run_cannot_be_cancelled(studio: Studio) -> None:
    run = settle(studio)
    with pytest.raises(NotInState):
        runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=run)


def test_driving_a_run_again_changes_nothing(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)])
    run = settle(studio)
    before = journal()
    forward(run)
    assert journal() == before
    counts = [model.objects.count() for model in (RoyaltyLine, RunTotal, RunShare)]
    assert counts == [1, 1, 2]


def test_a_run_posts_into_the_first_open_month_when_its_own_is_closed(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)])
    run = review(studio)
    book = books.house_book(mode="test", now=NOW)
    periods.close_period(book_id=book.pk, month=OCTOBER, actor="Cleo", now=NOW)
    approve(studio, run)
    assert "2026-11-01  royalties_earned" in journal()

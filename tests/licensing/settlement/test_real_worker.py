"""Runs settled by real Celery workers: messages ring, rows decide, and twice equals once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection, transaction

from ledger.journal.chart import Role
from ledger.journal.models import Entry
from licensing.settlement import runs
from licensing.settlement.models import RoyaltyLine, Run, RunPart
from tests.licensing.builders import (
    Household,
    build_holder,
    build_house,
    build_platform,
    build_subject,
)
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.settling import approve, balance
from tests.licensing.settlement.workers import Workshop, wait_until, workshop
from tests.licensing.usage.builders import build_receipt, report, upload

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
RING = "settlement.ring_waiting_parts"
WORK = "settlement.work_run"


@pytest.fixture
def shop() -> Iterator[Workshop]:
    with workshop() as opened:
        yield opened


class Story:
    """Two holders, one platform, sixty clips at half a cent."""

    def __init__(self) -> None:
        self.platform = build_platform()
        self.ada, self.bob = build_holder(), build_holder()
        assert self.platform.platform is not None
        assert self.ada.holder is not None
        assert self.bob.holder is not None
        for household in (self.ada, self.bob):
            assert household.holder is not None
            build_agreement(
                self.platform.platform, household.holder, terms=build_terms(fee_percent="20")
            )
        shared = build_subject(self.ada.holder, owners={self.ada.holder: 2, self.bob.holder: 1})
        receipt = build_receipt(
            self.platform.platform, [shared], action="generate_video", generations=60
        )
        upload(
            self.platform.actor,
            [
                report(shared, medium="video", seconds=3, receipt=receipt, occurred_at=at(n))
                for n in range(60)
            ],
        )

    def start(self) -> Run:
        assert self.platform.platform is not None
        return runs.start_run(
            actor=build_house(role="preparer").actor,
            now=NOW,
            platform=self.platform.platform,
            currency="USD",
            period=OCTOBER,
        )

    def assert_settled_once(self, run: Run) -> None:
        """60 x 0.005 = 0.30; 20 % of it is the fee, two thirds of the rest are Ada's."""
        assert owed(self.ada) == Decimal("0.16")
        assert owed(self.bob) == Decimal("0.08")
        assert balance("house", Role.FEE_INCOME) == Decimal("0.06")
        entries = Entry.objects.filter(key__contains=run.shown_id)
        assert entries.count() == RunPart.objects.filter(run=run, kind="post").count() == 3
        assert sum(line.generations for line in RoyaltyLine.objects.filter(run=run)) == 60


def at(number: int) -> str:
    return f"2026-10-15T11:{number:02}:00Z"


def owed(household: Household) -> Decimal:
    assert household.holder is not None
    return balance(household.holder.party_ref, Role.PAYABLE)


def is_in(run: Run, state: str) -> bool:
    run.refresh_from_db()
    return run.state == state


def test_duplicates_of_every_message_to_two_workers_have_one_effect(shop: Workshop) -> None:
    story = Story()
    run = story.start()
    shop.send(WORK, str(run.pk), times=10)
    shop.start_worker()
    shop.start_worker()

    def ring() -> None:
        shop.send(RING)
        shop.send(WORK, str(run.pk), times=3)

    wait_until(lambda: is_in(run, "in_review"), meanwhile=ring)
    approve(run, now=NOW)
    shop.send(WORK, str(run.pk), times=10)
    wait_until(lambda: is_in(run, "posted"), meanwhile=ring)

    story.assert_settled_once(run)
    shop.send(WORK, str(run.pk), times=5)
    shop.send(WORK, "00000000-0000-0000-0000-000000000000")
    another = Story().start()
    wait_until(lambda: is_in(another, "in_review"), meanwhile=lambda: shop.send(RING))
    story.assert_settled_once(run)


def test_a_worker_killed_in_the_middle_of_a_part_is_taken_over_from(shop: Workshop) -> None:
    story = Story()
    run = story.start()
    victim = shop.start_worker(processes=1)
    with transaction.atomic():
        # Nobody can write a line for the moment: the part is being worked on, and is not done.
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE settlement_royaltyline IN SHARE MODE")
        shop.send(WORK, str(run.pk))
        wait_until(writer_waits)
        victim.kill()
    part = RunPart.objects.get(run=run)
    assert (part.state, part.attempt) == ("leased", 1)
    assert not RoyaltyLine.objects.filter(run=run).exists()

    # The lease runs out.
    RunPart.objects.filter(pk=part.pk).update(lease_until=NOW - timedelta(minutes=1))
    shop.start_worker(processes=1)
    wait_until(lambda: is_in(run, "in_review"), meanwhile=lambda: shop.send(RING))
    part.refresh_from_db()
    assert (part.state, part.attempt) == ("done", 2)
    approve(run, now=NOW)
    wait_until(lambda: is_in(run, "posted"), meanwhile=lambda: shop.send(RING))
    story.assert_settled_once(run)


def writer_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted AND"
            " relation = 'settlement_royaltyline'::regclass)"
        )
        return bool(cursor.fetchone()[0])

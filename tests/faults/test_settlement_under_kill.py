"""Workers killed at random, again and again, while runs are rated and posted: once is once."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import transaction
from django.utils import timezone

from ledger.journal.chart import Role
from ledger.journal.models import Entry
from licensing.catalog.models import Platform, RightsHolder
from licensing.commerce.agreements import Price, Terms
from licensing.settlement import collecting, runs
from licensing.settlement.models import RoyaltyLine, Run, RunPart, RunShare, SettlementInput
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
from tests.licensing.usage.builders import report, upload

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(600),
    pytest.mark.django_db(transaction=True),
]

NOW = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
RING = "settlement.ring_waiting_parts"
WORK = "settlement.work_run"
HOLDERS = 12
BATCHES = 24
EACH = 900


@pytest.fixture
def shop() -> Iterator[Workshop]:
    with workshop() as opened:
        yield opened


class House:
    """A platform, twelve holders with a character each, and twenty-four batches of images."""

    def __init__(self) -> None:
        self.platform = build_platform()
        self.holders = [self._holder() for _ in range(HOLDERS)]
        subjects = [build_subject(holder) for holder in self.holders]
        for batch in range(BATCHES):
            upload(
                self.platform.actor,
                [
                    report(
                        subjects[number % HOLDERS],
                        external_id=f"{batch}-{number}",
                        occurred_at="2026-10-15T11:00:00Z",
                    )
                    for number in range(EACH)
                ],
                now=NOW,
            )

    def _holder(self) -> RightsHolder:
        holder = build_holder().holder
        assert holder is not None
        assert self.platform.platform is not None
        build_agreement(self.platform.platform, holder, terms=unlicensed_terms())
        return holder

    def start(self) -> Run:
        assert self.platform.platform is not None
        return runs.start_run(
            actor=build_house(role="preparer").actor,
            now=timezone.now(),
            platform=self.platform.platform,
            currency="USD",
            period=OCTOBER,
        )

    def assert_settled_once(self, run: Run) -> None:
        """24 x 900 / 12 = 1,800 images a holder at 0.00333: 5.994, of which 15 % are the fee."""
        assert SettlementInput.objects.filter(run=run).count() == BATCHES
        lines = RoyaltyLine.objects.filter(run=run)
        assert sum(line.generations for line in lines) == BATCHES * EACH
        for holder in self.holders:
            assert balance(holder.party_ref, Role.PAYABLE) == Decimal("5.0949")
        assert balance("house", Role.FEE_INCOME) == Decimal("10.7892")
        owed = balance(platform_of(self.platform).party_ref, Role.RECEIVABLE)
        assert (
            owed
            == Decimal("71.928")
            == sum((share.amount for share in RunShare.objects.filter(run=run)), Decimal(0))
        )
        entries = Entry.objects.filter(key__startswith=f"settlement:{run.shown_id}:")
        # One entry for each holder, and one for the fee.
        posted = RunPart.objects.filter(run=run, kind="post").count()
        assert entries.count() == posted == HOLDERS + 1
        assert not RunPart.objects.filter(run=run).exclude(state="done").exists()


def unlicensed_terms() -> Terms:
    price = Price(medium="image", unit="generation", amount=Decimal("0.00333"), licensed=False)
    return build_terms(prices=[price])


def platform_of(household: Household) -> Platform:
    assert household.platform is not None
    return household.platform


def is_in(run: Run, *states: str) -> bool:
    run.refresh_from_db()
    return run.state in states


def busy(run: Run) -> bool:
    """Whether a part is being worked on, or there is none left to work on."""
    parts = RunPart.objects.filter(run=run)
    if parts.filter(state="leased").exists():
        return True
    return is_in(run, "in_review", "posted", "parked")


def wait_for(run: Run, state: str, shop: Workshop) -> None:
    wait_until(lambda: is_in(run, state, "parked"), meanwhile=lambda: shop.send(RING))
    assert run.state == state


def leases_run_out(run: Run) -> None:
    """As if a minute had passed for the leases of those that were killed or froze. A part whose
    row is still locked is really being worked on: the lock keeps it, whatever the lease says."""
    with transaction.atomic():
        unlocked = RunPart.objects.filter(run=run).select_for_update(skip_locked=True)
        found = [part.pk for part in unlocked if part.state in ("leased", "waiting")]
        parts = RunPart.objects.filter(pk__in=found)
        now = timezone.now()
        parts.filter(state="leased").update(lease_until=now - timedelta(seconds=1))
        parts.filter(state="waiting").update(not_before=now)


def test_workers_killed_at_random_while_a_run_is_rated_and_posted(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    chance = random.Random(seed)
    house = House()
    run = house.start()
    # Many small parts, so that there is something to interrupt. (The collecting is done here.)
    monkeypatch.setattr(collecting, "PART_ROWS", EACH)
    for _ in range(2):
        assert runs.advance(run_id=run.pk, now=timezone.now())
    assert RunPart.objects.filter(run=run).count() == BATCHES

    for wanted in ("in_review", "posted"):
        for _ in range(4):
            worker = shop.start_worker(processes=2)
            shop.send(RING, times=3)
            shop.send(WORK, str(run.pk), times=chance.randint(1, 4))
            wait_until(lambda: busy(run), every=0.002)
            time.sleep(chance.uniform(0.0, 0.04))
            worker.kill()
            leases_run_out(run)
        survivors = [shop.start_worker(processes=2), shop.start_worker(processes=1)]
        wait_for(run, wanted, shop)
        for survivor in survivors:
            survivor.kill()
        if wanted == "in_review":
            approve(run, now=timezone.now())
    house.assert_settled_once(run)
    # Somebody was indeed killed in the middle of something.
    assert RunPart.objects.filter(run=run, attempt__gt=1).exists()


def test_a_worker_frozen_past_its_lease_does_not_count_twice_when_it_wakes(shop: Workshop) -> None:
    """Whatever it was doing: a part that was taken over from it is not its own any more."""
    house = House()
    run = house.start()
    frozen = shop.start_worker(processes=2)
    shop.send(WORK, str(run.pk))
    wait_until(
        lambda: RunPart.objects.filter(run=run, state="leased").exists() or is_in(run, "in_review"),
        every=0.002,
    )
    os.killpg(frozen.group, signal.SIGSTOP)
    leases_run_out(run)
    shop.start_worker(processes=2)
    time.sleep(1)
    os.killpg(frozen.group, signal.SIGCONT)

    wait_for(run, "in_review", shop)
    approve(run, now=timezone.now())
    wait_for(run, "posted", shop)
    house.assert_settled_once(run)

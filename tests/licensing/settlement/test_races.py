"""Two people, or two workers, at the same run at the same moment: one of them wins, once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Barrier

import pytest
from django.db import connection

from ledger.errors import DomainError
from ledger.journal.chart import Role
from licensing.catalog.models import Platform, RightsHolder
from licensing.commerce.agreements import Price
from licensing.settlement import driving, runs
from licensing.settlement.models import Run
from licensing.settlement.refusals import NotInState, RunOpen
from tests.licensing.builders import (
    build_actor,
    build_holder,
    build_house,
    build_platform,
    build_subject,
)
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.settling import approve, balance, settle
from tests.licensing.usage.builders import report, upload

pytestmark = pytest.mark.django_db(transaction=True)

NOW = datetime(2026, 10, 15, 12, 0, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
A_DOLLAR = Price(medium="image", unit="generation", amount=Decimal(1), licensed=False)


def build_month() -> tuple[Platform, RightsHolder]:
    """A platform that has made five pictures, at a dollar each, of one holder's character."""
    household, holder = build_platform(), build_holder().holder
    assert household.platform is not None
    assert holder is not None
    build_agreement(
        household.platform, holder, terms=build_terms(fee_percent="10", prices=[A_DOLLAR])
    )
    subject = build_subject(holder)
    for _ in range(5):
        upload(household.actor, [report(subject)])
    return household.platform, holder


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each of the acts came to, or the refusal it met; all begin at the same moment."""
    ready = Barrier(len(acts))

    def one(act: Callable[[], object]) -> object:
        ready.wait(10)
        try:
            return act()
        except DomainError as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(one, acts))


def test_two_who_start_a_run_at_once_make_one() -> None:
    platform, _ = build_month()
    house = build_house(role="preparer")
    actors = [house.actor, *(build_actor(house.organisation, "preparer") for _ in range(3))]

    def start(number: int) -> Run:
        return runs.start_run(
            actor=actors[number], now=NOW, platform=platform, currency="USD", period=OCTOBER
        )

    found = at_once(*(lambda n=n: start(n) for n in range(4)))  # type: ignore[misc]
    assert sum(isinstance(each, Run) for each in found) == 1
    assert sum(isinstance(each, RunOpen) for each in found) == 3
    assert Run.objects.count() == 1


def test_a_run_is_approved_or_cancelled_but_never_both() -> None:
    platform, holder = build_month()
    run = settle(platform, period=OCTOBER, now=NOW, until="in_review")
    canceller = build_house(role="preparer").actor

    found = at_once(
        lambda: approve(Run.objects.get(pk=run.pk), now=NOW),
        lambda: runs.cancel_run(actor=canceller, now=NOW, run=run),
    )
    assert sum(isinstance(each, NotInState) for each in found) == 1
    driving.drive(run_id=run.pk, clock=lambda: NOW)
    run.refresh_from_db()
    earned = balance(holder.party_ref, Role.PAYABLE)
    assert (run.state, earned) in [("posted", Decimal("4.5")), ("cancelled", Decimal(0))]
    assert run.inputs.exists() == (run.state == "posted")


def test_four_who_drive_a_run_at_once_have_one_effect() -> None:
    platform, holder = build_month()
    run = runs.start_run(
        actor=build_house(role="preparer").actor,
        now=NOW,
        platform=platform,
        currency="USD",
        period=OCTOBER,
    )

    def drive() -> bool:
        return driving.drive(run_id=run.pk, clock=lambda: NOW)

    for state in ("in_review", "posted"):
        at_once(*[drive] * 4)
        drive()
        run.refresh_from_db()
        assert run.state == state, run.error
        if state == "in_review":
            approve(run, now=NOW)
    assert balance(holder.party_ref, Role.PAYABLE) == Decimal("4.5")
    assert balance("house", Role.FEE_INCOME) == Decimal("0.5")
    assert balance(platform.party_ref, Role.RECEIVABLE) == Decimal(5)
    assert [part.attempt for part in run.parts.all()] == [1] * run.parts.count()

"""A month's settlement from start to posted, as two people of the house bring it about."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from ledger.journal.accounts import AccountKey, find
from ledger.journal.books import house_book
from ledger.journal.chart import Role
from ledger.journal.refusals import UnknownAccount
from licensing.access.models import Organisation
from licensing.catalog.models import Platform
from licensing.settlement import driving, reversing, runs
from licensing.settlement.models import Run
from licensing.settlement.states import RunState
from tests.licensing.builders import Household, build_actor, build_house


def settle(
    platform: Platform, *, period: date, now: datetime, currency: str = "USD", until: str = "posted"
) -> Run:
    """A new run, taken to `in_review` or to `posted` by this very process."""
    preparer = _member("preparer")
    run = runs.start_run(
        actor=preparer.actor, now=now, platform=platform, currency=currency, period=period
    )
    drive(run, now=now)
    assert run.state == RunState.IN_REVIEW, run.state
    if until == RunState.POSTED:
        approve(run, now=now)
        drive(run, now=now)
        assert run.state == RunState.POSTED, run.state
    return run


def drive(run: Run, *, now: datetime) -> None:
    """Does all there is to do for the run."""
    driving.drive(run_id=run.pk, clock=lambda: now)
    run.refresh_from_db()


def approve(run: Run, *, now: datetime) -> None:
    """Another person approves what the run came to."""
    approver = _member("approver")
    runs.approve_run(actor=approver.actor, now=now, run=run, content_hash=run.content_hash_hex)
    run.refresh_from_db()


def reverse(run: Run, *, now: datetime, reason: str = "Settled too early") -> None:
    """Another person takes a posted run back."""
    reversing.reverse_run(
        actor=_member("approver").actor,
        now=now,
        run=run,
        content_hash=run.content_hash_hex,
        reason=reason,
    )
    run.refresh_from_db()


def balance(party_ref: str, role: Role, currency: str = "USD") -> Decimal:
    """What the account holds on its own side; nothing if it was never opened."""
    book = house_book(mode="test", now=datetime.fromisoformat("2026-10-01T00:00:00Z"))
    key = AccountKey(party_ref=party_ref, role=role, currency=currency)
    try:
        account = find(book_id=book.pk, key=key)
    except UnknownAccount:
        return Decimal(0)
    held: Decimal = account.balance.credits - account.balance.debits
    return -held if account.normal_side == "debit" else held


def _member(role: str) -> Household:
    house = Organisation.objects.filter(kind="house", mode="test").first()
    if house is None:
        return build_house(role=role)
    return Household(organisation=house, actor=build_actor(house, role))

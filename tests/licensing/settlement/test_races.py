"""Two people, or two workers, at the same moment."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier, Event

import pytest
from django.db import connections, transaction

from ledger.actor import Actor
from ledger.errors import DomainError
from ledger.journal.models import Entry
from licensing.access.models import Organisation
from licensing.commerce.models import Agreement
from licensing.settlement import collecting, runs
from licensing.settlement.driving import drive
from licensing.settlement.models import RoyaltyLine, Run, RunPart, RunShare
from licensing.settlement.rating import rate_part
from tests.licensing.builders import build_actor
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import (
    NOW,
    Made,
    Studio,
    build_batch,
    forward,
    paid,
    review,
    start,
)

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def studio() -> Studio:
    studio = Studio()
    build_agreement(studio.platform, studio.owner)
    for _ in range(3):
        build_batch(studio.platform, [Made(subjects=studio.character(), licensed=True)] * 2)
    return studio


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Does all of it at the same moment; answers the code of each refusal, or `done`."""
    barrier = Barrier(len(acts))

    def perform(act: Callable[[], object]) -> str:
        try:
            barrier.wait()
            act()
        except DomainError as refusal:
            return refusal.code
        finally:
            connections.close_all()
        return "done"

    with ThreadPoolExecutor(len(acts)) as threads:
        return sorted(threads.map(perform, acts))


def test_of_two_runs_started_at_once_one_is_told_of_the_other(studio: Studio) -> None:
    assert at_once(*[lambda: start(studio)] * 4) == ["done", "run_open", "run_open", "run_open"]
    assert Run.objects.count() == 1


def test_of_two_approvals_at_once_one_is_made(studio: Studio) -> None:
    run = review(studio)
    house = Organisation.objects.get(pk=studio.finance.approver.tenant)
    other = build_actor(house, "approver")

    def approval(actor: Actor) -> Callable[[], object]:
        return lambda: runs.approve_run(
            actor=actor, now=NOW, run=run, content_hash=run.content_hash_hex
        )

    assert at_once(approval(studio.finance.approver), approval(other)) == ["done", "not_in_state"]
    assert forward(run).state == "posted"


def test_approving_and_cancelling_at_once_is_one_or_the_other(studio: Studio) -> None:
    run = review(studio)
    told = at_once(
        lambda: runs.approve_run(
            actor=studio.finance.approver, now=NOW, run=run, content_hash=run.content_hash_hex
        ),
        lambda: runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=run),
    )
    assert told == ["done", "not_in_state"]
    run = forward(run)
    assert run.state in ("posted", "cancelled")
    assert (run.state == "posted") == Entry.objects.exists() == run.inputs.exists()


def test_terms_that_are_signed_while_a_part_is_rated_hear_what_it_settles(studio: Studio) -> None:
    """Whichever of the two comes first, the other one knows: nothing is priced by terms that do not
    govern it."""
    luna = studio.character()
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)])
    run, rating = start(studio), Event()
    while run.state != "rating":
        runs.advance(run_id=run.pk, now=NOW)
        run.refresh_from_db()

    def rate() -> None:
        with transaction.atomic():
            rate_part(run=run, part=run.parts.get())
            rating.set()
            time.sleep(0.5)

    def sign() -> None:
        assert rating.wait(10)
        build_agreement(studio.platform, studio.owner, subject=luna)

    assert at_once(rate, sign) == ["done", "settled_time"]
    assert Agreement.objects.count() == 1


def test_a_part_waits_for_terms_that_are_being_signed(studio: Studio) -> None:
    luna = studio.character()
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)])
    run, signing = start(studio), Event()

    def sign() -> None:
        with transaction.atomic():
            build_agreement(studio.platform, studio.owner, subject=luna)
            signing.set()
            time.sleep(0.5)

    def rate() -> None:
        assert signing.wait(10)
        drive(run_id=run.pk, clock=lambda: NOW)

    assert at_once(sign, rate) == ["done", "done"]
    line = RoyaltyLine.objects.get(subject=luna)
    assert line.terms is not None
    assert line.terms.agreement.subject == luna


def test_four_workers_on_one_run_do_everything_once(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "PART_ROWS", 2)
    run = start(studio)
    work = [lambda: drive(run_id=run.pk, clock=lambda: NOW)] * 4
    while run.state != "in_review":
        assert set(at_once(*work)) == {"done"}
        run.refresh_from_db()
    assert RunPart.objects.filter(run=run, kind="rate", state="done", attempt=1).count() == 3
    assert sum(line.generations for line in RoyaltyLine.objects.all()) == 6
    runs.approve_run(
        actor=studio.finance.approver, now=NOW, run=run, content_hash=run.content_hash_hex
    )
    run.refresh_from_db()
    while run.state != "posted":
        assert set(at_once(*work)) == {"done"}
        run.refresh_from_db()
    assert Entry.objects.count() == RunPart.objects.filter(run=run, kind="post").count() == 2
    assert sum(paid(run).values()) == run.total.amount
    assert RunShare.objects.count() == 6

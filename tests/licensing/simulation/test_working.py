"""Simulations worked on: leases, takeovers, failures, and what the database refuses."""

from __future__ import annotations

import io
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from licensing.access.models import AuditRecord
from licensing.simulation import reading, simulations, working
from licensing.simulation.models import Simulation
from licensing.simulation.states import SIMULATION_MOVES, SimulationState
from tests.licensing.builders import build_subject
from tests.licensing.claims.builders import claim
from tests.licensing.consent.builders import (
    ask,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.simulation.builders import LATER, redraft, run, start, ways

pytestmark = pytest.mark.django_db


class Story:
    """A studio, five requests, and a draft that refuses three of them."""

    def __init__(self) -> None:
        self.studio, self.reel = build_studio(), build_generator()
        self.hero = build_subject(self.studio.holder)
        publish_rule(self.studio, subject=self.hero)
        for territory in ("US", "DE", "DE", "FR", "DE"):
            ask(self.reel, self.hero, territory=territory)
        self.draft = draft_rule(
            self.studio, effect="deny", territories={"only": ["DE"]}, subject=self.hero
        )

    def start(self) -> Simulation:
        return start(self.studio, self.draft)


RUNNING = {"state": "running", "as_of": LATER, "lease_until": LATER}
EXPECTED = {"allow to deny": 3, "allow to allow": 2}


def test_who_comes_while_it_is_leased_does_nothing_and_who_comes_after_goes_on() -> None:
    simulation = Story().start()
    held = working.claim(simulation_id=simulation.pk, now=LATER)
    assert held is not None
    assert not working.work(simulation_id=simulation.pk, clock=lambda: LATER)
    simulation.refresh_from_db()
    assert (simulation.state, simulation.attempt) == ("running", 1)
    assert ways(run(simulation, now=LATER + timedelta(seconds=61))) == EXPECTED
    assert simulation.attempt == 2


def test_whoever_was_taken_over_from_writes_nothing_any_more() -> None:
    """A worker that froze past its lease wakes up when another has finished."""
    simulation = Story().start()

    def froze() -> None:
        assert ways(run(simulation, now=LATER + timedelta(seconds=61))) == EXPECTED

    calls: list[None] = []

    def seen() -> None:
        calls.append(None)
        if len(calls) == 1:
            froze()

    assert not working.work(simulation_id=simulation.pk, clock=lambda: LATER, seen=seen)
    simulation.refresh_from_db()
    assert (simulation.state, simulation.attempt, len(calls)) == ("done", 2, 1)
    assert AuditRecord.objects.filter(verb="simulation.done").count() == 1


def test_a_cancelled_one_stops_in_the_middle() -> None:
    story = Story()
    simulation = story.start()
    told: list[int] = []

    def seen() -> None:
        simulation.refresh_from_db()
        told.append(simulation.replayed)
        if simulation.replayed == 2:
            simulations.cancel(actor=story.studio.actor, now=LATER, simulation=simulation)

    ticks = iter(LATER + timedelta(seconds=tick) for tick in range(100))
    working.work(simulation_id=simulation.pk, clock=lambda: next(ticks), chunk=1, seen=seen)
    simulation.refresh_from_db()
    assert (simulation.state, simulation.result, told) == ("cancelled", None, [0, 1, 2])


def test_a_worker_that_goes_on_takes_rules_and_claims_as_the_first_one_met_them() -> None:
    story = Story()
    simulation = story.start()
    clock = iter(LATER + timedelta(seconds=10 * tick) for tick in range(3))
    assert working.work(
        simulation_id=simulation.pk,
        clock=lambda: next(clock),
        shift=timedelta(seconds=5),
        chunk=2,
    )
    simulation.refresh_from_db()
    assert (simulation.state, simulation.replayed, simulation.requests) == ("running", 2, 5)
    publish_rule(story.studio, effect="deny", now=LATER)
    claim(build_studio(), story.hero, now=LATER)
    assert ways(run(simulation, now=LATER + timedelta(minutes=5))) == EXPECTED


def test_what_fails_is_tried_again_later_each_time_and_five_times_at_most() -> None:
    simulation = Story().start()

    def fails() -> None:
        raise ValueError("a fuse has blown")

    waits = []
    for _ in range(5):
        now = max(simulation.not_before, LATER)
        # The second comes too early.
        for _ in range(2):
            working.work(simulation_id=simulation.pk, clock=partial(_same, now), seen=fails)
        simulation.refresh_from_db()
        waits.append((simulation.not_before - now).total_seconds())
    assert waits[:4] == [5, 10, 20, 40]
    assert (simulation.state, simulation.attempt) == ("failed", 5)
    assert "a fuse has blown" in simulation.error


def _same(now: datetime) -> datetime:
    return now


def test_one_whose_workers_are_lost_five_times_has_failed() -> None:
    simulation = Story().start()
    now = LATER
    for _ in range(5):
        assert working.claim(simulation_id=simulation.pk, now=now) is not None
        now += timedelta(seconds=61)
    assert working.claim(simulation_id=simulation.pk, now=now) is None
    simulation.refresh_from_db()
    assert (simulation.state, simulation.error) == ("failed", "Its worker was lost.")


def test_too_many_requests_are_refused_for_good(monkeypatch: pytest.MonkeyPatch) -> None:
    simulation = Story().start()
    monkeypatch.setattr(reading, "MOST_REQUESTS", 4)
    working.work(simulation_id=simulation.pk, clock=lambda: LATER)
    simulation.refresh_from_db()
    assert (simulation.state, simulation.attempt) == ("failed", 1)
    assert "shorter" in simulation.error


def test_the_database_knows_the_same_moves() -> None:
    states = [str(state) for state in SimulationState]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT a, b FROM unnest(%s::text[]) a, unnest(%s::text[]) b WHERE simulation_may_move(a, b)",
            [states, states],
        )
        known = set(cursor.fetchall())
    assert known == {(str(was), str(to)) for was, moves in SIMULATION_MOVES.items() for to in moves}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"state": "done"}, "simulation_move"),
        ({"state": "elsewhere"}, "simulation_move"),
        ({"revision": 9}, "simulation_frozen"),
        ({"body": {"effect": "allow"}}, "simulation_frozen"),
        ({"window_from": LATER - timedelta(days=1)}, "simulation_frozen"),
        ({"state": "running"}, "simulation_leased_until"),
        ({"state": "cancelled"}, "simulation_finished_when"),
        ({**RUNNING, "requests": 3, "replayed": 4}, "simulation_progress_bounded"),
        ({**RUNNING, "replayed": 1}, "simulation_progress_bounded"),
        ({**RUNNING, "result": {}}, "simulation_result_if_done"),
    ],
)
def test_the_database_refuses_what_no_verb_does(changes: dict[str, Any], refusal: str) -> None:
    simulation = Story().start()
    with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
        Simulation.objects.filter(pk=simulation.pk).update(**changes)


def test_the_database_refuses_a_fourth_at_once_and_a_window_without_end() -> None:
    story = Story()
    first = story.start()
    values = {field.attname: getattr(first, field.attname) for field in Simulation._meta.fields}
    del values["id"]
    for changes, refusal in (
        ({}, "simulation_few_at_once"),
        ({"slot": 4}, "simulation_slot_bounded"),
        ({"slot": 2, "window_from": LATER - timedelta(days=401)}, "simulation_window_bounded"),
        ({"slot": 2, "window_to": LATER + timedelta(days=1)}, "simulation_window_bounded"),
    ):
        with pytest.raises(IntegrityError, match=refusal), transaction.atomic():
            Simulation.objects.create(**{**values, **changes})


def test_the_command_shows_how_far_it_is_and_what_would_change() -> None:
    studio, reel = build_studio(), build_generator("Reel")
    hero = build_subject(studio.holder, "Captain Marlow")
    moment = timezone.now() - timedelta(hours=1)
    price = {"amount": "0.002", "currency": "USD", "per": "generation"}
    rule = publish_rule(studio, subject=hero, price=price, now=moment)
    for territory in ("US", "DE", "DE"):
        ask(reel, hero, territory=territory, now=moment)
    redraft(studio, rule, {"effect": "allow", "territories": {"except": ["DE"]}}, now=moment)
    out = io.StringIO()
    call_command("simulate", rule.shown_id, "--days", "7", stdout=out)
    told = out.getvalue()
    assert "2 of 3 requests would change" in told
    for words in (
        "3/3 requests",
        "Captain Marlow",
        "Reel",
        "0.004 USD",
        "no_rule, territory_not_covered",
        "Allowed if the territory were not Germany.",
        "Quotas are ignored.",
    ):
        assert words in told, words


def test_the_command_says_what_is_wrong() -> None:
    studio = build_studio()
    rule = publish_rule(studio)
    for shown, words in (
        ("rul_nonsense", "is not the id of a rule"),
        ("rul_00000000000000000000000000", "There is no rule"),
        (rule.shown_id, "There is no draft to simulate"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("simulate", shown)

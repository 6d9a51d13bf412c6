"""The page that tells what a draft would change: chosen, on its way, told, and then published."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import pytest
from django.test import Client
from django.utils import timezone

from ledger.ids import new_id, show
from licensing.consent.models import ConsentRule
from licensing.simulation import pages, simulations
from licensing.simulation.models import Simulation
from tests.licensing.builders import build_actor, build_subject
from tests.licensing.consent.builders import (
    Studio,
    ask,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.portal.visiting import fill, queries, text, visit
from tests.licensing.simulation.builders import redraft, run, start

pytestmark = pytest.mark.django_db
CLIPS = {
    "effect": "allow",
    "actions": ["generate_video"],
    "price": {"amount": "0.002", "currency": "USD", "per": "generation"},
}


@pytest.fixture
def studio() -> Studio:
    return build_studio("Lantern Studio")


@pytest.fixture
def client(studio: Studio) -> Client:
    return visit(studio.actor)


@pytest.fixture(autouse=True)
def rung(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What was rung for; the stories work on it themselves, when it is time."""
    heard: list[object] = []
    monkeypatch.setattr(pages, "ring_on_commit", heard.append)
    return heard


def page_of(rule: ConsentRule) -> str:
    return f"/portal/rules/{rule.shown_id}/what-would-change"


def plain(page: str) -> str:
    words = " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#x27;", "'").split())
    return re.sub(r" ([,.;])", r"\1", words)


def build_asked(studio: Studio, *, now: datetime) -> ConsentRule:
    """A rule that three German and two American clips were asked under, drafted without Germany."""
    reel = build_generator("Reelmaker")
    fox = build_subject(studio.holder, "Fox of the North")
    rule = publish_rule(studio, CLIPS, subject=fox, now=now)
    for territory in ("DE", "DE", "DE", "US", "US"):
        ask(reel, fox, territory=territory, now=now)
    redraft(studio, rule, {**CLIPS, "territories": {"except": ["DE"]}}, now=now)
    return rule


def test_from_choosing_the_days_to_the_button_that_publishes(
    studio: Studio, client: Client, rung: list[object]
) -> None:
    rule = build_asked(studio, now=timezone.now())
    page = plain(text(client, page_of(rule)))
    assert "Allow video on any platform, worldwide except Germany" in page
    assert "See what would change" in page
    answer = fill(client, page_of(rule), {"days": "7"})
    simulation = Simulation.objects.get()
    assert rung == [simulation.pk]
    assert answer["Location"] == f"{page_of(rule)}?simulation={simulation.shown_id}"
    assert simulation.window_to - simulation.window_from == timedelta(days=7)
    page = text(client, answer["Location"])
    assert "Waiting for its turn" in page
    assert 'hx-trigger="every 1s"' in page
    assert '<noscript><meta http-equiv="refresh"' in page

    run(simulation, now=timezone.now())
    part = client.get(answer["Location"], headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in part
    assert "every 1s" not in part
    words = plain(part)
    assert "3 of 5 requests would be answered otherwise" in words
    assert "Allowed now, would be denied 3" in words
    assert "Allowed now and then 2" in words
    assert "No longer earned −0.00 6 USD 3 requests" in words
    assert "Newly earned nothing" in words
    assert "Germany 3 of 3" in words
    assert "Reelmaker 3 of 5" in words
    assert "Reelmaker asks for video with Fox of the North, in Germany." in words
    assert "Your rule for Fox of the North does not cover the territory." in words
    assert "Allowed if the territory were not Germany." in words
    assert f'href="/portal/rules/{rule.shown_id}/publish"' in part


def test_progress_is_told_while_it_runs(studio: Studio, client: Client) -> None:
    rule = build_asked(studio, now=timezone.now())
    simulation = start(studio, rule, now=timezone.now())
    Simulation.objects.filter(pk=simulation.pk).update(
        state="running",
        requests=4000,
        replayed=1000,
        as_of=timezone.now(),
        lease_until=timezone.now(),
    )
    page = text(client, page_of(rule))
    assert "1,000 of 4,000 requests" in page
    assert '<progress class="progress" max="100" value="25"' in page
    fill(client, page_of(rule), {"cancel": simulation.shown_id})
    assert "stopped before its end" in text(client, page_of(rule))


def test_a_draft_edited_since_has_to_be_replayed_again(studio: Studio, client: Client) -> None:
    rule = build_asked(studio, now=timezone.now())
    run(start(studio, rule, now=timezone.now()), now=timezone.now())
    assert "Publish…</a>" in text(client, page_of(rule))
    redraft(studio, rule, {**CLIPS, "territories": {"except": ["DE", "AT"]}}, now=timezone.now())
    page = text(client, page_of(rule))
    assert "The draft has been edited since" in page
    assert 'class="deeds"' not in page


def test_when_nobody_asked_it_says_so(studio: Studio, client: Client) -> None:
    build_subject(studio.holder)
    rule = draft_rule(studio, CLIPS)
    run(start(studio, rule, now=timezone.now()), now=timezone.now())
    assert "Nobody asked about it" in text(client, page_of(rule))


@pytest.mark.parametrize("days", ["0", "401", "", "ten", "1_0", "-3", "9" * 30])
def test_days_that_make_no_sense_are_said_beside_the_field(
    studio: Studio, client: Client, days: str
) -> None:
    rule = draft_rule(studio, CLIPS)
    page = fill(client, page_of(rule), {"days": days}, status=422).content.decode()
    assert re.search(r'<p class="fault" id="[^"]*days">[^<]+</p>', page)
    assert not Simulation.objects.exists()


def test_what_cannot_be_done_now_is_said(studio: Studio, client: Client) -> None:
    published = publish_rule(studio, CLIPS)
    assert "There is nothing drafted" in text(client, page_of(published))
    page = fill(client, page_of(published), {"days": "30"}, status=409).content.decode()
    assert "no draft to simulate" in page
    rule = draft_rule(studio, CLIPS)
    for _ in range(3):
        start(studio, rule, now=timezone.now())
    page = fill(client, page_of(rule), {"days": "30"}, status=409).content.decode()
    assert "let one end first" in page


def test_anothers_rule_and_simulation_look_like_none(studio: Studio) -> None:
    rule = build_asked(studio, now=timezone.now())
    simulation = start(studio, rule, now=timezone.now())
    other = build_studio("Rivals")
    theirs, client = draft_rule(other, CLIPS), visit(other.actor)
    text(client, page_of(rule), 404)
    fill(client, page_of(rule), {"days": "30"}, status=404)
    for shown in (simulation.shown_id, show("sim", new_id()), "sim_", "1e3"):
        text(client, f"{page_of(theirs)}?simulation={shown}", 404)
    fill(client, page_of(theirs), {"cancel": simulation.shown_id}, status=422)
    simulation.refresh_from_db()
    assert simulation.state == "queued"


def test_an_editor_sees_it_and_is_not_offered_to_publish(studio: Studio) -> None:
    rule = build_asked(studio, now=timezone.now())
    run(start(studio, rule, now=timezone.now()), now=timezone.now())
    page = text(visit(build_actor(studio.organisation, "editor")), page_of(rule))
    assert "would be answered otherwise" in page
    assert "Publish…" not in page


def test_it_costs_the_same_for_few_requests_and_for_many(studio: Studio, client: Client) -> None:
    now = timezone.now()
    rule = build_asked(studio, now=now)
    run(start(studio, rule, now=timezone.now()), now=timezone.now())
    few = queries(client, page_of(rule))
    fox = studio.holder.subjects.get()
    for number in range(30):
        ask(build_generator(f"Platform {number}"), fox, territory="DE", now=timezone.now())
    simulations.start(actor=studio.actor, now=timezone.now(), rule=rule)
    run(Simulation.objects.latest("pk"), now=timezone.now())
    assert queries(client, page_of(rule)) == few

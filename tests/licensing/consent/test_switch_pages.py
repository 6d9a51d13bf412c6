"""The portal's page of kill switches: whose they are, who may throw them, what is refused."""

from __future__ import annotations

import pytest

from licensing.access.models import AuditRecord
from licensing.consent import switches
from licensing.consent.models import KillSwitch
from licensing.consent.rules import Scope
from tests.licensing.builders import build_actor, build_ownership, build_property, build_subject
from tests.licensing.consent.builders import (
    NOW,
    Generator,
    Studio,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)
from tests.licensing.portal.visiting import fill, queries, text, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    return build_studio("Lantern Studio")


@pytest.fixture
def reel() -> Generator:
    return build_generator("Reelmaker")


def test_a_stop_is_confirmed_thrown_and_lifted(studio: Studio, reel: Generator) -> None:
    fox = build_subject(studio.holder, "Fox of the North")
    publish_rule(studio)
    client = visit(studio.actor)
    path = f"/portal/stop/new?over={fox.shown_id}&platform={reel.platform.shown_id}"
    page = text(client, path)
    assert "Stop Fox of the North?" in page
    assert "<strong>Reelmaker</strong>" in page
    assert not KillSwitch.objects.exists()

    said = {"over": fox.shown_id, "platform": reel.platform.shown_id}
    assert fill(client, "/portal/stop/new", said)["Location"] == "/portal/stop"
    assert ask(reel, fox).outcome == "deny"
    assert "Fox of the North is stopped on Reelmaker" in text(client, "/portal/stop")
    fill(client, "/portal/stop/new", said)
    assert "That was stopped already" in text(client, "/portal/stop")
    switch = KillSwitch.objects.get()

    fill(client, f"/portal/stop/{switch.shown_id}/lift", {})
    assert ask(reel, fox).outcome == "allow"
    fill(client, f"/portal/stop/{switch.shown_id}/lift", {})
    assert "lifted already" in text(client, "/portal/stop")
    verbs = AuditRecord.objects.order_by("id").values_list("verb", flat=True)
    assert [verb for verb in verbs if verb.startswith("kill")] == [
        "kill_switch.throw",
        "kill_switch.lift",
    ]


def test_the_stop_is_the_word_of_whoever_consents(studio: Studio) -> None:
    """A subject registered by one studio and sold to another is stopped by its owner's word."""
    other = build_studio("New Owners")
    fox = build_subject(other.holder, "Fox of the North", owners={studio.holder: 1})
    fill(visit(studio.actor), "/portal/stop/new", {"over": fox.shown_id})
    assert KillSwitch.objects.get().holder == studio.holder


def test_all_of_a_property_and_all_there_is(studio: Studio, reel: Generator) -> None:
    saga = build_property(studio.holder, "Tales of the North")
    part = build_property(studio.holder, "The Long Night", parent=saga)
    build_subject(studio.holder, "Fox", property=part)
    build_subject(studio.holder, "Owl", property=saga)
    lamp = build_subject(studio.holder, "Lamp")
    publish_rule(studio)
    client = visit(studio.actor)
    page = text(client, f"/portal/stop/new?over={saga.shown_id}")
    assert "Stop All of Tales of the North?" in page
    assert "<dt>Characters stopped</dt><dd>2</dd>" in page
    fill(client, "/portal/stop/new", {"over": saga.shown_id})
    assert ask(reel, lamp).outcome == "allow"
    page = text(client, f"/portal/stop/new?over={studio.holder.shown_id}")
    assert "<dt>Characters stopped</dt><dd>3</dd>" in page
    assert "<dt>Open receipt</dt><dd>" in page or "<dt>Open receipts</dt><dd>" in page
    fill(client, "/portal/stop/new", {"over": studio.holder.shown_id})
    assert ask(reel, lamp).outcome == "deny"


def test_an_editor_looks_but_does_not_stop(studio: Studio) -> None:
    fox = build_subject(studio.holder, "Fox")
    switch = switches.throw(actor=studio.actor, now=NOW, holder=studio.holder)
    client = visit(build_actor(studio.organisation, "editor"))
    page = text(client, "/portal/stop")
    assert "Everything of Lantern Studio" in page
    assert "See what this stops" not in page
    assert "Lift" not in page.replace("Lifted", "")
    text(client, f"/portal/stop/new?over={fox.shown_id}", 403)
    fill(client, "/portal/stop/new", {"over": fox.shown_id}, 403)
    fill(client, f"/portal/stop/{switch.shown_id}/lift", {}, 403)
    assert KillSwitch.objects.thrown().count() == 1


def test_anothers_things_are_not_there(studio: Studio) -> None:
    other = build_studio("Other House")
    theirs = build_subject(other.holder, "Their Hero")
    switch = switches.throw(
        actor=other.actor, now=NOW, holder=other.holder, scope=Scope(subject=theirs)
    )
    foreign = build_generator(mode="live")
    client = visit(studio.actor)
    assert "Their Hero" not in text(client, "/portal/stop")
    text(client, f"/portal/stop/{switch.shown_id}/lift", 404)
    fill(client, f"/portal/stop/{switch.shown_id}/lift", {}, 404)
    for over in (
        theirs.shown_id,
        build_property(other.holder).shown_id,
        other.holder.shown_id,
        "",
        "chr_",
        "1e3",
        "%00",
        "x" * 5000,
    ):
        text(client, f"/portal/stop/new?over={over}", 404)
        fill(client, "/portal/stop/new", {"over": over}, 404)
    mine = build_subject(studio.holder)
    for platform in (foreign.platform.shown_id, "plt_x", "\0"):
        said = {"over": mine.shown_id, "platform": platform}
        fill(client, "/portal/stop/new", said, 404)
    assert KillSwitch.objects.count() == 1


def test_finding_what_to_stop_takes_any_words(studio: Studio) -> None:
    build_subject(studio.holder, "Fox")
    build_subject(studio.holder, "Owl")
    client = visit(studio.actor)
    page = text(client, "/portal/stop?q=ow")
    assert ">Owl</option>" in page
    assert ">Fox</option>" not in page
    for odd in (
        "%00",
        "%25",
        "'; DROP",
        "\ud800".encode("utf-8", "surrogatepass").hex(),
        "a" * 999,
    ):
        text(client, f"/portal/stop?q={odd}")


def test_a_name_with_a_script_is_only_a_name(studio: Studio) -> None:
    fox = build_subject(studio.holder, "<script>alert(1)</script>")
    client = visit(studio.actor)
    assert "<script>alert" not in text(client, f"/portal/stop/new?over={fox.shown_id}")
    fill(client, "/portal/stop/new", {"over": fox.shown_id})
    page = text(client, "/portal/stop")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_page_costs_the_same_for_one_and_for_fifty(studio: Studio) -> None:
    client = visit(studio.actor)

    def stopped(count: int) -> None:
        for _ in range(count):
            saga = build_property(studio.holder)
            fox = build_subject(studio.holder, property=saga)
            build_ownership(fox, {studio.holder: 1}, territory="GB")
            for scope in (Scope(subject=fox), Scope(property=saga)):
                switch = switches.throw(
                    actor=studio.actor, now=NOW, holder=studio.holder, scope=scope
                )
            switches.lift(actor=studio.actor, now=NOW, switch=switch)

    stopped(1)
    paths = ("/portal/stop", f"/portal/stop/new?over={studio.holder.shown_id}")
    once = [queries(client, path) for path in paths]
    stopped(49)
    assert [queries(client, path) for path in paths] == once

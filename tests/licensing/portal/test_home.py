"""The home page: what waits for an answer, who uses what most, at a cost that stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from licensing.consent import switches
from tests.licensing.builders import build_subject
from tests.licensing.consent.builders import (
    ask,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.portal.visiting import queries, text, visit
from tests.licensing.settlement.builders import Made, build_batch

pytestmark = pytest.mark.django_db


def test_what_waits_stands_first() -> None:
    studio, reel, other = build_studio(), build_generator("Reelmaker"), build_studio()
    now = timezone.now()
    fox, theirs = build_subject(studio.holder, "Fox"), build_subject(other.holder, "Their Hero")
    client = visit(studio.actor)
    assert "What needs you" not in text(client, "/portal/")
    publish_rule(studio, effect="needs_approval", now=now)
    publish_rule(other, effect="needs_approval", now=now)
    ask(reel, fox, theirs, now=now)
    draft_rule(studio, now=now)
    switches.throw(actor=studio.actor, now=now, holder=studio.holder, platform=reel.platform)
    page = text(client, "/portal/")
    assert page.index("What needs you") < page.index("Nothing earned yet")
    for words in ("asks for video with Fox", "1 stop in force", "1 rule in draft"):
        assert words in page
    assert "Their Hero" not in page


def test_platforms_are_told_by_what_they_made_lately() -> None:
    studio, other = build_studio(), build_studio()
    reel, loom = build_generator("Reelmaker"), build_generator("Loom & <i>Light</i>")
    now = timezone.now()
    fox, owl = build_subject(studio.holder, "Fox"), build_subject(studio.holder, "Owl")
    theirs = build_subject(other.holder)
    publish_rule(studio, now=now)
    ask(loom, fox, owl, now=now, generations=4)
    lately, before = now - timedelta(days=1), now - timedelta(days=40)
    made = [Made(subjects=[fox, owl], at=lately), Made(subjects=fox, at=lately)]
    build_batch(reel.platform, [*made, Made(subjects=fox, at=before)])
    build_batch(reel.platform, [Made(subjects=theirs, at=lately)])
    page = text(visit(studio.actor), "/portal/")
    uses = page[page.index("Who uses your characters most") :]
    assert uses.index("Reelmaker") < uses.index("Loom &amp; &lt;i&gt;Light&lt;/i&gt;")
    assert "2 generations" in uses
    assert "2 without a receipt that covers them" in uses
    assert "receipts for 4" in uses
    assert "<i>Light" not in page


def test_the_page_costs_the_same_for_one_and_for_fifty() -> None:
    studio, reel = build_studio(), build_generator()
    now = timezone.now()
    client = visit(studio.actor)

    def more(count: int) -> None:
        for _ in range(count):
            fox = build_subject(studio.holder)
            ask(reel, fox, now=now)
            build_batch(build_generator().platform, [Made(subjects=fox, at=now)])
            draft_rule(studio, now=now)

    publish_rule(studio, effect="needs_approval", now=now)
    more(1)
    once = queries(client, "/portal/")
    more(49)
    assert queries(client, "/portal/") == once


def test_the_first_steps_are_shown_until_they_are_taken() -> None:
    studio = build_studio()
    client, steps = visit(studio.actor), "Three steps to your first consent"
    assert "Who uses your characters most" not in text(client, "/portal/")
    build_subject(studio.holder)
    page = text(client, "/portal/")
    assert steps in page
    assert page.count('<li class="done">') == 1
    assert "Who uses your characters most" in page
    draft_rule(studio)
    assert steps not in text(client, "/portal/")

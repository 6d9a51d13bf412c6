"""What an end of consent leaves: receipts still open, what was made, and the remixes of that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from licensing.catalog.models import Subject
from licensing.consent import blast, rules, switches
from licensing.consent.blast import BlastRadius
from licensing.consent.models import ConsentRule
from licensing.usage.models import Generation
from tests.client import ApiClient
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import (
    NOW,
    Generator,
    Studio,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)
from tests.licensing.portal.visiting import text, visit
from tests.licensing.usage.builders import report, send

pytestmark = pytest.mark.django_db
BEFORE = NOW - timedelta(hours=1)


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def hero(studio: Studio) -> Subject:
    return build_subject(studio.holder, property=build_property(studio.holder))


def allow(studio: Studio, **said: Any) -> ConsentRule:
    return publish_rule(studio, now=BEFORE, **said)


def make(
    generator: Generator, name: str, *subjects: Subject, licensed: bool = True, **said: Any
) -> Generation:
    """One generation, under a receipt of its own unless it has none."""
    if licensed:
        check = ask(generator, *subjects, now=BEFORE, action="generate_image")
        said["receipt"] = check.receipt
    kept = send(generator.actor, report(subjects, external_id=name, **said)).generation
    assert kept.licensed is licensed
    return kept


def ended(studio: Studio, rule: ConsentRule) -> BlastRadius:
    version = rules.revoke(actor=studio.actor, now=NOW, rule=rule)
    return blast.of_version(version, now=NOW)


def test_everything_made_under_a_version_counts_and_every_remix_of_it_once(
    studio: Studio, hero: Subject
) -> None:
    rule = allow(studio)
    first, second = build_generator(), build_generator()
    make(first, "a", hero)
    make(first, "b", hero, parents=["a"])
    make(second, "a", hero)
    make(second, "unlicensed", hero, licensed=False)
    # Descendants with somebody else's subjects: of one, of two, and of one another.
    other = build_studio()
    allow(other)
    guest = build_subject(other.holder)
    make(first, "c", guest, parents=["a", "b"])
    make(first, "d", guest, parents=["c"])
    make(first, "e", guest, parents=["d", "c"], licensed=False)
    make(second, "elsewhere", guest)
    assert ended(studio, rule) == BlastRadius(open_receipts=3, generations=3, remixes=3)


def test_the_page_before_a_revocation_tells_all_of_it(studio: Studio, hero: Subject) -> None:
    rule, generator = allow(studio), build_generator()
    for name in ("a", "b"):
        make(generator, name, hero)
    other = build_studio()
    allow(other)
    make(generator, "c", build_subject(other.holder), parents=["a"])
    page = text(visit(studio.actor), f"/portal/rules/{rule.shown_id}/revoke").replace("\n<", "<")
    assert "<dt>Generations made</dt><dd>2</dd>" in page
    assert "<dt>Remix of those</dt><dd>1</dd>" in page


def test_only_what_was_made_under_that_version_counts(studio: Studio, hero: Subject) -> None:
    generator = build_generator()
    images = allow(studio, actions=["generate_image"])
    make(generator, "a", hero)
    again = allow(studio, subject=hero, actions=["generate_image"])
    make(generator, "b", hero)
    unused = allow(studio, actions=["train"])
    assert ended(studio, unused).generations == 0
    assert ended(studio, again).generations == 1
    assert ended(studio, images).generations == 2


def test_a_switch_counts_what_it_stops(studio: Studio, hero: Subject) -> None:
    here, there = build_generator(), build_generator()
    allow(studio)
    friend = build_subject(studio.holder)
    make(here, "a", hero)
    make(here, "b", friend, parents=["a"])
    make(there, "a", hero, friend)

    def thrown(**over: Any) -> tuple[int | None, int | None, int | None]:
        scope = rules.Scope(**{n: v for n, v in over.items() if n != "platform"})
        switch = switches.throw(
            actor=studio.actor,
            now=NOW,
            holder=studio.holder,
            scope=scope,
            platform=over.get("platform"),
        )
        found = blast.stopped_by(switch, now=NOW)
        return found.open_receipts, found.generations, found.remixes

    assert thrown(property=hero.property) == (2, 2, 1)
    assert thrown(subject=hero, platform=here.platform) == (1, 1, 1)
    assert thrown(subject=friend) == (2, 2, 0)
    assert thrown() == (3, 3, 0)


def test_the_answers_tell_it(studio: Studio, hero: Subject) -> None:
    generator = build_generator()
    rule = allow(studio)
    make(generator, "a", hero)
    client = ApiClient(studio.actor)
    path = f"/consent-rules/{rule.shown_id}"
    draft = client.patch(path, {"body": {"effect": "allow"}}, If_Match=client.get(path)["ETag"])
    published = client.post(f"{path}/publish", **{"If-Match": draft["ETag"]})
    assert published.json()["superseded"]["blast_radius"]["generations"] == 1
    revoked = client.post(f"{path}/revoke", **{"If-Match": published["ETag"]}).json()
    # Nothing was made under the second version.
    assert revoked["blast_radius"] == {"open_receipts": 0, "generations": 0, "remixes": 0}
    thrown = client.post("/kill-switches", {"subject": hero.shown_id}).json()
    assert (thrown["blast_radius"]["generations"], thrown["blast_radius"]["remixes"]) == (1, 0)


def test_what_takes_too_long_to_count_is_not_waited_for(
    studio: Studio, hero: Subject, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = allow(studio)
    settings.CONSENT_REMIXES = f"{__name__}.slowly"
    monkeypatch.setattr(blast, "_PATIENCE", "50ms")
    before = patience()
    assert ended(studio, rule) == BlastRadius(open_receipts=0, generations=0, remixes=None)
    assert patience() == before


def patience() -> object:
    """How long a statement may take now."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return cursor.fetchone()


def slowly(reach: blast.Reach) -> int:
    """Counts for a minute."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(60)")
    return 0

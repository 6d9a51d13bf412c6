"""Who may what: every place as a platform would be answered, and why, at a cost that stays."""

from __future__ import annotations

import re
from itertools import product
from typing import Any

import pytest
from django.utils import timezone

from ledger.ids import new_id, show
from licensing.catalog.models import Subject
from licensing.consent import switches
from licensing.consent.matrix import Standpoint, matrix
from licensing.consent.rules import Scope
from tests.licensing.builders import (
    build_actor,
    build_ownership,
    build_platform,
    build_property,
    build_subject,
)
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    ask,
    asking,
    build_generator,
    build_studio,
    publish_rule,
)
from tests.licensing.portal.visiting import queries, text, visit

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    return build_studio("Lantern Studio")


@pytest.fixture
def reel() -> Generator:
    return build_generator("Reelmaker")


@pytest.fixture
def loom() -> Generator:
    return build_generator("Loom & Light")


def marks(page: str) -> list[str]:
    """The standpoints of all places, row by row."""
    return re.findall(r'<a class="mark (\w+)"', page)


def why(studio: Studio, subject: Subject, generator: Generator, said: str = "") -> str:
    path = f"subject={subject.shown_id}&platform={generator.platform.shown_id}{said}"
    return text(visit(studio.actor), f"/portal/matrix/place?{path}")


def test_every_standpoint_has_its_place(studio: Studio, reel: Generator, loom: Generator) -> None:
    saga = build_property(studio.holder, "Saga")
    names = ("Allowed", "Beware", "Curious", "Denied", "Ended")
    subjects = {name: build_subject(studio.holder, name, property=saga) for name in names}
    publish_rule(studio, subject=subjects["Allowed"])
    publish_rule(studio, subject=subjects["Beware"], territories={"except": ["DE"]})
    publish_rule(studio, subject=subjects["Curious"], effect="needs_approval")
    publish_rule(studio, subject=subjects["Ended"])
    only = {"only": [loom.platform.shown_id]}
    publish_rule(studio, property=saga, effect="deny", platforms=only)
    now = timezone.now()
    scope = Scope(subject=subjects["Ended"])
    switches.throw(actor=studio.actor, now=now, holder=studio.holder, scope=scope)
    client = visit(studio.actor)
    page = text(client, "/portal/matrix")
    assert page.index("Loom &amp; Light") < page.index("Reelmaker")
    assert marks(page) == [
        *("denied", "allowed"),
        *("denied", "depends"),
        *("denied", "asks"),
        *("denied", "denied"),
        *("stopped", "stopped"),
    ]
    assert marks(text(client, "/portal/matrix?territory=FR"))[3] == "allowed"
    assert marks(text(client, "/portal/matrix?territory=DE"))[3] == "denied"
    assert len(marks(text(client, "/portal/matrix?q=curious"))) == 2
    assert "Nothing of that name" in text(client, "/portal/matrix?q=nobody")


def test_each_place_tells_why(studio: Studio, reel: Generator) -> None:
    saga = build_property(studio.holder, "Saga")
    fox = build_subject(studio.holder, "Fox", property=saga)
    price = {"amount": "0.25", "currency": "USD", "per": "generation"}
    rule = publish_rule(
        studio,
        property=saga,
        territories={"except": ["DE"]},
        purposes=["personal"],
        content={"violence": "mild"},
        co_appearance={"never_with": [build_subject(studio.holder, "Rival").shown_id]},
        price=price,
    )
    rule.name = "Our <b>usual</b> terms"
    rule.save()
    page = why(studio, fox, reel)
    assert "Depends on facts" in page
    assert (
        "Allowed if nobody else appeared, the purpose were personal use, the territory were not"
        " Germany and violence were at most mild." in page
    )
    assert "Our &lt;b&gt;usual&lt;/b&gt; terms" in page
    assert "over all of Saga" in page
    page = why(studio, fox, reel, "&territory=DE&purpose=personal")
    assert '<p class="answer denied"><strong>Denied</strong>' in page
    assert "does not cover the territory" in page
    assert "the territory were not Germany" in page

    publish_rule(studio, subject=fox, price={**price, "amount": "0.75"})
    page = why(studio, fox, reel)
    assert '<p class="answer allowed"><strong>Allowed</strong>' in page
    assert "$0.75 per generation" in page
    assert "over Fox itself, allows it" in page
    switches.throw(actor=studio.actor, now=timezone.now(), holder=studio.holder)
    page = why(studio, fox, reel)
    assert '<p class="answer stopped"><strong>Stopped</strong>' in page
    assert "A kill switch is thrown" in page


def test_what_another_owner_says_is_not_told(studio: Studio, reel: Generator) -> None:
    other = build_studio("Co-owners")
    duo = build_subject(studio.holder, "Duo", owners={studio.holder: 1, other.holder: 1})
    publish_rule(studio)
    theirs = publish_rule(other, territories={"only": ["FR"]}, price={"per": "agreement"})
    theirs.name = "Their secret"
    theirs.save()
    page = why(studio, duo, reel)
    assert '<p class="answer depends">' in page
    assert "By your own rules alone: <strong>Allowed</strong>" in page
    for secret in ("France", "Their secret", "agreement", "Co-owners"):
        assert secret not in page
    sold = build_subject(studio.holder, "Sold", owners={other.holder: 1})
    page = why(studio, sold, reel)
    assert "You own no share of it there" in page
    assert "Nobody owns it" not in page


def test_the_matrix_says_what_a_check_is_answered(
    studio: Studio, reel: Generator, loom: Generator
) -> None:
    """Every place against a real check of the same: allowed, asked and refused alike."""
    other = build_studio("Co-owners")
    saga = build_property(studio.holder)
    part = build_property(studio.holder, parent=saga)
    now = timezone.now()
    subjects = [
        build_subject(studio.holder, property=place, owners=owners)
        for place, owners in product(
            (None, saga, part), (None, {studio.holder: 1, other.holder: 1})
        )
    ]
    build_ownership(subjects[0], {other.holder: 1}, territory="FR")
    mine, yours = reel.platform.shown_id, loom.platform.shown_id
    publish_rule(other, now=now)
    publish_rule(studio, property=saga, platforms={"except": [yours]}, now=now)
    publish_rule(studio, subject=subjects[0], territories={"only": ["FR"]}, now=now)
    publish_rule(studio, property=part, effect="deny", purposes=["news"], now=now)
    publish_rule(
        studio, effect="needs_approval", platforms={"only": [mine]}, purposes=["parody"], now=now
    )
    publish_rule(
        studio,
        subject=subjects[2],
        now=now,
        quotas=[{"count": 1, "per": "total", "of": "platform"}],
    )
    switches.throw(
        actor=studio.actor,
        now=now,
        holder=studio.holder,
        scope=Scope(subject=subjects[4]),
        platform=loom.platform,
    )
    ask(reel, subjects[2], now=now)
    generators = {each.platform: each for each in (reel, loom)}
    for territory, purpose in product((None, "FR", "DE"), (None, "news", "parody")):
        said: dict[str, Any] = {"territory": territory, "purpose": purpose}
        request = asking(reel.platform, subjects[0], now=now, **said).request
        rows = matrix(subjects=subjects, platforms=list(generators), request=request)
        for place in (place for row in rows for place in row):
            check = ask(generators[place.platform], place.subject, now=now, **said)
            expected = {"allow": {"allowed"}, "needs_approval": {"asks", "depends"}}.get(
                check.outcome, {"denied", "depends", "stopped"}
            )
            assert place.standpoint in expected, (said, place)
            held = any(reason["code"] == "kill_switch" for reason in check.reasons)
            assert held == (place.standpoint is Standpoint.STOPPED)


def test_what_nobody_can_ask_is_not_there(studio: Studio, reel: Generator) -> None:
    other = build_studio("Other House")
    hero = build_subject(other.holder, "Their Hero")
    fox = build_subject(studio.holder, "Fox")
    client = visit(build_actor(studio.organisation, "editor"))
    assert "Their Hero" not in text(client, "/portal/matrix")
    for query in ("action=fly", "purpose=fun", "territory=UK", "territory=%00", "action=%00"):
        text(client, f"/portal/matrix?{query}", 404)
    for odd in ("page=x", "side=-1", "page=99999999", "q=%00", "page=9999"):
        text(client, f"/portal/matrix?{odd}")
    mine, platform = fox.shown_id, reel.platform.shown_id
    live = build_platform(mode="live").platform
    assert live is not None
    for query in (
        f"subject={hero.shown_id}&platform={platform}",
        f"subject={mine}&platform={live.shown_id}",
        f"subject={mine}",
        f"subject={show('chr', new_id())}&platform={platform}",
        f"subject={mine}&platform={platform}&action=fly",
        "",
    ):
        text(client, f"/portal/matrix/place?{query}", 404)


def test_a_part_is_asked_for_alone_and_a_page_without_a_script(
    studio: Studio, reel: Generator
) -> None:
    fox = build_subject(studio.holder, "<script>alert(1)</script>")
    path = f"/portal/matrix/place?subject={fox.shown_id}&platform={reel.platform.shown_id}"
    client = visit(studio.actor)
    whole = text(client, path)
    part = client.get(path, headers={"HX-Request": "true"}).content.decode()
    assert "<html" in whole
    assert "<html" not in part
    assert 'popovertarget="why"' in part
    assert 'popovertarget="why"' not in whole
    for page in (whole, part, text(client, "/portal/matrix")):
        assert "<script>alert" not in page


def test_the_page_costs_the_same_for_one_and_for_fifty(studio: Studio) -> None:
    client = visit(studio.actor)
    saga = build_property(studio.holder)
    other = build_studio()
    build_generator()
    build_subject(studio.holder, property=saga, owners={studio.holder: 1, other.holder: 1})
    publish_rule(studio)
    once = queries(client, "/portal/matrix")
    for number in range(55):
        subject = build_subject(
            studio.holder, property=saga, owners={studio.holder: 1, other.holder: number + 1}
        )
        if number % 3 == 0:
            publish_rule(studio, subject=subject, territories={"only": ["FR"]})
    for _ in range(24):
        build_generator()
    assert queries(client, "/portal/matrix") == once
    page = text(client, "/portal/matrix")
    assert len(marks(page)) == 50 * 20
    assert "Later names" in page
    assert "Further platforms" in page
    assert len(marks(text(client, "/portal/matrix?page=2&side=2"))) == 6 * 5

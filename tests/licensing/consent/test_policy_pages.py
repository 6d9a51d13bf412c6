"""What applies to one subject: from where each rule is inherited, and what comes of each action."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given, settings

from ledger.ids import new_id, show
from licensing.catalog.models import Subject
from licensing.consent import rules, switches
from licensing.consent.engine.bodies import read_body
from licensing.consent.engine.compiling import compile_rule
from licensing.consent.engine.deciding import decide
from licensing.consent.engine.language import Action
from licensing.consent.engine.outlook import Outlook, prospect, worst
from tests.licensing.builders import build_ownership, build_property, build_subject
from tests.licensing.consent import generated
from tests.licensing.consent.builders import (
    Studio,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.portal.visiting import queries, text, visit

pytestmark = pytest.mark.django_db
PROMISED = {
    Outlook.STOPPED: {"deny"},
    Outlook.DENIED: {"deny"},
    Outlook.SILENT: {"deny"},
    Outlook.ASKS: {"needs_approval"},
    Outlook.ALLOWED: {"allow"},
    Outlook.DEPENDS: {"allow", "deny", "needs_approval"},
}


@settings(max_examples=300, deadline=None)
@given(generated.requests, generated.worlds(most=1))
def test_an_outlook_promises_only_what_every_request_gets(request: Any, world: Any) -> None:
    (asked,) = generated.as_asked(world)
    found = worst(
        [
            prospect(book.over(asked.chain, request["action"]), stopped=bool(asked.holds)).outlook
            for _, book in asked.consents
        ]
    )
    decision = decide(generated.as_request(request), [asked])
    assert decision.outcome in PROMISED[found]


def test_a_question_answered_for_good_is_no_longer_put_to_everybody() -> None:
    asks = compile_rule(
        version="rlv_1", rule="rul_1", scope="", body=read_body({"effect": "needs_approval"})
    )
    in_france = read_body({"effect": "allow", "territories": {"only": ["FR"]}})
    allows = compile_rule(version="rlv_2", rule="rul_2", scope="", body=in_france)
    assert prospect([asks, allows]).outlook is Outlook.ASKS
    assert (
        prospect([asks, replace(allows, answers=frozenset({"rul_1"}))]).outlook is Outlook.DEPENDS
    )


@pytest.fixture
def studio() -> Studio:
    return build_studio("Lantern Studio")


@pytest.fixture
def fox(studio: Studio) -> Subject:
    saga = build_property(studio.holder, "Tales of the North")
    series = build_property(studio.holder, "Winter Series", parent=saga)
    return build_subject(studio.holder, "Fox of the North", property=series)


@pytest.fixture
def client(studio: Studio) -> Client:
    return visit(studio.actor)


def page_of(subject: Subject) -> str:
    return f"/portal/rules/subjects/{subject.shown_id}"


def plain(page: str) -> str:
    words = " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#x27;", "'").split())
    return re.sub(r" ([,.;])", r"\1", words)


def outcomes(page: str) -> dict[str, str]:
    """The outcome of each action, by the word the page has for it."""
    rows = re.findall(r'<th scope="row">([^<]+)</th>\s*<td><span[^>]*>([^<]+)<', page)
    return dict(rows)


def test_each_rule_stands_where_it_is_inherited_from(
    studio: Studio, client: Client, fox: Subject
) -> None:
    assert fox.property is not None
    publish_rule(studio, effect="deny", purposes=["political"])
    publish_rule(studio, property=fox.property.parent, actions=["generate_video"])
    publish_rule(studio, property=fox.property, actions=["generate_image"], purposes=["parody"])
    publish_rule(studio, subject=fox, effect="deny", actions=["train"])
    publish_rule(studio, subject=build_subject(studio.holder, "Owl"), actions=["index"])
    draft_rule(studio, subject=fox, actions=["merchandise"])
    page = plain(text(client, page_of(fox)))
    places = [
        page.index(words)
        for words in (
            "Everything you hold",
            "Deny every action on any platform, worldwide, for political purposes.",
            "Property Tales of the North",
            "Allow video",
            "Property Winter Series",
            "Allow images",
            "Character Fox of the North",
            "Deny training of models",
        )
    ]
    assert places == sorted(places)
    assert "Allow indexing" not in page
    assert "Allow merchandise" not in page


def test_each_action_has_its_outcome_and_the_rules_behind_it(
    studio: Studio, client: Client, fox: Subject
) -> None:
    for fields in (
        {"actions": ["generate_video"]},
        {"actions": ["generate_image"], "purposes": ["parody"]},
        {"effect": "deny", "actions": ["train"]},
        {"actions": ["train"]},
        {"effect": "needs_approval", "actions": ["merchandise"]},
        {"actions": ["remix"], "quotas": [{"count": 5, "per": "day", "of": "everyone"}]},
    ):
        publish_rule(studio, **fields)
    page = text(client, page_of(fox))
    assert outcomes(page) == {
        "Images": "It depends",
        "Video": "Allowed",
        "Voice": "No consent",
        "Text": "No consent",
        "3D models": "No consent",
        "Remixes": "It depends",
        "Merchandise": "You are asked first",
        "Training of models": "Denied",
        "Inference": "No consent",
        "Indexing": "No consent",
    }
    assert "Training of models Denied Your rule for everything Lantern Studio holds denies" in (
        plain(page)
    )
    assert len(outcomes(page)) == len(Action)


def test_kill_switches_are_told_and_stop_every_action(
    studio: Studio, client: Client, fox: Subject
) -> None:
    publish_rule(studio)
    reel = build_generator("Reelmaker").platform
    now = timezone.now()
    scope = rules.Scope(property=fox.property)
    switches.throw(actor=studio.actor, now=now, holder=studio.holder, scope=scope, platform=reel)
    page = text(client, page_of(fox))
    assert "A kill switch is thrown over Winter Series on Reelmaker" in plain(page)
    assert set(outcomes(page).values()) == {"Allowed"}
    switches.throw(actor=studio.actor, now=now, holder=studio.holder)
    page = text(client, page_of(fox))
    assert set(outcomes(page).values()) == {"Stopped"}


def test_other_owners_are_named_and_what_they_say_is_not(studio: Studio, client: Client) -> None:
    partner, third = build_studio("Quiet Partner"), build_studio("Third Party")
    shared = build_subject(studio.holder, "Ferrow", owners={studio.holder: 1, partner.holder: 1})
    build_ownership(shared, {studio.holder: 1, third.holder: 1}, territory="JP")
    publish_rule(studio, actions=["generate_video"])
    publish_rule(partner, effect="deny", purposes=["parody"])
    page = text(client, page_of(shared))
    assert "It also needs the consent of Quiet Partner." in plain(page)
    assert "In Japan it also needs the consent of Third Party." in plain(page)
    assert "parody" not in page
    assert outcomes(page)["Video"] == "Allowed"
    theirs = plain(text(visit(partner.actor), page_of(shared)))
    assert "It also needs the consent of Lantern Studio." in theirs
    assert "Allow video" not in theirs
    Subject.objects.filter(pk=shared.pk).update(consenting_holder=partner.holder)
    page = plain(text(client, page_of(shared)))
    assert "Quiet Partner consents for all owners. Your rules are not asked." in page
    assert "Allow video" not in page


def test_anothers_subject_looks_like_one_that_does_not_exist(studio: Studio, fox: Subject) -> None:
    other = visit(build_studio("Rivals").actor)
    for shown in (fox.shown_id, show("chr", new_id()), "chr_", "1e3"):
        page = text(other, f"/portal/rules/subjects/{shown}", 404)
        assert "There is nothing here" in page
        assert other.get(f"/portal/rules?subject={shown}").status_code in (302, 404)
    assert fox.property is not None
    text(other, f"/portal/rules?property={fox.property.shown_id}", 404)


def test_links_from_the_catalogue_lead_to_what_applies(
    studio: Studio, client: Client, fox: Subject
) -> None:
    answer = client.get(f"/portal/rules?subject={fox.shown_id}")
    assert answer["Location"] == page_of(fox)
    assert fox.property is not None
    publish_rule(studio, property=fox.property, actions=["remix"])
    publish_rule(studio, actions=["index"])
    page = plain(text(client, f"/portal/rules?property={fox.property.shown_id}"))
    assert "Rules over Winter Series" in page
    assert "Allow remixes" in page
    assert "indexing" not in page
    build_generator()
    page = text(client, f"/portal/try-it?subject={fox.shown_id}")
    assert f'name="subjects" value="{fox.shown_id}" checked' in page


def test_it_costs_the_same_for_one_rule_and_for_a_hundred(
    studio: Studio, client: Client, fox: Subject
) -> None:
    reel = build_generator("Reelmaker").platform
    publish_rule(studio, subject=fox, platforms={"only": [reel.shown_id]})
    once = queries(client, page_of(fox))
    for _ in range(99):
        publish_rule(studio, subject=fox, platforms={"except": [reel.shown_id]})
    assert queries(client, page_of(fox)) == once

"""Trying a request: the very answer a platform would get, with nothing of it recorded."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ledger.ids import new_id, show
from licensing.catalog.models import Subject
from licensing.consent import rules, switches
from licensing.consent.models import ApprovalRequest, ConsentCheck, QuotaUse
from licensing.consent.trials import try_asking
from tests.licensing.builders import build_ownership, build_subject
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    ask,
    asking,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)
from tests.licensing.portal.visiting import fill, queries, text, visit

pytestmark = pytest.mark.django_db
PAGE = "/portal/try-it"


@pytest.fixture
def studio() -> Studio:
    return build_studio("Lantern Studio")


@pytest.fixture
def generator() -> Generator:
    return build_generator("Reelmaker")


@pytest.fixture
def fox(studio: Studio) -> Subject:
    return build_subject(studio.holder, "Fox of the North")


@pytest.fixture
def client(studio: Studio) -> Client:
    return visit(studio.actor)


def form(fox: Subject, generator: Generator, **fields: Any) -> dict[str, Any]:
    """What the page sends for a personal clip in the United States, or otherwise."""
    named = {name.replace("__", "."): value for name, value in fields.items()}
    return {
        "subjects": [fox.shown_id],
        "platform": generator.platform.shown_id,
        "action": "generate_video",
        "territory": "US",
        "purpose": "personal",
        "codes.way": "told",
        "co_subjects.way": "told",
        **named,
    }


def tried(client: Client, said: dict[str, Any]) -> str:
    """The answer alone, as it is fetched while one edits, without its tags."""
    page = client.post(PAGE, said, headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    words = " ".join(re.sub(r"<[^>]+>", " ", page).replace("&#x27;", "'").split())
    return re.sub(r" ([,.])", r"\1", words)


def recorded() -> int:
    return ConsentCheck.objects.count() + ApprovalRequest.objects.count() + QuotaUse.objects.count()


def test_an_allow_tells_its_price_its_obligations_and_its_rule(
    studio: Studio, client: Client, fox: Subject, generator: Generator
) -> None:
    rule = publish_rule(
        studio,
        purposes=["personal"],
        price={"amount": "0.002", "currency": "USD", "per": "second"},
        obligations={"watermark": True, "attribution": "© Lantern"},
        quotas=[{"count": 1, "per": "total", "of": "everyone"}],
    )
    said = form(fox, generator, duration_seconds="8", generations="1")
    for _ in range(3):
        answer = tried(client, said)
        assert answer.startswith("Reelmaker would be told Allowed")
    assert "Your rule for everything Lantern Studio holds allows it." in answer
    assert "$0.002 per second, $0.016 in all" in answer
    assert "add a watermark, credit “© Lantern”" in answer
    assert rule.shown_id in client.post(PAGE, said).content.decode()
    assert recorded() == 0


def test_a_refusal_tells_what_is_missing_and_what_would_be_allowed(
    studio: Studio, client: Client, fox: Subject, generator: Generator
) -> None:
    rule = publish_rule(studio, territories={"except": ["DE"]}, content={"violence": "mild"})
    now = timezone.now()
    rules.edit_draft(
        actor=studio.actor,
        now=now,
        rule=rule,
        seen=rules.etag_of(rule.versions.get()),
        name="Clips",
    )
    answer = tried(client, form(fox, generator, territory="DE", content__violence="mild"))
    assert "Denied No rule allows it" in answer
    assert "Clips does not cover the territory." in answer
    assert "Allowed if the territory were not Germany." in answer
    answer = tried(client, form(fox, generator))
    assert "Clips has to be told the level of violence." in answer
    assert "It would earn" not in answer
    assert recorded() == 0


def test_what_is_tried_is_what_is_answered(
    studio: Studio, client: Client, fox: Subject, generator: Generator
) -> None:
    publish_rule(studio, actions=["generate_video"], forbidden_words=["duck"])
    publish_rule(studio, effect="deny", purposes=["political"])
    publish_rule(studio, effect="needs_approval", purposes=["advertising"])
    for said, prompt in (
        ({"purpose": "personal"}, "a fox in the snow"),
        ({"purpose": "personal"}, "a DUCK in the snow"),
        ({"purpose": "political"}, "a fox"),
        ({"purpose": "advertising", "action": "generate_image"}, "a fox"),
        ({}, None),
    ):
        request: dict[str, Any] = {"territory": "US", "content": {"codes": []}, **said}
        now = timezone.now()
        wanted = asking(generator.platform, fox, now=now, co_subjects=(), prompt=prompt, **request)
        before = recorded()
        trial = try_asking(actor=studio.actor, now=now, platform=generator.platform, asking=wanted)
        assert recorded() == before
        real = ask(generator, fox, now=now, co_subjects=(), prompt=prompt, **request)
        assert trial.decision.outcome == real.outcome
        assert [reason.code for reason in trial.decision.reasons] == [
            reason["code"] for reason in real.reasons
        ]
        assert [len(option) for option in trial.decision.would_allow] == [
            len(option["changes"]) for option in real.would_allow
        ]
        assert trial.others == ()


def test_a_draft_is_tried_as_if_it_were_published(
    studio: Studio, client: Client, fox: Subject, generator: Generator
) -> None:
    rule = publish_rule(studio, actions=["generate_video"])
    seen = rules.etag_of(rule.versions.get())
    body = {"effect": "allow", "actions": ["generate_image"]}
    now = timezone.now()
    rules.edit_draft(actor=studio.actor, now=now, rule=rule, seen=seen, body=body, name="Clips")
    assert "told Allowed" in tried(client, form(fox, generator))
    drafted = tried(client, form(fox, generator, draft=rule.shown_id))
    assert "told Denied" in drafted
    assert "Allowed if it were about images." in drafted
    page = text(client, f"{PAGE}?draft={rule.shown_id}&subjects={fox.shown_id}")
    assert f'value="{rule.shown_id}" selected' in page
    assert "told Allowed" in tried(client, form(fox, generator))


def test_a_spent_quota_and_a_kill_switch_are_seen(
    studio: Studio, client: Client, fox: Subject, generator: Generator
) -> None:
    publish_rule(studio, quotas=[{"count": 1, "per": "total", "of": "platform"}])
    assert "told Allowed" in tried(client, form(fox, generator))
    ask(generator, fox, now=timezone.now())
    assert "has no room left in its quota" in tried(client, form(fox, generator))
    switches.throw(
        actor=studio.actor, now=timezone.now(), holder=studio.holder, scope=rules.Scope(subject=fox)
    )
    assert "A kill switch is thrown." in tried(client, form(fox, generator))


def test_what_a_co_owner_says_stays_theirs(
    studio: Studio, client: Client, generator: Generator
) -> None:
    partner = build_studio("Quiet Partner")
    shared = build_subject(studio.holder, "Ferrow", owners={studio.holder: 1, partner.holder: 1})
    publish_rule(studio)
    said = form(shared, generator)
    answers = []
    publish_rule(partner)
    answers.append(tried(client, said))
    publish_rule(partner, effect="deny", purposes=["personal"])
    answers.append(tried(client, said))
    switches.throw(actor=partner.actor, now=timezone.now(), holder=partner.holder)
    answers.append(tried(client, said))
    assert len(set(answers)) == 1
    assert "Allowed by you" in answers[0]
    assert "It also needs the consent of Quiet Partner" in answers[0]
    # In a territory of its own, only whoever owns it there is asked.
    build_ownership(shared, {partner.holder: 1}, territory="JP")
    answer = tried(client, form(shared, generator, territory="JP"))
    assert "Not yours to decide" in answer
    assert "Quiet Partner" in answer
    # Nor is it proposed: what its owner would say there is not told.
    publish_rule(studio, effect="deny", territories={"only": ["DE"]})
    answer = tried(client, form(shared, generator, territory="DE"))
    assert "Allowed if the territory were not Germany or Japan" in answer


def test_others_in_the_picture_are_told_by_their_id(
    studio: Studio, client: Client, fox: Subject, generator: Generator
) -> None:
    rival = build_subject(build_studio("Rivals").holder, "Rival Bear")
    owl = build_subject(studio.holder, "Owl")
    publish_rule(studio, co_appearance={"never_with": [rival.shown_id, owl.shown_id]})
    assert "told Allowed" in tried(client, form(fox, generator))
    answer = tried(client, form(fox, generator, others=rival.shown_id))
    assert "does not cover the company" in answer
    assert "Rival Bear" not in answer
    answer = tried(client, form(fox, generator, co_subjects=[owl.shown_id]))
    assert "Allowed if nobody else appeared." in answer


NO_REQUESTS: list[tuple[dict[str, Any], str, str]] = [
    ({"subjects": []}, "subjects", ""),
    ({"subjects": ["chr_nobody"]}, "subjects", "nobody of that id"),
    ({"subjects": [show("chr", new_id())]}, "subjects", "not yours to try"),
    ({"platform": show("plt", new_id())}, "platform", "no such platform"),
    ({"platform": "1e3"}, "platform", "no such platform"),
    ({"draft": show("rul", new_id())}, "draft", "no such rule"),
    ({"action": "dream"}, "action", "names known"),
    ({"territory": "UK"}, "territory", "ISO 3166-1"),
    ({"duration_seconds": "1_0"}, "duration_seconds", "whole number"),
    ({"viewer_age": "-4"}, "viewer_age", "0"),
    ({"generations": "0"}, "generations", "1"),
    ({"prompt": "x" * (64 * 1024 + 1)}, "prompt", "64 KB"),
    ({"others": "bear"}, "others", "no id"),
    ({"language": "very english"}, "language", "written"),
]


@pytest.mark.parametrize(("fields", "beside", "words"), NO_REQUESTS)
def test_what_is_no_request_is_said_beside_its_field(
    fields: dict[str, Any], beside: str, words: str
) -> None:
    studio, generator = build_studio("Other"), build_generator("Other")
    fox = build_subject(studio.holder)
    said = {**form(fox, generator), **fields}
    client = visit(studio.actor)
    page = fill(client, PAGE, said, status=422).content.decode()
    found = re.search(rf'<p class="fault" id="wrong-{beside}">([^<]+)</p>', page)
    assert found, page
    assert words in found[1]
    assert "Not a request yet" in page
    live = client.post(PAGE, said, headers={"HX-Request": "true"}).content.decode()
    assert re.search(rf'id="wrong-{beside}" hx-swap-oob="true">[^<]+</p>', live)
    assert recorded() == 0


def test_anothers_subject_and_rule_look_like_none(
    studio: Studio, fox: Subject, generator: Generator
) -> None:
    rule = draft_rule(studio)
    other = build_studio("Rivals")
    bear = build_subject(other.holder, "Bear")
    client = visit(other.actor)
    page = fill(client, PAGE, form(fox, generator), status=422).content.decode()
    assert "not yours to try" in page
    assert "Fox" not in page
    answer = fill(client, PAGE, form(bear, generator, draft=rule.shown_id), status=422)
    assert "no such rule" in answer.content.decode()
    assert "Fox" not in text(client, f"{PAGE}?subjects={fox.shown_id}&draft={rule.shown_id}")


def test_it_costs_the_same_for_one_rule_and_for_a_hundred(
    studio: Studio, client: Client, fox: Subject, generator: Generator
) -> None:
    publish_rule(studio, subject=fox, platforms={"only": [generator.platform.shown_id]})
    once = queries(client, PAGE)
    for _ in range(99):
        publish_rule(studio, subject=fox, platforms={"except": [generator.platform.shown_id]})
    assert queries(client, PAGE) == once


def test_without_anyone_to_ask_about_it_says_so(client: Client) -> None:
    assert "There is nobody to ask about yet" in text(client, PAGE)

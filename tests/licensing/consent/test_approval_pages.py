"""The portal's inbox of approvals: what it says, who answers, and what is not theirs to see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from licensing.catalog.models import Subject
from licensing.consent import approvals
from licensing.consent.models import ApprovalRequest, ConsentCheck, ConsentRule
from tests.licensing.builders import build_actor, build_subject
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    ask,
    build_generator,
    build_studio,
    publish_rule,
)
from tests.licensing.portal.visiting import fill, queries, text, visit

pytestmark = pytest.mark.django_db

ADVERTS = {"effect": "needs_approval", "purposes": ["advertising"]}
PRICE = {"amount": "0.25", "currency": "USD", "per": "generation"}


@pytest.fixture
def studio() -> Studio:
    return build_studio("Lantern Studio")


@pytest.fixture
def reel() -> Generator:
    return build_generator("Reelmaker")


@pytest.fixture
def fox(studio: Studio) -> Subject:
    return build_subject(studio.holder, "Fox of the North")


def wanted(reel: Generator, *subjects: Subject, **said: object) -> ApprovalRequest:
    """The question that a platform's asking opened."""
    facts: dict[str, Any] = {"now": timezone.now(), "purpose": "advertising", **said}
    check = ask(reel, *subjects, **facts)
    assert check.outcome == "needs_approval"
    return ApprovalRequest.objects.filter(consent_check=check)[0]


def test_what_is_asked_reads_like_sentences(studio: Studio, reel: Generator, fox: Subject) -> None:
    publish_rule(studio, ADVERTS, subject=fox, price=PRICE, obligations={"watermark": True})
    asked = wanted(
        reel,
        fox,
        territory="DE",
        duration_seconds=12,
        generations=4,
        content={"violence": "mild", "fear": "none", "codes": ["alcohol"]},
    )
    client = visit(studio.actor)
    page = text(client, "/portal/approvals")
    for words in (
        ">Reelmaker</a> asks for video with Fox of the North, 4 generations",
        "for <strong>advertising</strong>",
        "in <strong>Germany</strong>",
        "<strong>12 seconds</strong> long",
        "<strong>mild violence</strong>",
        "<strong>no fear</strong>",
        "showing <strong>alcohol</strong>",
        "$0.25 per generation, $1.00 in all",
        "Rule over Fox of the North",
        'Approvals <span class="count">1<span class="unseen"> open</span></span>',
    ):
        assert words in page, words
    assert "add a watermark" in text(client, f"/portal/approvals/{asked.shown_id}")


def test_a_yes_gives_a_receipt_and_a_no_none(studio: Studio, reel: Generator, fox: Subject) -> None:
    publish_rule(studio, ADVERTS)
    client = visit(studio.actor)
    yes, no = wanted(reel, fox), wanted(reel, fox)
    fill(client, f"/portal/approvals/{yes.shown_id}", {"answer": "approve"})
    assert "Approved. Reelmaker has its receipt." in text(client, "/portal/approvals")
    fill(client, f"/portal/approvals/{no.shown_id}", {"answer": "refuse"})
    page = text(client, "/portal/approvals")
    assert "Refused. Reelmaker is told no." in page
    assert "Nothing waits for you" in page
    assert ConsentCheck.objects.get(approves=yes.consent_check).receipt
    assert not ConsentCheck.objects.filter(approves=no.consent_check).exists()
    page = text(client, "/portal/approvals?show=answered")
    assert page.index("Refused") < page.index("Approved")
    assert f"by {studio.actor.label}" in page

    fill(client, f"/portal/approvals/{yes.shown_id}", {"answer": "refuse"})
    assert "Nothing was answered. This has been answered" in text(client, "/portal/approvals")
    assert ConsentCheck.objects.filter(approves=yes.consent_check).count() == 1
    fill(client, f"/portal/approvals/{yes.shown_id}", {"answer": "maybe"}, 404)


def test_what_the_rules_no_longer_permit_stays_open(
    studio: Studio, reel: Generator, fox: Subject
) -> None:
    publish_rule(studio, ADVERTS)
    asked = wanted(reel, fox)
    publish_rule(studio, effect="deny", now=timezone.now())
    client = visit(studio.actor)
    fill(client, f"/portal/approvals/{asked.shown_id}", {"answer": "approve"})
    assert "do not allow this even with an approval" in text(client, "/portal/approvals")
    asked.refresh_from_db()
    assert asked.state == "open"


def test_of_two_owners_each_answers_and_sees_its_own(reel: Generator, studio: Studio) -> None:
    other = build_studio("Co-owners")
    duo = build_subject(studio.holder, "Duo", owners={studio.holder: 1, other.holder: 1})
    theirs = build_subject(other.holder, "Their Secret Hero")
    publish_rule(studio, ADVERTS, price=PRICE)
    publish_rule(other, ADVERTS, price={**PRICE, "amount": "7.77"})
    wanted(reel, duo, theirs)
    client = visit(studio.actor)
    mine = ApprovalRequest.objects.get(holder=studio.holder)
    page = text(client, f"/portal/approvals/{mine.shown_id}")
    assert "Their Secret Hero" not in page
    assert "7.77" not in page
    assert "$0.25 per generation" in page
    fill(client, f"/portal/approvals/{mine.shown_id}", {"answer": "approve"})
    assert "It waits for the other owners" in text(client, "/portal/approvals")


def test_the_time_to_answer_ends(studio: Studio, reel: Generator, fox: Subject) -> None:
    long_ago = timezone.now() - timedelta(days=31)
    publish_rule(studio, ADVERTS, now=long_ago)
    asked = wanted(reel, fox, now=long_ago)
    client = visit(studio.actor)
    page = text(client, "/portal/approvals")
    assert "Nothing waits for you" in page
    assert 'class="count"' not in page
    assert "Not answered in time" in text(client, "/portal/approvals?show=answered")
    assert "Approve</button>" not in text(client, f"/portal/approvals/{asked.shown_id}")
    fill(client, f"/portal/approvals/{asked.shown_id}", {"answer": "approve"})
    assert "Nothing was answered" in text(client, "/portal/approvals")


def test_an_editor_looks_but_does_not_answer(studio: Studio, reel: Generator, fox: Subject) -> None:
    publish_rule(studio, ADVERTS)
    asked = wanted(reel, fox)
    client = visit(build_actor(studio.organisation, "editor"))
    for path in ("/portal/approvals", f"/portal/approvals/{asked.shown_id}"):
        page = text(client, path)
        assert "Fox of the North" in page
        assert 'value="approve"' not in page
    fill(client, f"/portal/approvals/{asked.shown_id}", {"answer": "approve"}, 403)


def test_anothers_question_is_not_there(studio: Studio, reel: Generator) -> None:
    other = build_studio("Other House")
    publish_rule(other, ADVERTS)
    asked = wanted(reel, build_subject(other.holder, "Their Hero"))
    client = visit(studio.actor)
    assert "Their Hero" not in text(client, "/portal/approvals")
    for shown in (asked.shown_id, "apr_x", "1e3", "%00"):
        text(client, f"/portal/approvals/{shown}", 404)
        fill(client, f"/portal/approvals/{shown}", {"answer": "approve"}, 404)
    text(client, "/portal/approvals?after=%00", 404)
    asked.refresh_from_db()
    assert asked.state == "open"


def test_what_a_platform_says_is_only_text(studio: Studio, reel: Generator) -> None:
    fox = build_subject(studio.holder, "<script>alert(1)</script>")
    reel.platform.name = "<img src=x onerror=alert(2)>"
    reel.platform.save()
    publish_rule(studio, ADVERTS)
    wanted(reel, fox, model="m1")
    page = text(visit(studio.actor), "/portal/approvals")
    assert "<script>alert" not in page
    assert "<img src=x" not in page


def test_the_inbox_costs_the_same_for_one_and_for_a_page(
    studio: Studio, reel: Generator, fox: Subject
) -> None:
    publish_rule(studio, ADVERTS, price=PRICE)
    client = visit(studio.actor)
    wanted(reel, fox)
    costs = queries(client, "/portal/approvals")
    owls = [build_subject(studio.holder) for _ in range(3)]
    publish_rule(studio, ADVERTS, subject=owls[0])
    for number in range(27):
        wanted(reel, fox, owls[number % 3])
    assert queries(client, "/portal/approvals") == costs
    page = text(client, "/portal/approvals")
    assert page.count('class="card question"') == 25
    after = page.split("?after=")[1].split('"')[0]
    assert text(client, f"/portal/approvals?after={after}").count('class="card question"') == 3
    for asked in ApprovalRequest.objects.all():
        approvals.refuse(actor=studio.actor, now=timezone.now(), approval=asked)
    assert queries(client, "/portal/approvals?show=answered") == costs


def test_always_drafts_a_rule_and_leads_there(
    studio: Studio, reel: Generator, fox: Subject
) -> None:
    publish_rule(studio, ADVERTS)
    client = visit(studio.actor)
    asked = wanted(reel, fox)
    path = f"/portal/approvals/{asked.shown_id}"
    assert "Always for this pattern" in text(client, path)
    answer = fill(client, path, {"answer": "approve", "always": "yes"})
    asked.refresh_from_db()
    (drafted,) = ConsentRule.objects.filter(pk__in=asked.drafted_rules)
    assert answer["Location"] == f"/portal/rules/{drafted.shown_id}"
    page = text(client, answer["Location"])
    assert "A rule that answers the same by itself is drafted" in page
    assert drafted.name == "Approved always: video on Reelmaker"
    assert drafted.in_force() is None


def test_a_preview_is_shown_as_text_and_opened_elsewhere(
    studio: Studio, reel: Generator, fox: Subject
) -> None:
    publish_rule(studio, ADVERTS)
    tag = {"text": "<script>alert(1)</script>", "url": 'https://reel.example/"onclick="x'}
    asked = wanted(reel, fox, preview=tag)
    client = visit(studio.actor)
    for path in ("/portal/approvals", f"/portal/approvals/{asked.shown_id}"):
        page = text(client, path)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert 'href="https://reel.example/&quot;onclick=&quot;x" target="_blank" rel="no' in page
        assert "look at it on reel.example" in page

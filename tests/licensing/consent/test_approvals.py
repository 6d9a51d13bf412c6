"""A request for approval is answered once, or for good: then by a rule that is drafted from it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from licensing.catalog.models import Subject
from licensing.consent import facts, rules
from licensing.consent.engine.bodies import canonical, read_body
from licensing.consent.engine.compiling import bind, compile_rule
from licensing.consent.engine.deciding import Asked, decide
from licensing.consent.engine.language import Effect
from licensing.consent.engine.patterns import pattern_of
from licensing.consent.models import ApprovalRequest, ConsentCheck, ConsentRule
from licensing.consent.replays import replay
from licensing.consent.windows.shapes import RuleBodyShape
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_ownership, build_subject, with_scopes
from tests.licensing.consent import generated
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    build_generator,
    build_studio,
    codes,
    publish_rule,
)
from tests.licensing.consent.builders import ask as ask_at

Json = dict[str, Any]


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def generator() -> Generator:
    return build_generator()


@pytest.fixture
def hero(studio: Studio) -> Subject:
    return build_subject(studio.holder)


def ask(generator: Generator, *subjects: Subject, **said: Any) -> ConsentCheck:
    """Asked now, for the API that answers has a clock of its own."""
    return ask_at(generator, *subjects, now=timezone.now(), **said)


def publish(studio: Studio, draft: ConsentRule) -> None:
    rules.publish(actor=studio.actor, now=timezone.now(), rule=draft)


def answer(studio: Studio, said: str, body: Json | None = None) -> Json:
    """The latest request, answered over the API."""
    asked = ApprovalRequest.objects.filter(holder=studio.holder).latest("pk")
    answered = ApiClient(studio.actor).post(f"/approvals/{asked.shown_id}/{said}", body)
    assert answered.status_code == 200, answered.content
    found: Json = answered.json()
    return found


def drafts() -> list[ConsentRule]:
    return list(ConsentRule.objects.filter(versions__state="draft").order_by("pk"))


CLIP: Json = {
    "territory": "US",
    "purpose": "personal",
    "content": {"violence": "mild", "codes": ["weapons"]},
    "duration_seconds": 8,
}


@pytest.mark.django_db
def test_approved_for_good_drafts_an_allow_of_just_that(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    asking = publish_rule(
        studio, effect="needs_approval", obligations={"watermark": True}, price=PRICE
    )
    ask(generator, hero, co_subjects=(), **CLIP)
    said = answer(studio, "approve", {"always": True})
    (draft,) = drafts()
    assert said["drafted_rules"] == [draft.shown_id]
    assert draft.subject == hero
    assert draft.answers == [asking.pk]
    body = draft.latest().body
    assert body.pop("forbidden_codes")
    assert body == {
        "effect": "allow",
        "actions": ["generate_video"],
        "platforms": {"only": [generator.platform.shown_id]},
        "territories": {"only": ["US"]},
        "purposes": ["personal"],
        "content": {"violence": "mild"},
        "duration_seconds_max": 8,
        "co_appearance": {"only_with": []},
    }
    # A draft says nothing yet.
    assert ask(generator, hero, co_subjects=(), **CLIP).outcome == "needs_approval"
    publish(studio, draft)
    allowed = ask(generator, hero, co_subjects=(), **CLIP)
    assert allowed.outcome == "allow"
    assert sorted(codes(allowed)) == ["allowed", "approval_needed"]
    # On the terms of the rule that would have asked.
    assert allowed.obligations == {"watermark": True}
    assert allowed.price["parts"] == [PRICE]
    for other in (
        {"territory": "FR"},
        {"content": {"violence": "strong", "codes": []}},
        {"content": {"violence": "mild", "codes": ["gore"]}},
        {"duration_seconds": 9},
    ):
        assert ask(generator, hero, co_subjects=(), **(CLIP | other)).outcome == "needs_approval"
    assert ask(build_generator(), hero, co_subjects=(), **CLIP).outcome == "needs_approval"


PRICE = {"amount": "0.50", "currency": "USD", "per": "generation"}


@pytest.mark.django_db
def test_it_answers_the_rules_that_asked_and_no_other(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, effect="needs_approval")
    ask(generator, hero)
    answer(studio, "approve", {"always": True})
    publish(studio, drafts()[0])
    assert ask(generator, hero).outcome == "allow"
    # Whoever wants to be asked about something else later is asked.
    later = publish_rule(studio, effect="needs_approval", purposes=["political"])
    asked = ask(generator, hero, purpose="political")
    assert asked.outcome == "needs_approval"
    assert later.versions.get().pk in asked.rule_versions
    assert ask(generator, hero, purpose="news").outcome == "allow"
    publish_rule(studio, effect="deny", purposes=["news"])
    assert ask(generator, hero, purpose="news").outcome == "deny"
    for check in ConsentCheck.objects.all():
        again = replay(check)
        assert (str(again.outcome), facts.write_reasons(again.reasons)) == (
            check.outcome,
            check.reasons,
        )


@pytest.mark.django_db
def test_refused_for_good_drafts_a_deny_of_just_that(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    publish_rule(studio, effect="needs_approval")
    ask(generator, hero, purpose="political")
    said = answer(studio, "refuse", {"always": True})
    (draft,) = drafts()
    assert (said["state"], said["drafted_rules"]) == ("refused", [draft.shown_id])
    assert draft.latest().body["effect"] == "deny"
    assert draft.answers == []
    publish(studio, draft)
    assert ask(generator, hero, purpose="political").outcome == "deny"
    assert ask(generator, hero, purpose="news").outcome == "needs_approval"


@pytest.mark.django_db
def test_once_drafts_nothing(studio: Studio, generator: Generator, hero: Subject) -> None:
    publish_rule(studio, effect="needs_approval")
    for said, body in (("approve", None), ("refuse", {}), ("approve", {"always": False})):
        ask(generator, hero)
        assert answer(studio, said, body)["drafted_rules"] == []
    assert drafts() == []


@pytest.mark.django_db
@pytest.mark.parametrize(("who", "status"), [("abroad", 200), ("partner", 409)])
def test_an_approval_is_for_a_prompt_in_which_all_was_looked_for_that_is_forbidden_there(
    studio: Studio, generator: Generator, who: str, status: int
) -> None:
    """The prompt is gone: of a word that was not looked for in it nobody knows whether it is there.
    What is forbidden in other territories since is no matter."""
    houses = {"partner": build_studio(), "abroad": build_studio()}
    partner, abroad = houses["partner"].holder, houses["abroad"].holder
    shared = build_subject(studio.holder, owners={studio.holder: 1, partner: 1})
    build_ownership(shared, {abroad: 1}, territory="JP")
    publish_rule(studio, effect="needs_approval")
    publish_rule(houses["partner"], forbidden_words=["rival"])
    ask(generator, shared, territory="US", prompt="a walk")
    publish_rule(houses[who], forbidden_words=["duck"])
    asked = ApprovalRequest.objects.get(holder=studio.holder)
    approved = ApiClient(studio.actor).post(f"/approvals/{asked.shown_id}/approve", None)
    assert approved.status_code == status


@pytest.mark.django_db
def test_each_subject_gets_its_rule_and_each_holder_its_own(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    partner = build_studio()
    friend, guest = build_subject(studio.holder), build_subject(partner.holder)
    for house in (studio, partner):
        publish_rule(house, effect="needs_approval")
    ask(generator, hero, friend, guest, co_subjects=())
    assert len(answer(studio, "approve", {"always": True})["drafted_rules"]) == 2
    assert answer(partner, "approve")["drafted_rules"] == []
    assert {draft.subject for draft in drafts()} == {hero, friend}
    for draft in drafts():
        assert len(draft.latest().body["co_appearance"]["only_with"]) == 2
        publish(studio, draft)
    again = ask(generator, hero, friend, guest, co_subjects=())
    assert [verdict["outcome"] for verdict in again.facts["verdicts"]] == [
        "allow",
        "allow",
        "needs_approval",
    ]


@pytest.mark.django_db
def test_what_cannot_be_drafted_is_not_answered_either(
    studio: Studio, generator: Generator, hero: Subject, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_rule(studio, effect="needs_approval")
    ask(generator, hero)
    path = f"/approvals/{ApprovalRequest.objects.get().shown_id}/approve"
    publisher = ApiClient(with_scopes(studio.actor, "consent:read", "consent:publish"))
    assert_problem(publisher.post(path, {"always": True}), 403, "scope_missing")
    client = ApiClient(studio.actor)
    assert_problem(client.post(path, {"always": "yes"}), 422, "invalid")
    assert_problem(client.post(path, {"for_ever": True}), 400, "unknown_field")
    monkeypatch.setattr(rules, "MOST_RULES", 1)
    assert_problem(client.post(path, {"always": True}), 422, "too_many_rules")
    assert ApprovalRequest.objects.get().state == "open"
    assert ConsentRule.objects.count() == 1
    assert publisher.post(path).status_code == 200


@pytest.mark.django_db
def test_the_database_keeps_what_a_rule_answers(
    studio: Studio, generator: Generator, hero: Subject
) -> None:
    asking = publish_rule(studio, effect="needs_approval")
    ask(generator, hero)
    waiting = ApprovalRequest.objects.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalRequest.objects.filter(pk=waiting.pk).update(drafted_rules=[asking.pk])
    answer(studio, "approve", {"always": True})
    with pytest.raises(IntegrityError, match="consent_rule_identity"), transaction.atomic():
        ConsentRule.objects.filter(pk=drafts()[0].pk).update(answers=[])


@settings(max_examples=200, deadline=None)
@given(generated.requests, st.sampled_from((Effect.ALLOW, Effect.DENY)))
def test_a_pattern_covers_the_request_it_is_of(request: Json, effect: Effect) -> None:
    wanted = generated.as_request(request)
    stored = facts.write_request(wanted)
    if "co_subjects" in stored:
        stored["co_subjects"] = [sorted({*other, "chr_7"}) for other in stored["co_subjects"]]
    wanted = facts.read_request(stored)
    body = pattern_of(stored, effect=effect, beside=())
    rule = compile_rule(version="rlv_1", scope="chr_1", body=read_body(body))
    asked = [Asked(subject="chr_1", chain=("chr_1",), consents=(("hld_1", bind([rule])),))]
    assert decide(wanted, asked).outcome is effect
    assert canonical(body) == canonical(canonical(body))


@settings(max_examples=100, deadline=None)
@given(generated.requests)
def test_a_pattern_is_a_body_that_could_have_been_sent(request: Json) -> None:
    stored = facts.write_request(generated.as_request(request))
    stored["platform"] = "plt_06evgh4c2xskgjz3kq1v6t9m8n"
    stored["co_subjects"] = [["chr_06evgh4c2xskgjz3kq1v6t9m8j"]]
    body = pattern_of(stored, effect=Effect.ALLOW, beside=())
    shape = RuleBodyShape(data=body)
    assert shape.is_valid(), shape.errors

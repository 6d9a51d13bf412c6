"""A rights holder writes rules over the API, and everything that is wrong to write."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from ledger.ids import new_id, show
from ledger.wire import show_instant
from licensing.access.models import AuditRecord
from licensing.consent import rules
from licensing.consent.models import ConsentRule, RuleVersion
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_property, build_subject, with_scopes
from tests.licensing.consent.builders import (
    Studio,
    ask,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)

pytestmark = pytest.mark.django_db

ALLOW = {"effect": "allow", "actions": ["generate_video"]}


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def client(studio: Studio) -> ApiClient:
    return ApiClient(studio.actor)


def test_a_rule_is_drafted_edited_published_and_revoked(client: ApiClient, studio: Studio) -> None:
    hero, generator = build_subject(studio.holder), build_generator()
    made = client.post("/consent-rules", {"subject": hero.shown_id, "name": "Clips", "body": ALLOW})
    assert made.status_code == 201
    rule = made.json()
    assert (rule["latest"]["state"], rule["in_force"]) == ("draft", None)
    path = f"/consent-rules/{rule['id']}"
    edited = client.patch(path, {"body": {**ALLOW, "purposes": ["news"]}}, If_Match=made["ETag"])
    assert edited.status_code == 200
    assert edited.json()["latest"]["body"]["purposes"] == ["news"]
    published = client.post(f"{path}/publish", If_Match=edited["ETag"])
    assert published.json()["in_force"]["number"] == 1
    now = timezone.now()
    assert ask(generator, hero, purpose="news", now=now).outcome == "allow"
    following = client.patch(path, {"body": ALLOW}, If_Match=published["ETag"])
    assert following.json()["latest"]["number"] == 2
    assert following.json()["in_force"]["number"] == 1
    again = client.post(f"{path}/publish", If_Match=following["ETag"])
    revoked = client.post(f"{path}/revoke", If_Match=again["ETag"]).json()
    assert revoked["rule"]["in_force"] is None
    assert ask(generator, hero, purpose="news", now=now).outcome == "deny"
    states = [one["state"] for one in client.get(f"{path}/versions").json()["data"]]
    assert states == ["revoked", "superseded"]
    verbs = list(AuditRecord.objects.filter(thing=rule["id"]).order_by("pk").values_list("verb"))
    assert [verb for (verb,) in verbs] == [
        f"consent_rule.{word}"
        for word in ("create", "edit", "publish", "edit", "publish", "revoke")
    ]


def test_a_revocation_tells_how_many_receipts_are_still_open(
    client: ApiClient, studio: Studio
) -> None:
    hero, generator = build_subject(studio.holder), build_generator()
    rule = publish_rule(studio)
    now = timezone.now()
    for age in (0, 1, 30):
        ask(generator, hero, now=now - timedelta(hours=age))
    path = f"/consent-rules/{rule.shown_id}"
    answer = client.post(f"{path}/revoke", If_Match=client.get(path)["ETag"]).json()
    assert answer["blast_radius"]["open_receipts"] == 2


def test_every_field_is_kept_as_it_was_said(client: ApiClient, studio: Studio) -> None:
    generator, rival = build_generator(), build_studio()
    start = show_instant(timezone.now().replace(microsecond=0) + timedelta(days=1))
    body = {
        "effect": "allow",
        "actions": ["generate_image", "remix"],
        "platforms": {"except": [generator.platform.shown_id]},
        "audience": ["everyone"],
        "territories": {"only": ["GB", "US"]},
        "window": {"from": start, "to": "2199-01-01T00:00:00Z"},
        "purposes": ["parody"],
        "channels": ["app"],
        "languages": ["en", "pt-BR"],
        "models": ["x-2"],
        "content": {"sexual": "none", "violence": "mild"},
        "forbidden_codes": ["gore"],
        "forbidden_words": ["Grand Rival", "script"],
        "co_appearance": {"never_with": [rival.holder.shown_id], "only_with": []},
        "viewer_age_min": 13,
        "depicted_age_min": 0,
        "duration_seconds_max": 60,
        "resolution_max": 1080,
        "remix_depth_max": 0,
        "obligations": {"attribution": "© <script>alert(1)</script>", "watermark": True},
        "price": {"amount": "0.0004", "currency": "USD", "per": "second"},
    }
    made = client.post("/consent-rules", {"body": body})
    assert made.status_code == 201, made.content
    kept = made.json()["latest"]["body"]
    assert kept == body


BODIES: dict[str, tuple[dict[str, Any], int, str]] = {
    "no effect": ({"effect": None}, 422, "null"),
    "an unknown effect": ({"effect": "maybe"}, 422, "unknown_name"),
    "an unknown action": ({"actions": ["steal"]}, 422, "unknown_name"),
    "an action twice": ({"actions": ["train", "train"]}, 422, "twice"),
    "an unknown field": ({"quota": 3}, 400, "unknown_field"),
    "an id": ({"id": "rul_x"}, 400, "unknown_field"),
    "a window that ends before it begins": (
        {"window": {"from": "2199-02-01T00:00:00Z", "to": "2199-01-01T00:00:00Z"}},
        422,
        "window_empty",
    ),
    "a window that is a moment": (
        {"window": {"from": "2199-01-01T00:00:00Z", "to": "2199-01-01T00:00:00Z"}},
        422,
        "window_empty",
    ),
    "a window that began": ({"window": {"from": "2026-01-01T00:00:00Z"}}, 422, "retroactive"),
    "a window that is over": ({"window": {"to": "2026-01-01T00:00:00Z"}}, 422, "retroactive"),
    "a naive time": ({"window": {"from": "2199-01-01T00:00:00"}}, 422, "invalid_time"),
    "a regular expression": ({"forbidden_words": [".*mickey.*"]}, 422, "bad_name"),
    "another one": ({"forbidden_words": ["^a$"]}, 422, "bad_name"),
    "a word of nothing": ({"forbidden_words": [" "]}, 422, "blank"),
    "the territory UK": ({"territories": {"only": ["UK"]}}, 422, "unknown_territory"),
    "no territory at all": ({"territories": {"only": []}}, 422, "min_length"),
    "no action at all": ({"actions": []}, 422, "min_length"),
    "for nobody": ({"audience": []}, 422, "min_length"),
    "for no purpose": ({"purposes": []}, 422, "min_length"),
    "in no language": ({"languages": []}, 422, "min_length"),
    "both ways at once": (
        {"territories": {"only": ["US"], "except": ["DE"]}},
        422,
        "one_of_both",
    ),
    "neither way": ({"territories": {}}, 422, "one_of_both"),
    "an unknown platform": ({"platforms": {"only": [show("plt", new_id())]}}, 404, "not_found"),
    "a price as a number": ({"price": {"amount": 1, "per": "second"}}, 422, "invalid_decimal"),
    "a price without currency": (
        {"price": {"amount": "1", "per": "second"}},
        422,
        "amount_and_currency",
    ),
    "an amount by agreement": (
        {"price": {"amount": "1", "currency": "USD", "per": "agreement"}},
        422,
        "amount_and_currency",
    ),
    "a price in no currency": (
        {"price": {"amount": "1", "currency": "ZZZ", "per": "second"}},
        422,
        "unknown_currency",
    ),
    "company that is no id": ({"co_appearance": {"never_with": ["Rival"]}}, 422, "bad_id"),
    "a report within no time": ({"obligations": {"report_within_hours": 0}}, 422, "min_value"),
}


@pytest.mark.parametrize(("change", "status", "code"), BODIES.values(), ids=BODIES)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    client: ApiClient, change: dict[str, Any], status: int, code: str
) -> None:
    answer = client.post("/consent-rules", {"body": {**ALLOW, **change}})
    problem = assert_problem(answer, status, code)
    assert status == 404 or problem["errors"][0]["pointer"].startswith("/body/")
    assert not ConsentRule.objects.exists()


@pytest.mark.parametrize("field", ["id", "owner", "approved_by", "state"])
def test_what_is_not_for_the_holder_to_say_is_refused(client: ApiClient, field: str) -> None:
    assert_problem(client.post("/consent-rules", {"body": ALLOW, field: "x"}), 400, "unknown_field")


def test_a_rule_is_over_one_thing_that_is_the_holders_own(
    client: ApiClient, studio: Studio
) -> None:
    other = build_studio()
    theirs = build_subject(other.holder)
    mine, franchise = build_subject(studio.holder), build_property(studio.holder)
    for scope, status, code in (
        ({"subject": theirs.shown_id}, 404, "not_found"),
        ({"property": build_property(other.holder).shown_id}, 404, "not_found"),
        ({"holder": other.holder.shown_id}, 404, "not_found"),
        ({"subject": mine.shown_id, "property": franchise.shown_id}, 422, "one_scope"),
    ):
        assert_problem(client.post("/consent-rules", {**scope, "body": ALLOW}), status, code)


def test_a_co_owner_may_write_about_what_it_owns_a_share_of(client: ApiClient) -> None:
    other = build_studio()
    mine = build_studio()
    shared = build_subject(other.holder, owners={other.holder: 1, mine.holder: 1})
    answer = ApiClient(mine.actor).post(
        "/consent-rules", {"subject": shared.shown_id, "body": ALLOW}
    )
    assert answer.status_code == 201


def test_an_edit_says_what_it_has_seen(client: ApiClient) -> None:
    made = client.post("/consent-rules", {"body": ALLOW})
    path = f"/consent-rules/{made.json()['id']}"
    edit = {"name": "Better"}
    assert_problem(client.patch(path, edit), 428, "if_match_missing")
    assert_problem(client.patch(path, edit, If_Match='"9.9.draft"'), 412, "stale")
    assert client.patch(path, edit, If_Match=made["ETag"]).status_code == 200
    assert_problem(client.patch(path, edit, If_Match=made["ETag"]), 412, "stale")
    fresh = client.get(path)["ETag"]
    assert_problem(client.patch(path, {}, If_Match=fresh), 422, "nothing_said")


@pytest.mark.parametrize("act", ["publish", "revoke"])
def test_whoever_publishes_or_revokes_says_what_they_have_seen(client: ApiClient, act: str) -> None:
    made = client.post("/consent-rules", {"body": ALLOW})
    path = f"/consent-rules/{made.json()['id']}"
    seen = made
    if act == "revoke":
        seen = client.post(f"{path}/publish", If_Match=made["ETag"])
    assert_problem(client.post(f"{path}/{act}"), 428, "if_match_missing")
    assert_problem(client.post(f"{path}/{act}", If_Match='"9.9.draft"'), 412, "stale")
    # Meanwhile somebody else writes another version.
    assert client.patch(path, {"name": "Better"}, If_Match=seen["ETag"]).status_code == 200
    states = [one["state"] for one in client.get(f"{path}/versions").json()["data"]]
    assert_problem(client.post(f"{path}/{act}", If_Match=seen["ETag"]), 412, "stale")
    assert [one["state"] for one in client.get(f"{path}/versions").json()["data"]] == states
    answer = client.post(f"{path}/{act}", If_Match=client.get(path)["ETag"])
    assert answer.status_code == 200


def test_publishing_needs_a_draft_and_revoking_something_in_force(client: ApiClient) -> None:
    path = f"/consent-rules/{client.post('/consent-rules', {'body': ALLOW}).json()['id']}"

    def act(word: str) -> Any:
        return client.post(f"{path}/{word}", If_Match=client.get(path)["ETag"])

    assert_problem(act("revoke"), 409, "not_in_force")
    assert act("publish").status_code == 200
    assert_problem(act("publish"), 409, "no_draft")
    assert act("revoke").status_code == 200
    assert_problem(act("revoke"), 409, "not_in_force")


def test_an_editor_drafts_and_an_owner_publishes(studio: Studio) -> None:
    editor = ApiClient(with_scopes(studio.actor, "consent:read", "consent:write"))
    path = f"/consent-rules/{editor.post('/consent-rules', {'body': ALLOW}).json()['id']}"
    assert_problem(editor.post(f"{path}/publish"), 403, "scope_missing")
    assert_problem(editor.post(f"{path}/revoke"), 403, "scope_missing")
    assert_problem(editor.post("/kill-switches", {}), 403, "scope_missing")


def test_a_draft_that_has_waited_too_long_is_not_published_backwards(studio: Studio) -> None:
    now = timezone.now()
    soon = {"window": {"from": show_instant(now + timedelta(minutes=1))}}
    rule = draft_rule(studio, soon, now=now)
    with pytest.raises(rules.Retroactive):
        rules.publish(actor=studio.actor, now=now + timedelta(minutes=2), rule=rule)
    assert rule.latest().state == "draft"


def test_a_holder_has_at_most_a_thousand_rules(client: ApiClient, studio: Studio) -> None:
    now = timezone.now()
    made = ConsentRule.objects.bulk_create(
        ConsentRule(holder=studio.holder, created_at=now) for _ in range(rules.MOST_RULES - 1)
    )
    RuleVersion.objects.bulk_create(
        RuleVersion(rule=rule, holder=studio.holder, number=1, body=ALLOW, drafted_at=now)
        for rule in made
    )
    assert client.post("/consent-rules", {"body": ALLOW}).status_code == 201
    assert_problem(client.post("/consent-rules", {"body": ALLOW}), 422, "too_many_rules")


def test_others_rules_are_not_there(client: ApiClient, studio: Studio) -> None:
    path = f"/consent-rules/{publish_rule(build_studio()).shown_id}"
    own = publish_rule(studio)
    for answer in (
        client.get(path),
        client.patch(path, {"name": "x"}, If_Match='"1.1.published"'),
        client.get(f"{path}/versions"),
        client.post(f"{path}/publish"),
        client.post(f"{path}/revoke"),
    ):
        assert_problem(answer, 404, "not_found")
    assert [one["id"] for one in client.get("/consent-rules").json()["data"]] == [own.shown_id]
    platform = ApiClient(build_generator().actor)
    assert_problem(platform.get("/consent-rules"), 403, "scope_missing")


def test_what_was_published_does_not_change_even_in_the_database(studio: Studio) -> None:
    version = publish_rule(studio).versions.get()
    for change in (
        {"body": {"effect": "allow"}},
        {"state": "draft"},
        {"published_by": "someone else"},
        {"number": 7},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            RuleVersion.objects.filter(pk=version.pk).update(**change)
    with pytest.raises(IntegrityError, match="append_only"), transaction.atomic():
        RuleVersion.objects.filter(pk=version.pk).delete()


def test_a_kill_switch_over_the_api(client: ApiClient, studio: Studio) -> None:
    hero, generator = build_subject(studio.holder), build_generator()
    publish_rule(studio)
    now = timezone.now()
    ask(generator, hero, now=now)
    where = {"subject": hero.shown_id, "platform": generator.platform.shown_id}
    thrown = client.post("/kill-switches", where)
    assert thrown.status_code == 201, thrown.content
    assert thrown.json()["blast_radius"]["open_receipts"] == 1
    assert ask(generator, hero, now=now).outcome == "deny"
    assert_problem(client.post("/kill-switches", where), 409, "already_thrown")
    path = f"/kill-switches/{thrown.json()['switch']['id']}/lift"
    assert client.post(path).json()["lifted_at"]
    assert_problem(client.post(path), 409, "not_thrown")
    assert ask(generator, hero, now=now).outcome == "allow"
    assert len(client.get("/kill-switches").json()["data"]) == 1
    everything = client.post("/kill-switches", {})
    assert json.loads(everything.content)["blast_radius"]["open_receipts"] == 2

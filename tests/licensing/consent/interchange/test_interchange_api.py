"""Rules leave over the API in other formats, and policies come in as drafts."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import override_settings
from django.utils import timezone

from ledger.ids import new_id, show
from licensing.access.models import AuditRecord
from licensing.consent.models import ConsentRule
from licensing.consent.windows import examples
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
from tests.licensing.consent.interchange.policies import constraint, permission

pytestmark = pytest.mark.django_db

Json = dict[str, Any]

BODY: Json = {
    "actions": ["generate_image", "train"],
    "territories": {"except": ["DE"]},
    "forbidden_words": ["Grand Rival"],
    "quotas": [{"count": 1000, "per": "month", "of": "platform"}],
    "obligations": {"attribution": "© <Studio> & Co", "watermark": True},
    "price": {"amount": "0.002", "currency": "USD", "per": "generation"},
}


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def client(studio: Studio) -> ApiClient:
    return ApiClient(studio.actor)


def exported(client: ApiClient, rule: ConsentRule, **query: str) -> Json:
    answer = client.get(f"/consent-rules/{rule.shown_id}/export", query)
    assert answer.status_code == 200, answer.content
    found: Json = answer.json()
    return found


def imported(client: ApiClient, policy: Json, **said: str) -> list[Json]:
    answer = client.post("/consent-rules/import", {"policy": policy, **said})
    assert answer.status_code == 201, answer.content
    found: list[Json] = answer.json()["rules"]
    return found


def test_a_rule_leaves_as_a_policy_and_comes_back_as_a_draft(
    client: ApiClient, studio: Studio
) -> None:
    hero = build_subject(studio.holder)
    rule = publish_rule(studio, BODY, subject=hero)
    rule.name = "Stills"
    rule.save()
    answer = exported(client, rule)
    version = rule.versions.get()
    assert answer["rule"] == rule.shown_id
    assert (answer["version"], answer["number"]) == (version.shown_id, 1)
    assert (answer["format"], answer["media_type"]) == ("odrl", "application/ld+json")
    assert answer["not_expressed"] == []
    (draft,) = imported(client, answer["document"])
    assert draft["id"] != rule.shown_id
    assert (draft["name"], draft["subject"]) == ("Stills", hero.shown_id)
    assert (draft["latest"]["state"], draft["in_force"]) == ("draft", None)
    assert draft["latest"]["body"] == version.body
    created = AuditRecord.objects.filter(verb="consent_rule.create", thing=draft["id"])
    assert created.count() == 1


def test_another_installation_reads_it_for_a_character_of_its_own(
    client: ApiClient, studio: Studio
) -> None:
    rule = publish_rule(studio, BODY, subject=build_subject(studio.holder))
    with override_settings(BASE_URL="https://one.example"):
        policy = exported(client, rule)["document"]
    other = build_studio()
    theirs = build_subject(other.holder)
    with override_settings(BASE_URL="https://another.example"):
        (draft,) = imported(ApiClient(other.actor), policy, subject=theirs.shown_id, name="Ours")
    assert (draft["subject"], draft["name"]) == (theirs.shown_id, "Ours")
    assert draft["latest"]["body"] == rule.versions.get().body
    problem = ApiClient(other.actor).post("/consent-rules/import", {"policy": policy})
    (fault,) = assert_problem(problem, 422, "which_target")["errors"]
    assert fault["pointer"] == "/policy/permission/0"


def test_a_policy_is_about_a_property_or_everything_too(client: ApiClient, studio: Studio) -> None:
    franchise = build_property(studio.holder)
    for above in (franchise, None):
        rule = publish_rule(studio, property=above)
        (draft,) = imported(client, exported(client, rule)["document"])
        assert draft["property"] == (above.shown_id if above else None)
        assert (draft["subject"], draft["holder"]) == (None, studio.holder.shown_id)


def test_a_co_owner_reads_a_policy_about_what_it_owns_a_share_of() -> None:
    other, mine = build_studio(), build_studio()
    shared = build_subject(other.holder, owners={other.holder: 1, mine.holder: 1})
    policy = permission(target=f"assent:{shared.shown_id}")
    (draft,) = imported(ApiClient(mine.actor), policy)
    assert (draft["subject"], draft["holder"]) == (shared.shown_id, mine.holder.shown_id)


def test_several_rules_come_in_together_or_not_at_all(client: ApiClient, studio: Studio) -> None:
    policy = permission()
    policy["conflict"] = "prohibit"
    policy["prohibition"] = [{"target": "assent:chr_1", "action": "lx:train"}]
    drafts = imported(client, policy, subject=build_subject(studio.holder).shown_id)
    assert [draft["latest"]["body"] for draft in drafts] == [
        {"effect": "allow", "actions": ["generate_video"]},
        {"effect": "deny", "actions": ["train"]},
    ]
    over = timezone.now() - timedelta(days=1)
    policy["prohibition"][0]["constraint"] = [constraint("dateTime", "lt", over.isoformat())]
    answer = client.post(
        "/consent-rules/import", {"policy": policy, "holder": studio.holder.shown_id}
    )
    (fault,) = assert_problem(answer, 422, "policy_refused")["errors"]
    assert (fault["code"], fault["pointer"]) == (
        "retroactive",
        "/policy/prohibition/0/constraint/0",
    )
    assert ConsentRule.objects.count() == 2


def test_what_was_imported_decides_as_what_was_exported(client: ApiClient, studio: Studio) -> None:
    hero, generator = build_subject(studio.holder), build_generator()
    only = {"platforms": {"only": [generator.platform.shown_id]}, "actions": ["generate_video"]}
    rule = publish_rule(studio, {**only, "territories": {"only": ["US"]}}, subject=hero)
    policy = exported(client, rule)["document"]
    client.post(f"/consent-rules/{rule.shown_id}/revoke", **{"If-Match": '"1.1.published"'})
    assert ask(generator, hero, territory="US").outcome == "deny"
    (draft,) = imported(client, policy)
    client.post(f"/consent-rules/{draft['id']}/publish", **{"If-Match": '"1.1.draft"'})
    now = timezone.now()
    assert ask(generator, hero, territory="US", now=now).outcome == "allow"
    assert ask(generator, hero, territory="FR", now=now).outcome == "deny"


def test_the_version_in_force_leaves_or_the_one_that_was_named(
    client: ApiClient, studio: Studio
) -> None:
    rule = draft_rule(studio, actions=["train"])
    path = f"/consent-rules/{rule.shown_id}/export"
    assert_problem(client.get(path), 409, "not_in_force")
    assert exported(client, rule, version="1")["document"]["permission"][0]["action"] == [
        "lx:train"
    ]
    assert_problem(client.get(path, {"version": "2"}), 404, "not_found")
    for query in ({"version": "0"}, {"version": "rlv_1"}, {"format": "pdf"}, {"url": "x y"}):
        assert_problem(client.get(path, query), 400, "bad_parameter")
    assert_problem(client.get(path, {"sheet": "1"}), 400, "bad_parameter")


def test_other_formats_say_what_they_leave_out(client: ApiClient, studio: Studio) -> None:
    rule = publish_rule(studio, BODY, subject=build_subject(studio.holder))
    licence = exported(client, rule, format="rsl", url="/luna/*")
    assert licence["media_type"] == "application/rsl+xml"
    root = ET.fromstring(licence["document"])
    assert [content.get("url") for content in root] == ["/luna/*"]
    assert "prohibits" in licence["document"]
    assert {"/forbidden_words", "/obligations/watermark"} < set(licence["not_expressed"])
    assertion = exported(client, rule, format="cawg")
    entries = assertion["document"]["data"]["entries"]
    assert {entry["use"] for entry in entries.values()} == {"constrained"}
    assert {"/quotas/0", "/territories", "/actions/0"} < set(assertion["not_expressed"])


REFUSED: dict[str, tuple[Json, str, str]] = {
    "an unknown duty": (
        permission(duty=[{"action": "uninstall"}]),
        "not_understood",
        "/policy/permission/0/duty/0/action",
    ),
    "no JSON-LD": ({"@context": "http://example.com/x"}, "not_json_ld", "/policy"),
    "a territory that is none": (
        permission(constraint=[constraint("spatial", "isAnyOf", ["US", "UK"])]),
        "unknown_territory",
        "/policy/permission/0/constraint/0",
    ),
    "an age that is none": (
        permission(constraint=[constraint("lx:viewerAge", "gteq", 151)]),
        "max_value",
        "/policy/permission/0/constraint/0",
    ),
    "a regular expression": (
        permission(constraint=[constraint("lx:lexeme", "isNoneOf", ".*")]),
        "bad_name",
        "/policy/permission/0/constraint/0",
    ),
    "a quota that counts nothing": (
        permission(constraint=[constraint("count", "lteq", 0)]),
        "min_value",
        "/policy/permission/0/constraint/0",
    ),
    "a price that is none": (
        permission(
            duty=[
                {
                    "action": {
                        "rdf:value": {"@id": "odrl:compensate"},
                        "refinement": [
                            constraint("payAmount", "eq", "-1", unit="urn:iso:std:iso:4217:USD"),
                            constraint("unitOfCount", "eq", {"@id": "lx:perSecond"}),
                        ],
                    }
                }
            ]
        ),
        "invalid_decimal",
        "/policy/permission/0/duty/0",
    ),
    "a platform that is not there": (
        permission(assignee=f"assent:{show('plt', new_id())}"),
        "not_found",
        "",
    ),
}


@pytest.mark.parametrize(("policy", "code", "pointer"), REFUSED.values(), ids=REFUSED)
def test_what_a_rule_may_not_say_is_refused_where_the_policy_says_it(
    client: ApiClient, studio: Studio, policy: Json, code: str, pointer: str
) -> None:
    said = {"policy": policy, "holder": studio.holder.shown_id}
    status = 404 if code == "not_found" else 422
    problem = assert_problem(client.post("/consent-rules/import", said), status)
    if pointer:
        assert [(f["code"], f["pointer"]) for f in problem["errors"]] == [(code, pointer)]
    else:
        assert problem["code"] == code
    assert not ConsentRule.objects.exists()


def test_where_it_is_to_hold_is_ones_own(client: ApiClient, studio: Studio) -> None:
    other = build_studio()
    theirs = build_subject(other.holder)
    for said, status, code in (
        ({"subject": theirs.shown_id}, 404, "not_found"),
        ({"holder": other.holder.shown_id}, 404, "not_found"),
        (
            {
                "subject": build_subject(studio.holder).shown_id,
                "property": build_property(studio.holder).shown_id,
            },
            422,
            "one_scope",
        ),
    ):
        answer = client.post("/consent-rules/import", {"policy": permission(), **said})
        assert_problem(answer, status, code)
    # The target of a stranger is as unknown as one that nobody has.
    strangers, nobodys = (
        client.post("/consent-rules/import", {"policy": permission(target=f"assent:{target}")})
        for target in (theirs.shown_id, show("chr", new_id()))
    )
    told = [assert_problem(answer, 422, "which_target") for answer in (strangers, nobodys)]
    assert told[0]["errors"] == told[1]["errors"]
    # And so is a platform of the other mode.
    mine = build_subject(studio.holder).shown_id
    for platform in (build_generator(mode="live").platform.shown_id, show("plt", new_id())):
        policy = permission(target=f"assent:{mine}", assignee=f"assent:{platform}")
        answer = client.post("/consent-rules/import", {"policy": policy})
        assert_problem(answer, 404, "not_found")
    assert_problem(client.post("/consent-rules/import", {"policy": "x"}), 400, "not_an_object")


def test_a_reader_exports_and_only_an_editor_imports(studio: Studio) -> None:
    rule = publish_rule(studio)
    reader = ApiClient(with_scopes(studio.actor, "consent:read"))
    assert exported(reader, rule)["format"] == "odrl"
    answer = reader.post("/consent-rules/import", {"policy": permission()})
    assert_problem(answer, 403, "scope_missing")
    engineer = ApiClient(build_generator().actor)
    assert_problem(engineer.get(f"/consent-rules/{rule.shown_id}/export"), 403, "scope_missing")
    stranger = ApiClient(build_studio().actor)
    assert_problem(stranger.get(f"/consent-rules/{rule.shown_id}/export"), 404, "not_found")


def test_the_published_example_is_a_policy_that_is_read(client: ApiClient, studio: Studio) -> None:
    (draft,) = imported(client, copy.deepcopy(examples.POLICY), holder=studio.holder.shown_id)
    assert draft["latest"]["body"] == examples.BODY

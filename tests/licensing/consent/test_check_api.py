"""A platform asks over the API, and everything that is wrong to ask."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.db import connection

from ledger.ids import new_id, show
from licensing.catalog.models import Subject
from licensing.consent import rules
from licensing.consent.models import ApprovalRequest, ConsentCheck
from licensing.consent.windows.answers import CheckShape
from licensing.consent.windows.asking import MOST_CHECKS
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_house, build_ownership, build_subject, with_scopes
from tests.licensing.consent.builders import (
    Generator,
    Studio,
    build_generator,
    build_studio,
    draft_rule,
    publish_rule,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    return build_studio()


@pytest.fixture
def generator() -> Generator:
    return build_generator()


@pytest.fixture
def hero(studio: Studio) -> Subject:
    return build_subject(studio.holder)


@pytest.fixture
def client(generator: Generator) -> ApiClient:
    return ApiClient(generator.actor)


def clip(hero: Subject, **said: Any) -> dict[str, Any]:
    return {"subjects": [hero.shown_id], "action": "generate_video", **said}


def test_an_allow_is_answered_whole_and_can_be_read_again(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio, price={"amount": "0.0004", "currency": "USD", "per": "second"})
    answer = client.post("/consent-checks", clip(hero, territory="US", content={"codes": []}))
    assert answer.status_code == 201
    said = answer.json()
    assert set(said) == set(CheckShape().fields)
    assert said["outcome"] == "allow"
    assert said["receipt"].count(".") == 2
    assert said["facts"] == {"territory": "US", "content": {"codes": []}}
    assert said["price"]["parts"] == [{"amount": "0.0004", "currency": "USD", "per": "second"}]
    assert client.get(f"/consent-checks/{said['id']}").json() == said
    assert client.get("/consent-checks", {"outcome": "allow"}).json()["data"] == [said]
    assert client.get("/consent-checks", {"outcome": "deny"}).json()["data"] == []


def test_a_receipt_is_for_as_many_generations_as_were_asked_for(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio)
    for body, generations in (({}, 1), ({"generations": 4}, 4), ({"generations": 100}, 100)):
        said = client.post("/consent-checks", clip(hero, **body)).json()
        assert said["generations"] == generations
        assert "generations" not in said["facts"]
        assert claims_of(said["receipt"])["generations"] == generations
    refused = client.post("/consent-checks", clip(build_subject(studio.holder), generations=3))
    assert refused.json()["generations"] == 3


def claims_of(receipt: str) -> dict[str, Any]:
    payload = receipt.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=="))
    return claims


def test_a_refusal_tells_the_smallest_changes(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio, territories={"except": ["DE"]}, content={"violence": "mild"})
    said = client.post(
        "/consent-checks", clip(hero, territory="DE", content={"violence": "mild"})
    ).json()
    assert said["outcome"] == "deny"
    assert said["receipt"] is None
    assert [one["sentence"] for one in said["would_allow"]] == [
        "Allowed if the territory were not Germany."
    ]
    both = client.post(
        "/consent-checks", clip(hero, territory="DE", content={"violence": "strong"})
    ).json()
    assert both["would_allow"][0]["changes"] == [
        {"fact": "territory", "relation": "none_of", "values": ["DE"]},
        {"fact": "violence", "relation": "at_most", "values": ["mild"]},
    ]
    # Each is as wide as the other leaves it: of what is denied there, no more is given up.
    publish_rule(studio, effect="deny", territories={"only": ["US"]}, purposes=["parody"])
    three = client.post(
        "/consent-checks",
        clip(hero, territory="DE", purpose="parody", content={"violence": "strong"}),
    ).json()
    assert [one["sentence"] for one in three["would_allow"]] == [
        "Allowed if the territory were not Germany or the United States and violence were at most "
        "mild."
    ]


def test_a_language_is_the_same_however_its_tag_is_spelled(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio)
    publish_rule(studio, effect="deny", languages=["pt-br", "zh-Hant"])
    for tag, outcome in (
        ("pt-BR", "deny"),
        ("pt-bR", "deny"),
        ("zh-hant", "deny"),
        ("pt", "allow"),
    ):
        said = client.post("/consent-checks", clip(hero, language=tag)).json()
        assert said["outcome"] == outcome, tag


def test_a_repeat_with_its_key_has_one_effect_and_the_same_answer(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio)
    first = client.post("/consent-checks", clip(hero), key="k-1")
    again = client.post("/consent-checks", clip(hero), key="k-1")
    assert first.content == again.content
    assert ConsentCheck.objects.count() == 1


BAD: dict[str, tuple[dict[str, Any], int, str]] = {
    "an unknown subject": ({"subjects": [show("chr", new_id())]}, 404, "not_found"),
    "a subject that is no id": ({"subjects": ["chr_1e3"]}, 404, "not_found"),
    "no subject": ({"subjects": []}, 422, "min_length"),
    "subjects that are none": ({"subjects": None}, 422, "null"),
    "21 subjects": ({"subjects": [show("chr", new_id()) for _ in range(21)]}, 422, "max_length"),
    "an unknown action": ({"action": "steal"}, 422, "unknown_name"),
    "an action in capitals": ({"action": "TRAIN"}, 422, "unknown_name"),
    "an action that is a number": ({"action": 1}, 422, "unknown_name"),
    "an unknown content code": ({"content": {"codes": ["cats"]}}, 422, "unknown_name"),
    "a content code twice": ({"content": {"codes": ["gore", "gore"]}}, 422, "twice"),
    "an unknown level": ({"content": {"violence": "some"}}, 422, "unknown_name"),
    "an unknown axis": ({"content": {"fun": "mild"}}, 400, "unknown_field"),
    "the territory UK": ({"territory": "UK"}, 422, "unknown_territory"),
    "the territory XX": ({"territory": "XX"}, 422, "unknown_territory"),
    "a territory in small letters": ({"territory": "us"}, 422, "unknown_territory"),
    "a time of the client's": ({"at": "2026-10-01T12:00:00Z"}, 400, "unknown_field"),
    "a platform of the client's": ({"platform": "plt_x"}, 400, "unknown_field"),
    "seconds in a string": ({"duration_seconds": "8"}, 422, "invalid"),
    "seconds of 1.0": ({"duration_seconds": 1.0}, 422, "invalid"),
    "negative seconds": ({"duration_seconds": -1}, 422, "min_value"),
    "a true age": ({"user": {"age": True}}, 422, "invalid"),
    "an age of 151": ({"depicted_age": 151}, 422, "max_value"),
    "no generation": ({"generations": 0}, 422, "min_value"),
    "101 generations": ({"generations": 101}, 422, "max_value"),
    "generations in a string": ({"generations": "2"}, 422, "invalid"),
    "generations of 1.0": ({"generations": 1.0}, 422, "invalid"),
    "no number of generations": ({"generations": None}, 422, "null"),
    "17 parents": ({"parents": [f"g-{n}" for n in range(17)]}, 422, "max_length"),
    "depth without parents": ({"parents": [], "remix_depth": 2}, 422, "contradiction"),
    "a model that is a pattern": ({"model": ".*"}, 422, "bad_name"),
    "a language that is none": ({"language": "English"}, 422, "bad_name"),
    "a prompt over 64 KB": ({"prompt": "x" * 65_537}, 413, "too_large"),
    "an unknown co-subject": ({"co_subjects": [show("chr", new_id())]}, 404, "not_found"),
    "an empty preview": ({"preview": {}}, 422, "preview_empty"),
    "a preview that is a text": ({"preview": "a fox"}, 422, "invalid"),
    "a preview of blanks": ({"preview": {"text": "  "}}, 422, "blank"),
    "a preview too long": ({"preview": {"text": "x" * 2_001}}, 422, "max_length"),
    "a picture in a preview": ({"preview": {"image": "x"}}, 400, "unknown_field"),
    **{
        f"a preview at {address}": ({"preview": {"url": address}}, 422, "bad_address")
        for address in (
            "http://reel.example/1",
            "javascript:alert(1)",
            "https://",
            "https://user@reel.example/",
            "https://reel.example\\@evil.example/",
            "https://reel.example:99999/",
            "https://[::1",
            "https://reel.example/a b",
            "https://r\u0435el.example/",
            "//reel.example/1",
        )
    },
}


@pytest.mark.parametrize("case", BAD.values(), ids=BAD)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(
    client: ApiClient, studio: Studio, hero: Subject, case: tuple[dict[str, Any], int, str]
) -> None:
    change, status, code = case
    publish_rule(studio)
    assert_problem(client.post("/consent-checks", clip(hero) | change), status, code)
    assert not ConsentCheck.objects.exists()


def test_a_preview_is_kept_for_whoever_is_asked_and_otherwise_forgotten(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    preview = {"text": "Luna opens a shop.\nIt rains.", "url": "https://reel.example/p/7?a=1"}
    publish_rule(studio, actions=["generate_video"])
    allowed = client.post("/consent-checks", clip(hero, preview=preview)).json()
    assert allowed["outcome"] == "allow"
    assert "preview" not in ConsentCheck.objects.get().facts
    publish_rule(studio, effect="needs_approval", actions=["generate_image"])
    body = {**clip(hero, preview=preview), "action": "generate_image"}
    asked = client.post("/consent-checks", body).json()
    assert asked["outcome"] == "needs_approval"
    assert "preview" not in asked["facts"]
    (shown,) = ApiClient(studio.actor).get("/approvals").json()["data"]
    assert shown["preview"] == preview
    client.post("/consent-checks", {**body, "preview": {"text": "Luna sings."}})
    client.post("/consent-checks", {"subjects": body["subjects"], "action": "generate_image"})
    previews = [one["preview"] for one in ApiClient(studio.actor).get("/approvals").json()["data"]]
    assert previews == [None, {"text": "Luna sings."}, preview]


def test_a_subject_stands_once_in_a_request(client: ApiClient, hero: Subject) -> None:
    twice = clip(hero, subjects=[hero.shown_id, hero.shown_id])
    told = assert_problem(client.post("/consent-checks", twice), 422, "subject_twice")
    assert [fault["pointer"] for fault in told["errors"]] == ["/subjects/1"]
    beside = clip(hero, co_subjects=[hero.shown_id])
    told = assert_problem(
        client.post("/consent-checks/batch", {"checks": [clip(hero), beside]}), 422, "subject_twice"
    )
    assert [fault["pointer"] for fault in told["errors"]] == ["/checks/1/co_subjects/0"]


def test_of_two_rules_that_say_the_opposite_of_the_same_the_deny_wins(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    for effect in ("deny", "allow"):
        publish_rule(studio, effect=effect, subject=hero, territories={"only": ["US"]})
    said = client.post("/consent-checks", clip(hero, territory="US")).json()
    assert (said["outcome"], said["receipt"]) == ("deny", None)
    assert [reason["code"] for reason in said["reasons"]] == ["denied"]


@pytest.mark.django_db(transaction=True)
def test_rules_that_cannot_be_read_allow_nothing(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio)
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("LOCK TABLE consent_ruleversion IN ACCESS EXCLUSIVE MODE")
        answer = client.post("/consent-checks", clip(hero))
        assert_problem(answer, 503, "unavailable")
        assert int(answer["Retry-After"]) > 0
    finally:
        other.close()
        connection.close()
    assert not ConsentCheck.objects.exists()
    assert client.post("/consent-checks", clip(hero)).json()["outcome"] == "allow"


def test_unknown_and_foreign_things_look_the_same(client: ApiClient, hero: Subject) -> None:
    absent = clip(hero, subjects=[show("chr", new_id())])
    malformed = clip(hero, subjects=["chr_1e3"])
    answers = [client.post("/consent-checks", body).json() for body in (absent, malformed)]
    for answer in answers:
        del answer["request_id"]
    assert answers[0] == answers[1]


def test_a_test_key_may_not_ask_about_live_subjects(client: ApiClient) -> None:
    live = build_subject(build_studio(mode="live").holder)
    assert_problem(client.post("/consent-checks", clip(live)), 403, "mode_mismatch")


def test_only_a_platform_that_may_asks(studio: Studio, hero: Subject) -> None:
    assert_problem(
        ApiClient(studio.actor).post("/consent-checks", clip(hero)), 403, "scope_missing"
    )
    reader = with_scopes(build_generator().actor, "usage:read")
    assert_problem(ApiClient(reader).get("/consent-checks"), 403, "scope_missing")
    assert_problem(ApiClient().post("/consent-checks", clip(hero)), 401)


def test_a_batch_answers_each_in_order(client: ApiClient, studio: Studio, hero: Subject) -> None:
    publish_rule(studio, subject=hero)
    other = build_subject(studio.holder)
    answer = client.post("/consent-checks/batch", {"checks": [clip(other), clip(hero)]})
    assert answer.status_code == 201
    assert [one["outcome"] for one in answer.json()["checks"]] == ["deny", "allow"]


def test_a_batch_says_which_prompt_is_too_long(client: ApiClient, hero: Subject) -> None:
    checks = [clip(hero), clip(hero), clip(hero, prompt="x" * 65_537)]
    told = assert_problem(
        client.post("/consent-checks/batch", {"checks": checks}), 413, "too_large"
    )
    assert [fault["pointer"] for fault in told["errors"]] == ["/checks/2/prompt"]


def test_a_batch_is_read_as_a_whole(client: ApiClient, hero: Subject) -> None:
    bad = {"checks": [clip(hero), clip(hero, territory="UK")]}
    problem = assert_problem(client.post("/consent-checks/batch", bad), 422, "unknown_territory")
    assert problem["errors"][0]["pointer"] == "/checks/1/territory"
    many = {"checks": [clip(hero)] * (MOST_CHECKS + 1)}
    assert_problem(client.post("/consent-checks/batch", many), 422, "max_length")
    assert_problem(client.post("/consent-checks/batch", {"checks": []}), 422, "min_length")
    unknown = {"checks": [clip(hero), clip(hero, subjects=[show("chr", new_id())])]}
    assert_problem(client.post("/consent-checks/batch", unknown), 404, "not_found")
    assert not ConsentCheck.objects.exists()


def test_five_hundred_are_decided_in_one_go(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio)
    answer = client.post("/consent-checks/batch", {"checks": [clip(hero)] * MOST_CHECKS})
    assert answer.status_code == 201
    assert len({one["receipt"] for one in answer.json()["checks"]}) == MOST_CHECKS


def test_platforms_do_not_see_one_another_and_a_holder_sees_its_part(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    partner = build_studio()
    friend = build_subject(partner.holder)
    publish_rule(studio, obligations={"watermark": True})
    publish_rule(partner, price={"amount": "1", "currency": "USD", "per": "generation"})
    both = clip(hero, subjects=[hero.shown_id, friend.shown_id])
    said = client.post("/consent-checks", both).json()
    path = f"/consent-checks/{said['id']}"
    assert_problem(ApiClient(build_generator().actor).get(path), 404, "not_found")
    assert_problem(ApiClient(build_studio().actor).get(path), 404, "not_found")
    seen = ApiClient(studio.actor).get(path).json()
    assert seen["subjects"] == [hero.shown_id]
    assert seen["receipt"] is None
    assert seen["price"]["parts"] == []
    assert partner.holder.shown_id not in json.dumps(seen)
    whole = ApiClient(build_house().actor).get(path).json()
    assert whole == {**said, "receipt": None}


def test_a_holder_is_not_told_what_others_allow_elsewhere(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    abroad = build_studio()
    build_ownership(hero, {abroad.holder: 1}, territory="JP")
    publish_rule(studio, purposes=["news"], territories={"only": ["DE"]})
    publish_rule(abroad)
    said = client.post("/consent-checks", clip(hero, territory="DE", purpose="personal")).json()
    assert [one["sentence"] for one in said["would_allow"]] == [
        "Allowed if the purpose were news.",
        "Allowed if the territory were Japan.",
    ]
    seen = ApiClient(studio.actor).get(f"/consent-checks/{said['id']}").json()
    assert [one["sentence"] for one in seen["would_allow"]] == ["Allowed if the purpose were news."]


def test_what_needs_approval_waits_for_every_holder_that_wants_to_be_asked(
    client: ApiClient, studio: Studio
) -> None:
    partner = build_studio()
    shared = build_subject(studio.holder, owners={studio.holder: 1, partner.holder: 1})
    for house in (studio, partner):
        publish_rule(house, effect="needs_approval", obligations={"watermark": True})
    said = client.post("/consent-checks", clip(shared, territory="US", generations=3)).json()
    assert said["outcome"] == "needs_approval"
    assert said["receipt"] is None
    first, second = ApiClient(studio.actor), ApiClient(partner.actor)
    (mine,) = first.get("/approvals", {"state": "open"}).json()["data"]
    assert mine["facts"] == {"territory": "US"}
    (theirs,) = second.get("/approvals").json()["data"]
    assert_problem(first.post(f"/approvals/{theirs['id']}/approve"), 404, "not_found")
    assert first.post(f"/approvals/{mine['id']}/approve").json()["state"] == "approved"
    path = f"/consent-checks/{said['id']}"
    assert client.get(path).json()["granted_by"] is None
    assert second.post(f"/approvals/{theirs['id']}/approve").status_code == 200
    granted = client.get(f"/consent-checks/{client.get(path).json()['granted_by']}").json()
    assert granted["outcome"] == "allow"
    assert granted["obligations"] == {"watermark": True}
    assert granted["generations"] == mine["generations"] == 3
    assert claims_of(granted["receipt"])["generations"] == 3
    assert_problem(first.post(f"/approvals/{mine['id']}/refuse"), 409, "already_answered")


def test_a_refused_approval_gives_no_receipt(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio, effect="needs_approval")
    said = client.post("/consent-checks", clip(hero)).json()
    holder = ApiClient(studio.actor)
    (asked,) = said["approvals"]
    assert holder.post(f"/approvals/{asked['id']}/refuse").json()["state"] == "refused"
    assert_problem(holder.post(f"/approvals/{asked['id']}/approve"), 409, "already_answered")
    assert not ConsentCheck.objects.filter(outcome="allow").exists()


def test_an_approval_does_not_outweigh_what_was_forbidden_since(
    client: ApiClient, studio: Studio, hero: Subject
) -> None:
    publish_rule(studio, effect="needs_approval")
    said = client.post("/consent-checks", clip(hero)).json()
    publish_rule(studio, effect="deny")
    answer = ApiClient(studio.actor).post(f"/approvals/{said['approvals'][0]['id']}/approve")
    assert_problem(answer, 409, "no_longer_possible")
    assert ApprovalRequest.objects.get().state == "open"


def test_an_editor_may_not_answer_for_the_holder(client: ApiClient, studio: Studio) -> None:
    editor = with_scopes(studio.actor, "consent:read", "consent:write")
    assert_problem(
        ApiClient(editor).post(f"/approvals/{show('apr', new_id())}/approve"), 403, "scope_missing"
    )


def test_a_draft_says_nothing_yet(client: ApiClient, studio: Studio, hero: Subject) -> None:
    rule = draft_rule(studio)
    assert client.post("/consent-checks", clip(hero)).json()["outcome"] == "deny"
    rules.publish(actor=studio.actor, now=rule.created_at, rule=rule)
    assert client.post("/consent-checks", clip(hero)).json()["outcome"] == "allow"

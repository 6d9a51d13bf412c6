"""Members, keys and the trail over HTTP."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from config.web.models import IdempotentAnswer
from licensing.access.models import ApiKey, AuditRecord, Membership
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_actor, build_holder, build_house, with_scopes

pytestmark = pytest.mark.django_db


def read(response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.content[:500]
    body: dict[str, Any] = json.loads(response.content)
    return body


def with_secret(secret: str) -> ApiClient:
    client = ApiClient()
    client.secret = secret
    return client


def test_who_am_i() -> None:
    ann = build_holder("Lantern")
    assert ann.holder is not None
    me = read(ApiClient(ann.actor).get("/me"))
    assert me["username"] == ann.actor.label
    assert me["organisation"] == {
        "id": ann.organisation.shown_id, "name": "Lantern", "kind": "holder",
    }  # fmt: skip
    assert (me["role"], me["mode"]) == ("owner", "test")
    assert me["scopes"] == sorted(ann.actor.scopes)
    assert me["parties"] == [ann.holder.party_ref]
    assert me["key"].startswith("key_")
    assert me["person"].startswith("usr_")


def test_members_come_and_go() -> None:
    ann = build_holder()
    api = ApiClient(ann.actor)
    made = read(api.post("/members", {"username": "grace", "role": "editor"}), 201)
    assert [row["username"] for row in read(api.get("/members"))["data"]] == [
        "grace",
        ann.actor.label,
    ]
    ended = read(api.post(f"/members/{made['id']}/end", {}))
    assert ended["ended_at"]
    assert_problem(api.post(f"/members/{made['id']}/end", {}), 409, "membership_ended")
    own = Membership.objects.get(user__username=ann.actor.label)
    assert_problem(api.post(f"/members/{own.shown_id}/end", {}), 422, "last_owner")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"username": "grace", "role": "engineer"}, 422, "role_of_another_kind"),
        ({"username": "grace", "role": "king"}, 422, "invalid_choice"),
        ({"username": "gr ace", "role": "editor"}, 422, "bad_username"),
        ({"username": 7, "role": "editor"}, 422, "invalid"),
        ({"username": "grace", "role": "editor", "email": "no"}, 422, "invalid"),
        ({"username": "grace", "role": "editor", "is_staff": True}, 400, "unknown_field"),
        ({"username": "grace"}, 422, "required"),
    ],
)
def test_an_invitation_that_does_not_make_sense(
    body: dict[str, Any], status: int, code: str
) -> None:
    api = ApiClient(build_holder().actor)
    assert_problem(api.post("/members", body), status, code)
    assert Membership.objects.count() == 1


def test_a_member_who_is_ended_is_out_at_the_next_request() -> None:
    ann = build_holder()
    editor = build_actor(ann.organisation, "editor")
    theirs = ApiClient(editor)
    read(theirs.get("/me"))
    member = Membership.objects.get(user__username=editor.label)
    read(ApiClient(ann.actor).post(f"/members/{member.shown_id}/end", {}))
    refused = theirs.get("/me")
    assert_problem(refused, 401)
    assert refused["WWW-Authenticate"].startswith("Bearer")


class TestKeys:
    BODY = {"name": "render farm", "scopes": ["catalog:read"]}

    def test_the_secret_is_in_the_creating_answer_alone(self) -> None:
        api = ApiClient(build_holder().actor)
        made = read(api.post("/api-keys", self.BODY), 201)
        assert read(with_secret(made["secret"]).get("/me"))["scopes"] == ["catalog:read"]
        random = made["secret"].removeprefix("ak_test_")
        for answer in (api.get("/api-keys"), api.get(f"/api-keys/{made['id']}")):
            assert answer.status_code == 200
            assert random not in answer.content.decode()
            assert "secret" not in answer.content.decode()

    def test_a_repeated_request_makes_one_key_and_the_record_holds_no_secret(self) -> None:
        api = ApiClient(build_holder().actor)
        first = read(api.post("/api-keys", self.BODY, key="k-1"), 201)
        before = ApiKey.objects.count()
        again = api.post("/api-keys", self.BODY, key="k-1")
        assert read(again, 201) == {**first, "secret": None}
        assert again["Idempotent-Replayed"] == "true"
        assert ApiKey.objects.count() == before
        kept = bytes(IdempotentAnswer.objects.get(key="k-1").body)
        assert first["secret"].encode() not in kept
        rotated = read(api.post(f"/api-keys/{first['id']}/rotate", {}, key="k-2"), 201)
        assert rotated["secret"].encode() not in bytes(IdempotentAnswer.objects.get(key="k-2").body)

    def test_a_revoked_key_is_refused_at_the_next_request(self) -> None:
        api = ApiClient(build_holder().actor)
        made = read(api.post("/api-keys", self.BODY), 201)
        other = with_secret(made["secret"])
        read(other.get("/me"))
        assert read(api.post(f"/api-keys/{made['id']}/revoke", {}))["revoked_at"]
        assert_problem(other.get("/me"), 401)
        assert_problem(api.post(f"/api-keys/{made['id']}/rotate", {}), 409, "key_not_in_force")

    def test_both_keys_work_during_a_rotation(self) -> None:
        api = ApiClient(build_holder().actor)
        old = read(api.post("/api-keys", self.BODY), 201)
        until = (timezone.now() + timedelta(days=2)).isoformat()
        new = read(api.post(f"/api-keys/{old['id']}/rotate", {"old_key_until": until}), 201)
        assert new["replaces"] == old["id"]
        for secret in (old["secret"], new["secret"]):
            read(with_secret(secret).get("/me"))
        assert_problem(api.post(f"/api-keys/{new['id']}/rotate", {}), 409, "rotation_under_way")
        late = (timezone.now() + timedelta(days=8)).isoformat()
        fresh = read(api.post("/api-keys", self.BODY), 201)
        assert_problem(
            api.post(f"/api-keys/{fresh['id']}/rotate", {"old_key_until": late}),
            422,
            "bad_overlap",
        )

    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            ({"name": "x", "scopes": ["payouts:approve"]}, 422, "scope_beyond_role"),
            ({"name": "x", "scopes": ["all"]}, 422, "unknown_scope"),
            ({"name": "x", "scopes": []}, 422, "empty"),
            ({"name": "x", "scopes": ["catalog:read", "catalog:read"]}, 422, "bad_scopes"),
            ({"name": "x", "scopes": "catalog:read"}, 422, "not_a_list"),
            ({"name": " ", "scopes": ["catalog:read"]}, 422, "blank"),
            ({**BODY, "expires_at": "2020-01-01T00:00:00Z"}, 422, "bad_expiry"),
            ({**BODY, "expires_at": "2030-01-01T00:00:00"}, 422, "invalid_time"),
            ({**BODY, "user": "usr_00000000000000000000000000"}, 400, "unknown_field"),
            ({**BODY, "secret": "ak_test_mine"}, 400, "unknown_field"),
        ],
    )
    def test_a_key_that_does_not_make_sense(
        self, body: dict[str, Any], status: int, code: str
    ) -> None:
        api = ApiClient(build_holder().actor)
        assert_problem(api.post("/api-keys", body), status, code)
        assert ApiKey.objects.count() == 1

    def test_a_key_cannot_make_a_larger_one(self) -> None:
        small = ApiClient(with_scopes(build_holder().actor, "keys:write", "catalog:read"))
        read(small.post("/api-keys", self.BODY), 201)
        body = {"name": "x", "scopes": ["consent:publish"]}
        assert_problem(small.post("/api-keys", body), 403, "scope_missing")


def test_the_trail_is_narrowed_by_its_fields() -> None:
    ann = build_holder()
    api = ApiClient(ann.actor)
    began = timezone.now().isoformat()
    made = read(api.post("/api-keys", TestKeys.BODY), 201)
    read(api.post(f"/api-keys/{made['id']}/revoke", {}))
    ours = read(api.get("/audit-records", {"thing": made["id"]}))["data"]
    assert [row["verb"] for row in ours] == ["key.revoke", "key.issue"]
    assert ours[0]["organisation"] == ann.organisation.shown_id
    assert ours[0]["key"].startswith("key_")
    assert [
        len(read(api.get("/audit-records", query))["data"])
        for query in (
            {"verb": "key.revoke"}, {"since": began}, {"until": "2026-01-01T00:00:00Z"},
            {"person": ours[0]["person"]}, {"request_id": ours[0]["request_id"]},
            {"organisation": build_holder().organisation.shown_id},
        )
    ] == [1, 2, 1, 2, 1, 0]  # fmt: skip
    assert_problem(api.get("/audit-records", {"since": "yesterday"}), 400, "bad_parameter")
    one = read(api.get(f"/audit-records/{ours[0]['id']}"))
    assert one == ours[0]


def test_the_house_reads_every_trail_of_its_mode_and_others_their_own() -> None:
    ann, bob, live = build_holder(), build_holder(), build_holder(mode="live")
    for household in (ann, bob, live):
        read(ApiClient(household.actor).post("/api-keys", TestKeys.BODY), 201)
    seen = {
        row["organisation"]
        for row in read(ApiClient(build_house(role="auditor").actor).get("/audit-records"))["data"]
    }
    assert {ann.organisation.shown_id, bob.organisation.shown_id} <= seen
    assert live.organisation.shown_id not in seen
    mine = read(ApiClient(ann.actor).get("/audit-records"))["data"]
    assert {row["organisation"] for row in mine} == {ann.organisation.shown_id}
    assert AuditRecord.objects.count() > len(mine)

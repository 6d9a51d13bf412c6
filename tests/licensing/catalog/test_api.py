"""The catalogue over HTTP: registering, owning, and what each kind of user is shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from licensing.access.models import AuditRecord, Organisation
from licensing.catalog.models import OwnershipStep, Property, RightsHolder, Subject
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import (
    Household,
    build_actor,
    build_holder,
    build_house,
    build_organisation,
    build_platform,
    build_property,
    build_subject,
)

pytestmark = pytest.mark.django_db
TOMORROW = (timezone.now() + timedelta(days=1)).date().isoformat()
YESTERDAY = (timezone.now() - timedelta(days=1)).date().isoformat()


def read(response: Any, status: int = 200) -> dict[str, Any]:
    assert response.status_code == status, response.content[:500]
    body: dict[str, Any] = json.loads(response.content)
    return body


def holder_of(household: Household) -> RightsHolder:
    assert household.holder is not None
    return household.holder


@pytest.fixture
def ann() -> Household:
    return build_holder("Ann")


@pytest.fixture
def luna(ann: Household) -> Subject:
    return build_subject(holder_of(ann), "Luna")


class TestHolders:
    def test_an_owner_registers_another_and_its_keys_see_it_at_once(self, ann: Household) -> None:
        api = ApiClient(ann.actor)
        made = read(api.post("/holders", {"name": "  Ann Two "}), 201)
        assert made["name"] == "Ann Two"
        assert made["organisation"] == ann.organisation.shown_id
        assert made["id"] in read(api.get("/me"))["parties"]
        assert [row["id"] for row in read(api.get("/holders"))["data"]] == [
            made["id"], holder_of(ann).shown_id,
        ]  # fmt: skip
        assert_problem(api.post("/holders", {"name": "Ann Two"}), 409, "holder_exists")
        assert AuditRecord.objects.get(thing=made["id"]).verb == "holder.register"

    def test_the_house_registers_one_with_its_organisation_or_in_one(self, ann: Household) -> None:
        api = ApiClient(build_house().actor)
        made = read(api.post("/holders", {"name": "Fox"}), 201)
        assert Organisation.objects.get(name="Fox").shown_id == made["organisation"]
        body = {"name": "Ann Two", "organisation": ann.organisation.shown_id}
        assert read(api.post("/holders", body), 201)["organisation"] == body["organisation"]
        platform = build_platform().organisation.shown_id
        assert_problem(
            api.post("/holders", {"name": "X", "organisation": platform}),
            422,
            "organisation_of_another_kind",
        )

    def test_neither_an_editor_nor_a_platform_does(self, ann: Household) -> None:
        for actor in (build_actor(ann.organisation, "editor"), build_platform().actor):
            assert_problem(ApiClient(actor).post("/holders", {"name": "X"}), 403, "scope_missing")


def test_platforms_are_there_to_be_named(ann: Household) -> None:
    clips, other = build_platform("Clips"), build_platform("Other")
    build_platform("Live", mode="live")
    assert {row["name"] for row in read(ApiClient(ann.actor).get("/platforms"))["data"]} == {
        "Clips", "Other",
    }  # fmt: skip
    own = read(ApiClient(clips.actor).get("/platforms"))["data"]
    assert [row["name"] for row in own] == ["Clips"]
    assert other.platform is not None
    one = read(ApiClient(ann.actor).get(f"/platforms/{other.platform.shown_id}"))
    assert set(one) == {"id", "name", "created_at"}


class TestProperties:
    def test_they_nest_eight_deep(self, ann: Household) -> None:
        api = ApiClient(ann.actor)
        body: dict[str, Any] = {"holder": holder_of(ann).shown_id, "name": "Part"}
        for depth in range(1, 9):
            made = read(api.post("/properties", body), 201)
            assert (made["depth"], made["parent"]) == (depth, body.get("parent"))
            body["parent"] = made["id"]
        assert_problem(api.post("/properties", body), 422, "property_too_deep")
        assert len(read(api.get("/properties", {"parent": made["parent"]}))["data"]) == 1
        assert read(api.get(f"/properties/{made['id']}")) == made

    def test_the_parent_is_the_same_holders(self, ann: Household) -> None:
        other = RightsHolder.objects.create(
            organisation=ann.organisation, name="Two", created_at=timezone.now()
        )
        theirs = build_property(other)
        body = {"holder": holder_of(ann).shown_id, "name": "P", "parent": theirs.shown_id}
        api = ApiClient(ann.actor)
        assert_problem(api.post("/properties", body), 422, "property_of_another_holder")

    def test_a_name_stands_once_in_a_place(self, ann: Household) -> None:
        api = ApiClient(ann.actor)
        body = {"holder": holder_of(ann).shown_id, "name": "Tales"}
        read(api.post("/properties", body), 201)
        assert_problem(api.post("/properties", body), 409, "property_exists")

    def test_another_name_is_given_to_what_was_seen(self, ann: Household) -> None:
        api = ApiClient(ann.actor)
        body = {"holder": holder_of(ann).shown_id, "name": "Tales"}
        made = api.post("/properties", body)
        path, seen = f"/properties/{read(made, 201)['id']}", made["ETag"]
        assert api.get(path)["ETag"] == seen
        assert_problem(api.patch(path, {"name": "Legends"}), 428, "if_match_missing")
        renamed = api.patch(path, {"name": " Legends "}, If_Match=seen)
        assert read(renamed)["name"] == "Legends"
        assert renamed["ETag"] == api.get(path)["ETag"] != seen
        assert_problem(api.patch(path, {"name": "Myths"}, If_Match=seen), 412, "stale")
        beside = api.post("/properties", {**body, "name": "Myths"})
        taken = api.patch(path, {"name": "Myths"}, If_Match=renamed["ETag"])
        assert assert_problem(taken, 409, "property_exists")["errors"][0]["pointer"] == "/name"
        for name in ("", "x" * 201, "a\u202eb", 7):
            assert_problem(api.patch(path, {"name": name}, If_Match=renamed["ETag"]), 422)
        for more in ({}, {"name": "Sagas", "parent": read(beside, 201)["id"]}):
            told = api.patch(path, more, If_Match=renamed["ETag"])
            assert told.status_code in (400, 422), told.content
        assert read(api.get(path))["name"] == "Legends"
        verbs = AuditRecord.objects.filter(thing=path.rpartition("/")[2]).values_list("verb")
        assert sorted(verbs) == [("property.create",), ("property.rename",)]

    def test_anothers_is_not_there_to_be_renamed(self, ann: Household) -> None:
        path = f"/properties/{build_property(holder_of(ann)).shown_id}"
        seen = ApiClient(ann.actor).get(path)["ETag"]
        stranger = ApiClient(build_holder("Bo").actor)
        assert_problem(stranger.patch(path, {"name": "Mine"}, If_Match=seen), 404, "not_found")
        platform = ApiClient(build_platform().actor)
        assert_problem(platform.patch(path, {"name": "Mine"}, If_Match=seen), 403, "scope_missing")


class TestSubjects:
    @pytest.mark.parametrize("kind", ["character", "likeness", "voice", "mark", "pet", "object"])
    def test_one_of_each_kind(self, ann: Household, kind: str) -> None:
        api = ApiClient(ann.actor)
        place = build_property(holder_of(ann))
        body = {
            "holder": holder_of(ann).shown_id, "name": " Lu\u0301na ", "kind": kind,
            "property": place.shown_id,
        }  # fmt: skip
        made = read(api.post("/subjects", body), 201)
        assert (made["name"], made["kind"], made["property"]) == ("L\u00fana", kind, place.shown_id)
        steps = read(api.get(f"/subjects/{made['id']}/ownership-steps"))["data"]
        assert [step["shares"] for step in steps] == [[{"holder": body["holder"], "share": "100"}]]

    def test_shared_from_the_beginning_even_in_the_past(self, ann: Household) -> None:
        bob = build_holder("Bob")
        body = {
            "holder": holder_of(ann).shown_id, "name": "Luna", "kind": "character",
            "effective_on": "2020-01-01",
            "shares": [
                {"holder": holder_of(ann).shown_id, "share": "2/3"},
                {"holder": holder_of(bob).shown_id, "share": "1/3"},
            ],
        }  # fmt: skip
        made = read(ApiClient(ann.actor).post("/subjects", body), 201)
        step = read(ApiClient(bob.actor).get("/ownerships", {"subject": made["id"]}))["data"][0]
        assert step["effective_on"] == "2020-01-01"
        assert sorted(share["share"] for share in step["shares"]) == ["1/3", "2/3"]

    @pytest.mark.parametrize("name", ["Luna", "LUNA", "Lun\u0430", "L\u200cuna"])
    def test_a_name_that_looks_like_anothers_is_refused(self, luna: Subject, name: str) -> None:
        bob = build_holder("Bob")
        body = {"holder": holder_of(bob).shown_id, "name": name, "kind": "character"}
        response = ApiClient(bob.actor).post("/subjects", body)
        problem = assert_problem(response, 409, "confusable_name")
        assert problem["errors"][0]["pointer"] == "/name"
        assert Subject.objects.count() == 1

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"kind": "robot"}, 422, "invalid_choice"),
            ({"name": ""}, 422, "blank"),
            ({"name": "\u200b"}, 422, "bad_name"),
            ({"name": "a\u202eb"}, 422, "bad_name"),
            ({"name": "x" * 201}, 422, "max_length"),
            ({"name": "a\u0000b"}, 400, "bad_text"),
            ({"name": 7}, 422, "invalid"),
            ({"owner": "me"}, 400, "unknown_field"),
            ({"shares": []}, 422, "min_length"),
            ({"effective_on": "2026-02-30"}, 422, "invalid_date"),
        ],
    )
    def test_a_subject_that_does_not_make_sense(
        self, ann: Household, change: dict[str, Any], status: int, code: str
    ) -> None:
        body = {"holder": holder_of(ann).shown_id, "name": "Luna", "kind": "character", **change}
        assert_problem(ApiClient(ann.actor).post("/subjects", body), status, code)
        assert not Subject.objects.exists()

    def test_a_platform_sees_what_it_has_to_name_and_no_more(self, luna: Subject) -> None:
        api = ApiClient(build_platform().actor)
        shown = {"id": luna.shown_id, "name": "Luna", "kind": "character"}
        assert read(api.get("/subjects"))["data"] == [shown]
        assert read(api.get(f"/subjects/{luna.shown_id}")) == shown
        assert read(api.get(f"/subjects/{luna.shown_id}/ownership-steps"))["data"] == []
        for path in ("/ownerships", "/holders", "/properties"):
            assert read(api.get(path))["data"] == []
        holder = luna.holder.shown_id
        assert_problem(api.get("/subjects", {"holder": holder}), 400, "bad_parameter")
        step = luna.ownership_steps.get().shown_id
        assert_problem(api.get(f"/ownerships/{step}"), 404, "not_found")

    def test_lists_are_narrowed_by_their_fields(self, ann: Household, luna: Subject) -> None:
        api = ApiClient(ann.actor)
        build_subject(holder_of(ann), "Sol", kind="pet")
        for query, names in (
            ({"kind": "pet"}, ["Sol"]),
            ({"name": "Luna"}, ["Luna"]),
            ({"holder": holder_of(ann).shown_id}, ["Sol", "Luna"]),
            ({"property": build_property(holder_of(ann)).shown_id}, []),
        ):
            assert [r["name"] for r in read(api.get("/subjects", query))["data"]] == names

    @pytest.mark.parametrize("reader", [build_house, build_platform, build_holder])
    def test_a_list_costs_the_same_however_long(
        self,
        reader: Callable[[], Household],
        django_assert_max_num_queries: Callable[[int], Any],
    ) -> None:
        household = reader()
        owner = household.holder or holder_of(build_holder())
        for _ in range(12):
            build_subject(owner)
        api = ApiClient(household.actor)
        api.get("/me")  # the note of the key's use
        for path, most in (("/subjects", 2), ("/ownerships", 4)):
            with django_assert_max_num_queries(most):
                read(api.get(path))


def half(ann: Household, **share: Any) -> list[dict[str, Any]]:
    return [{"holder": holder_of(ann).shown_id, "share": "50", **share}]


class TestOwnership:
    def test_thirds_in_one_territory(self, ann: Household, luna: Subject) -> None:
        owners = [ann, build_holder("Bob"), build_holder("Cleo")]
        body = {
            "territory": "GB", "effective_on": TOMORROW,
            "shares": [{"holder": holder_of(one).shown_id, "share": "1/3"} for one in owners],
        }  # fmt: skip
        api = ApiClient(ann.actor)
        made = read(api.post(f"/subjects/{luna.shown_id}/ownership-steps", body), 201)
        assert made["territory"] == "GB"
        assert {share["share"] for share in made["shares"]} == {"1/3"}
        assert read(api.get(f"/ownerships/{made['id']}")) == made
        assert [s["id"] for s in read(api.get("/ownerships", {"territory": "GB"}))["data"]] == [
            made["id"]
        ]

    @pytest.mark.parametrize(
        ("shares", "status", "code"),
        [
            (["99.99"], 422, "shares_not_whole"),
            (["60", "60"], 422, "shares_not_whole"),
            (["33.33", "33.33", "33.33"], 422, "shares_not_whole"),
            (["0", "100"], 422, "bad_share"),
            (["-10", "110"], 422, "bad_share"),
            (["100.1"], 422, "bad_share"),
            ([0.3333333333333333, "2/3"], 422, "bad_share"),
            ([100], 422, "bad_share"),
            ([None], 422, "null"),
            (["1e2"], 422, "bad_share"),
            ([], 422, "min_length"),
        ],
    )
    def test_shares_that_are_not_a_whole(
        self, ann: Household, luna: Subject, shares: list[Any], status: int, code: str
    ) -> None:
        owners = [ann, build_holder("Bob"), build_holder("Cleo")]
        body = {
            "effective_on": TOMORROW,
            "shares": [
                {"holder": holder_of(one).shown_id, "share": share}
                for one, share in zip(owners, shares, strict=False)
            ],
        }
        response = ApiClient(ann.actor).post(f"/subjects/{luna.shown_id}/ownership-steps", body)
        problem = assert_problem(response, status, code)
        assert problem["errors"][0]["pointer"].startswith("/shares")
        assert OwnershipStep.objects.count() == 1

    def test_an_owner_twice(self, ann: Household, luna: Subject) -> None:
        body = {"effective_on": TOMORROW, "shares": [*half(ann), *half(ann)]}
        response = ApiClient(ann.actor).post(f"/subjects/{luna.shown_id}/ownership-steps", body)
        assert_problem(response, 422, "owner_twice")

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"territory": "UK"}, 422, "unknown_territory"),
            ({"territory": "XX"}, 422, "unknown_territory"),
            ({"territory": "gb"}, 422, "unknown_territory"),
            ({"territory": 49}, 422, "invalid"),
            ({"effective_on": YESTERDAY}, 422, "retroactive"),
            ({"effective_on": "2025-01-01"}, 422, "retroactive"),
            ({"effective_on": "9999-12-31"}, 422, "invalid_date"),
            ({"effective_on": None}, 422, "null"),
            ({"recorded_at": "2026-01-01T00:00:00Z"}, 400, "unknown_field"),
            ({"shares": [{"holder": "hld_0", "share": "100"}]}, 404, "not_found"),
        ],
    )
    def test_a_step_that_does_not_make_sense(
        self, ann: Household, luna: Subject, change: dict[str, Any], status: int, code: str
    ) -> None:
        body = {"effective_on": TOMORROW, "shares": half(ann, share="100"), **change}
        response = ApiClient(ann.actor).post(f"/subjects/{luna.shown_id}/ownership-steps", body)
        assert_problem(response, status, code)
        assert OwnershipStep.objects.count() == 1

    def test_a_second_step_for_the_day_is_refused(self, ann: Household, luna: Subject) -> None:
        api = ApiClient(ann.actor)
        body = {"effective_on": TOMORROW, "shares": half(ann, share="100")}
        path = f"/subjects/{luna.shown_id}/ownership-steps"
        first = read(api.post(path, body, key="once"), 201)
        assert read(api.post(path, body, key="once"), 201) == first
        assert_problem(api.post(path, body, key="twice"), 409, "ownership_step_exists")

    def test_a_co_owner_sees_it_and_does_not_change_it(self, ann: Household) -> None:
        bob = build_holder("Bob")
        shared = build_subject(holder_of(ann), "Sol", owners={holder_of(ann): 1, holder_of(bob): 1})
        api = ApiClient(bob.actor)
        assert read(api.get(f"/subjects/{shared.shown_id}"))["name"] == "Sol"
        body = {"effective_on": TOMORROW, "shares": half(bob, share="100")}
        assert_problem(
            api.post(f"/subjects/{shared.shown_id}/ownership-steps", body),
            403,
            "not_the_registrant",
        )


class TestPlaces:
    def test_the_database_keeps_properties_in_their_place(self, ann: Household) -> None:
        top = build_property(holder_of(ann))
        child = build_property(holder_of(ann), parent=top)
        grandchild = build_property(holder_of(ann), parent=child)
        assert [p.depth for p in (top, child, grandchild)] == [1, 2, 3]
        stranger = holder_of(build_holder())
        for rows, change, constraint in (
            (top, {"parent": grandchild}, "property_depth_bounded"),
            (child, {"parent": grandchild}, "property_fits_its_parent"),
            (child, {"parent": child}, "property"),
            (child, {"depth": 3}, "property_fits_its_parent"),
            (grandchild, {"holder": stranger}, "property_fits_its_parent"),
            (child, {"depth": 9}, "property_depth_bounded"),
        ):
            with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
                Property.objects.filter(pk=rows.pk).update(**change)
        with pytest.raises(IntegrityError, match="subject_fits_its_property"), transaction.atomic():
            build_subject(stranger, property=top)


def test_a_house_member_of_the_other_mode_sees_nothing(luna: Subject) -> None:
    api = ApiClient(build_house(mode="live").actor)
    for path in ("/subjects", "/holders", "/platforms", "/properties", "/ownerships"):
        assert read(api.get(path))["data"] == []
    assert build_organisation("house").mode == "test"
    assert_problem(api.get(f"/subjects/{luna.shown_id}"), 404, "not_found")

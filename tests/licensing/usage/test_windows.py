"""Who sees which generations and batches, over the API and in the admin."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from licensing.access.models import User
from licensing.usage.lines import Line
from licensing.usage.models import Generation, Medium
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_holder, build_house, build_platform, with_scopes
from tests.licensing.usage.builders import a_subject, build_receipt, report, send, the, upload

pytestmark = pytest.mark.django_db


def external_ids(api: ApiClient, query: dict[str, str] | None = None) -> list[str]:
    return [one["external_id"] for one in api.get("/generations", query).json()["data"]]


def test_a_report_over_the_api_and_its_repeat() -> None:
    holder, clips = build_holder(), build_platform()
    luna = a_subject(holder)
    api = ApiClient(clips.actor)
    said = report(
        luna, external_id="g-1", medium="video", seconds=8, parents=["g-0"], metadata={"a": [1]}
    )
    first = api.post("/generations", said)
    assert first.status_code == 201
    kept = first.json()
    assert {name: kept[name] for name in ("external_id", "seconds", "parents", "metadata")} == {
        "external_id": "g-1",
        "seconds": 8,
        "parents": ["g-0"],
        "metadata": {"a": [1]},
    }
    assert kept["subjects"] == [{"id": luna.shown_id, "weight": 1}]
    assert (kept["licensed"], kept["unlicensed_reason"]) == (False, "no_receipt")
    again = api.post("/generations", said)
    assert again.status_code == 200
    assert again.content == first.content
    assert api.get(f"/generations/{kept['id']}").json() == kept
    assert_problem(api.post("/generations", {**said, "seconds": 9}), 409, "generation_differs")


def test_a_keyed_report_has_one_effect() -> None:
    clips, luna = build_platform(), a_subject()
    api = ApiClient(clips.actor)
    said = report(luna)
    first = api.post("/generations", said, key="k")
    again = api.post("/generations", said, key="k")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert Generation.objects.count() == 1


def test_a_platform_sees_its_own_a_holder_its_subjects_the_house_all_of_its_mode() -> None:
    studio, agency, live = build_holder(), build_holder(), build_holder(mode="live")
    clips, reels, real = build_platform(), build_platform(), build_platform(mode="live")
    luna, milo = a_subject(studio), a_subject(agency)
    send(clips.actor, report(luna, external_id="clips-luna", metadata={"secret": 1}))
    both = report([luna, milo], external_id="reels-both")
    batch = upload(reels.actor, [both]).batch
    hidden = send(real.actor, report(a_subject(live), external_id="live")).generation
    seen = {
        name: external_ids(ApiClient(household.actor))
        for name, household in {
            "clips": clips, "reels": reels, "studio": studio, "agency": agency,
            "live": live, "house": build_house(), "live house": build_house(mode="live"),
        }.items()
    }  # fmt: skip
    assert seen == {
        "clips": ["clips-luna"],
        "reels": ["reels-both"],
        "studio": ["reels-both", "clips-luna"],
        "agency": ["reels-both"],
        "live": ["live"],
        "house": ["reels-both", "clips-luna"],
        "live house": ["live"],
    }
    for holder, subject in ((studio, luna), (agency, milo)):
        shown = ApiClient(holder.actor).get("/generations").json()["data"][0]
        assert shown["subjects"] == [{"id": subject.shown_id, "weight": 1}]
        assert shown["metadata"] is None
    api = ApiClient(clips.actor)
    for path in (
        f"/generations/{hidden.shown_id}",
        f"/generations/{Generation.objects.get(external_id='reels-both').shown_id}",
        f"/generation-batches/{batch.shown_id}",
        "/generations/1e3",
        "/generations/%00",
        "/generation-batches/" + "9" * 5000,
    ):
        assert_problem(api.get(path), 404, "not_found")
    assert ApiClient(studio.actor).get("/generation-batches").json()["data"] == []


def test_lists_are_narrowed_and_paged() -> None:
    clips, other, luna = build_platform(), build_platform(), a_subject()
    receipt = build_receipt(the(clips), [luna])
    batch = upload(
        clips.actor,
        [report(luna, external_id=f"g{n}", receipt=receipt if n == 1 else None) for n in range(3)],
    ).batch
    send(clips.actor, report(luna, external_id="single"))
    send(other.actor, report(luna, external_id="other"))
    api = ApiClient(clips.actor)
    assert external_ids(api, {"batch": batch.shown_id}) == ["g2", "g1", "g0"]
    assert external_ids(api, {"external_id": "g0"}) == ["g0"]
    assert external_ids(api, {"licensed": "true"}) == ["g1"]
    assert external_ids(api, {"licensed": "false"}) == ["single", "g2", "g0"]
    house = ApiClient(build_house().actor)
    assert external_ids(house, {"platform": the(other).shown_id}) == ["other"]
    page = api.get("/generations", {"limit": "3"}).json()
    assert [one["external_id"] for one in page["data"]] == ["single", "g2", "g1"]
    assert external_ids(api, {"limit": "3", "cursor": page["next"]}) == ["g0"]
    for query in ({"licensed": "1"}, {"batch": "x"}, {"external_id": ""}, {"colour": "red"}):
        assert_problem(api.get("/generations", query), 400, "bad_parameter")


def test_reading_and_writing_need_their_scopes() -> None:
    clips, luna = build_platform(), a_subject()
    reader = ApiClient(with_scopes(clips.actor, "usage:read"))
    writer = ApiClient(with_scopes(clips.actor, "usage:write"))
    said = report(luna)
    assert_problem(reader.post("/generations", said), 403, "scope_missing")
    assert_problem(writer.get("/generations"), 403, "scope_missing")
    assert writer.post("/generations", said).status_code == 201
    assert len(external_ids(reader)) == 1
    assert_problem(ApiClient().get("/generations"), 401)
    house = build_house()
    assert_problem(ApiClient(house.actor).post("/generations", said), 403, "scope_missing")


def test_a_list_takes_no_more_queries_for_more_rows() -> None:
    clips, luna = build_platform(), a_subject()
    api = ApiClient(clips.actor)
    api.get("/generations")
    counts = []
    for n in range(2):
        upload(clips.actor, [report(luna, parents=[f"p{n}"]) for _ in range(1 + n * 20)])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            api.get("/generations")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.fixture
def staff() -> Client:
    User.objects.create_superuser(username="root", password=None)
    client = Client()
    client.force_login(User.objects.get(username="root"))
    return client


def test_the_admin_finds_everything_and_changes_nothing(staff: Client) -> None:
    clips, luna = build_platform(), a_subject()
    batch = upload(
        clips.actor, [report(luna, external_id="here", parents=["not-yet"]), report(luna)]
    ).batch
    kept = Generation.objects.get(external_id="here")
    for term in ("here", kept.shown_id, batch.shown_id):
        page = staff.get("/admin/usage/generation/", {"q": term})
        assert kept.shown_id in page.content.decode()
    assert kept.shown_id not in staff.get("/admin/usage/generation/", {"q": "no"}).content.decode()
    for term in (batch.shown_id, the(clips).name, ""):
        assert batch.shown_id in staff.get("/admin/usage/batch/", {"q": term}).content.decode()
    page = staff.get(f"/admin/usage/generation/{kept.pk}/change/")
    text = page.content.decode()
    assert page.status_code == 200
    assert f"{luna.name} x 1" in text
    assert "(not-yet)" in text
    assert staff.get(f"/admin/usage/batch/{batch.pk}/change/").status_code == 200
    for path in (
        "/admin/usage/generation/add/",
        f"/admin/usage/generation/{kept.pk}/delete/",
        f"/admin/usage/batch/{batch.pk}/delete/",
    ):
        assert staff.post(path, {"post": "yes"}).status_code == 403
    assert staff.post(f"/admin/usage/generation/{kept.pk}/change/", {}).status_code == 403


@pytest.mark.parametrize("table", ["generation", "batch"])
def test_the_admin_lists_take_no_more_queries_for_more_rows(staff: Client, table: str) -> None:
    luna = a_subject()
    counts = []
    staff.get(f"/admin/usage/{table}/")
    for turn in range(2):
        for _ in range(1 + turn * 5):
            upload(build_platform().actor, [report(luna) for _ in range(3)])
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(f"/admin/usage/{table}/").status_code == 200
        counts.append(len(queries))
        assert not any(
            'SELECT COUNT(*) AS "__count" FROM "usage_' in query["sql"] for query in queries
        )
    assert counts[0] == counts[1]


def test_a_line_names_the_mediums_there_are() -> None:
    assert set(get_args(get_type_hints(Line)["medium"])) == set(Medium.values)

"""The API's windows on settlement, from the start of a run to a holder who asks why."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from licensing.settlement.driving import drive
from licensing.settlement.models import Run
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_holder, build_subject
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import (
    NOW,
    Made,
    Studio,
    approve,
    build_batch,
    review,
    settle,
    start,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    return Studio()


def usage(studio: Studio, count: int = 4, **said: Any) -> Any:
    """A character with an agreement and some clips of October."""
    luna = studio.character("Luna")
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True, **said)] * count)
    return luna


def work(shown: str) -> None:
    """What the workers do meanwhile."""
    run = next(run for run in Run.objects.all() if run.shown_id == shown)
    drive(run_id=run.pk, clock=timezone.now)


def test_a_run_from_its_start_to_a_holders_earnings(studio: Studio) -> None:
    luna = usage(studio)
    preparer, approver = ApiClient(studio.finance.preparer), ApiClient(studio.finance.approver)
    body = {"platform": studio.platform.shown_id, "currency": "USD", "period": "2026-10"}
    started = preparer.post("/settlement-runs", body, key="october")
    assert started.status_code == 201
    run = started.json()
    assert (run["state"], run["period"], run["revision"]) == ("draft", "2026-10", 1)
    assert preparer.post("/settlement-runs", body, key="october").json() == run
    assert_problem(preparer.post("/settlement-runs", body), 409, "run_open")

    work(run["id"])
    seen = approver.get(f"/settlement-runs/{run['id']}").json()
    assert seen["state"] == "in_review"
    assert seen["total"] == {"amount": "0.008", "currency": "USD"}
    assert seen["progress"]["parts_done"] == seen["progress"]["parts"] == 1
    assert seen["progress"]["rows_done"] == 4
    assert [(row["payee"], row["amount"]["amount"]) for row in seen["review"]["payees"]] == [
        ("holder", "0.0068"),
        ("fee", "0.0012"),
    ]

    approval = {"content_hash": seen["content_hash"]}
    path = f"/settlement-runs/{run['id']}/approve"
    assert_problem(preparer.post(path, approval), 403, "scope_missing")
    assert_problem(approver.post(path, {"content_hash": "00" * 32}), 409, "run_changed")
    assert approver.post(path, approval, key="yes").json()["state"] == "approved"
    assert approver.post(path, approval, key="yes").json()["state"] == "approved"
    assert_problem(approver.post(path, approval), 409, "not_in_state")
    work(run["id"])
    assert approver.get(f"/settlement-runs/{run['id']}").json()["state"] == "posted"

    earnings = ApiClient(studio.holder.actor).get("/earnings").json()
    assert earnings["data"] == [
        {
            "holder": studio.owner.shown_id,
            "subject": luna.shown_id,
            "platform": studio.platform.shown_id,
            "month": "2026-10",
            "amount": {"amount": "0.0068", "currency": "USD"},
        }
    ]


def test_a_line_is_explained_down_to_its_generations(studio: Studio) -> None:
    luna = usage(studio, count=25)
    run = settle(studio)
    line = run.lines.get()
    told = ApiClient(studio.holder.actor).get(f"/explanations/{line.shown_id}").json()
    assert told["line"]["gross"] == "0.05"
    assert told["line"]["generations"] == 25
    assert told["clause"]["number"] == 1
    assert told["prices"] == [{"unit": "generation", "amount": "0.002"}]
    assert told["owners"] == [{"holder": studio.owner.shown_id, "share": "100"}]
    assert [batch["count"] for batch in told["batches"]] == [25]
    assert len(told["generations"]) == 20
    assert {each["gross"] for each in told["generations"]} == {"0.002"}
    assert {each["entitlement"] for each in told["generations"]} == {10**8}
    # A holder is told of its own entry, finance of the fee's too.
    assert told["entries"] == [f"settlement:{run.shown_id}:2"]
    both = ApiClient(studio.finance.preparer).get(f"/explanations/{line.shown_id}").json()
    assert len(both["entries"]) == 2
    assert told["line"]["subject"] == luna.shown_id


def test_an_inherited_line_is_explained_by_the_remixes(studio: Studio) -> None:
    luna, milo = studio.character("Luna"), studio.character("Milo")
    build_agreement(studio.platform, studio.owner)
    build_batch(
        studio.platform,
        [
            Made(subjects=luna, licensed=True, name="first"),
            Made(subjects=milo, licensed=True, name="remix", parents=["first"]),
        ],
    )
    run = settle(studio)
    line = run.lines.get(basis="inherited")
    told = ApiClient(studio.holder.actor).get(f"/explanations/{line.shown_id}").json()
    assert [each["external_id"] for each in told["generations"]] == ["remix"]
    assert told["generations"][0]["entitlement"] == 10_000_000
    assert told["line"]["origin"] == milo.shown_id
    assert told["line"]["gross"] == told["generations"][0]["gross"] == "0.0002"


def test_a_holder_sees_only_what_is_its_own_and_posted(studio: Studio) -> None:
    usage(studio)
    run = review(studio)
    line = run.lines.get()
    owner, other = ApiClient(studio.holder.actor), ApiClient(build_holder().actor)
    assert_problem(owner.get(f"/explanations/{line.shown_id}"), 404, "not_found")
    assert owner.get("/earnings").json()["data"] == []
    assert owner.get("/royalty-lines").json()["data"] == []
    settled = settle(Studio(holder=studio.holder, finance=studio.finance))
    assert settled.total.amount == 0
    approve(studio, run)
    assert owner.get(f"/explanations/{line.shown_id}").status_code == 200
    assert_problem(other.get(f"/explanations/{line.shown_id}"), 404, "not_found")
    assert other.get("/earnings").json()["data"] == []
    assert other.get("/royalty-lines").json()["data"] == []
    mine = owner.get("/royalty-lines", {"platform": studio.platform.shown_id}).json()["data"]
    assert [found["id"] for found in mine] == [line.shown_id]
    assert owner.get("/royalty-lines", {"service_day": "2026-10-11"}).json()["data"] == []
    house = ApiClient(studio.finance.approver).get("/earnings").json()["data"]
    assert len(house) == 1


def test_lines_and_shares_are_listed_with_usage_that_earns_nothing(studio: Studio) -> None:
    usage(studio)
    stranger = build_holder()
    assert stranger.holder is not None
    nobodys = build_subject(stranger.holder, "Nobody's")
    build_batch(
        studio.platform,
        [Made(subjects=nobodys), Made(subjects=studio.character(), medium="3d")],
    )
    run = review(studio)
    client = ApiClient(studio.finance.preparer)
    lines = client.get(f"/settlement-runs/{run.shown_id}/lines").json()["data"]
    assert sorted(line["code"] for line in lines) == ["no_agreement", "ok", "unpriced"]
    odd = client.get(f"/settlement-runs/{run.shown_id}/lines", {"code": "no_agreement"}).json()
    assert [line["subject"] for line in odd["data"]] == [nobodys.shown_id]
    assert odd["data"][0]["gross"] == "0"
    shares = client.get(f"/settlement-runs/{run.shown_id}/shares").json()["data"]
    assert sorted(share["payee"] for share in shares) == ["fee", "holder"]
    told = client.get(f"/settlement-runs/{run.shown_id}").json()["review"]["anomalies"]
    assert {(row["code"], row["generations"]) for row in told} == {
        ("no_agreement", 1),
        ("unpriced", 1),
    }


def test_a_review_tells_the_change_to_the_run_before(studio: Studio) -> None:
    usage(studio)
    first = settle(studio)
    build_batch(studio.platform, [])
    second = review(studio, now=NOW + timedelta(days=1))
    client = ApiClient(studio.finance.preparer)
    told = client.get(f"/settlement-runs/{second.shown_id}").json()["review"]["previous"]
    assert told["run"] == first.shown_id
    assert told["change"] == {"amount": "-0.008", "currency": "USD"}


def test_a_run_is_cancelled_over_the_api_and_started_again(studio: Studio) -> None:
    run = start(studio)
    client = ApiClient(studio.finance.preparer)
    path = f"/settlement-runs/{run.shown_id}"
    assert client.post(f"{path}/cancel", {}).json()["state"] == "cancelled"
    assert client.post(f"{path}/cancel", {}).json()["state"] == "cancelled"
    assert_problem(client.post(f"{path}/resume", {}), 409, "not_in_state")
    runs = client.get("/settlement-runs", {"state": "cancelled"}).json()["data"]
    assert [found["id"] for found in runs] == [run.shown_id]


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"period": "2026-13"}, 422, "bad_period"),
        ({"period": "2026-1"}, 422, "bad_period"),
        ({"period": "2026-10-01"}, 422, "bad_period"),
        ({"period": "２０２６-10"}, 422, "bad_period"),
        ({"period": 202610}, 422, "bad_period"),
        ({"period": "2199-01"}, 422, "future_period"),
        ({"currency": "usd"}, 422, "unknown_currency"),
        ({"platform": "plt_none"}, 404, "not_found"),
        ({"approved_by": "me"}, 400, "unknown_field"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(
    studio: Studio, said: dict[str, object], status: int, code: str
) -> None:
    body = {"platform": studio.platform.shown_id, "currency": "USD", "period": "2026-10", **said}
    response = ApiClient(studio.finance.preparer).post("/settlement-runs", body)
    assert_problem(response, status, code)
    assert not Run.objects.exists()


def test_an_agreement_that_would_price_settled_usage_anew_is_told_when_it_may_begin(
    studio: Studio,
) -> None:
    luna = usage(studio)
    settle(studio)
    finance = ApiClient(studio.finance.preparer)
    body = {
        "platform": studio.platform.shown_id,
        "holder": studio.owner.shown_id,
        "subject": luna.shown_id,
        "currency": "USD",
        "terms": {
            "effective_on": "2026-10-10",
            "fee_percent": "15",
            "remix_percent": "10",
            "prices": [{"medium": "image", "unit": "generation", "amount": "7"}],
        },
    }
    problem = assert_problem(finance.post("/agreements", body), 409, "settled_time")
    assert "2026-10-10" in problem["detail"]
    assert [each["pointer"] for each in problem["errors"]] == ["/terms/effective_on"]
    body["terms"]["effective_on"] = "2026-10-11"  # type: ignore[index]
    assert finance.post("/agreements", body).status_code == 201

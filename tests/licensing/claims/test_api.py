"""Claims over the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.ids import new_id
from licensing.claims.models import Claim
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_platform, build_subject
from tests.licensing.claims.builders import BECAUSE, Dispute, build_dispute, claim
from tests.licensing.consent.builders import build_studio

pytestmark = pytest.mark.django_db


@pytest.fixture
def dispute() -> Dispute:
    return build_dispute()


def refused(answer: Any, status: int, code: str, pointer: str = "") -> None:
    """A problem; with a `pointer`, of a fault of this code there."""
    problem = assert_problem(answer, status)
    faults = [(fault["pointer"], fault["code"]) for fault in problem["errors"]]
    assert (pointer, code) in faults if pointer else problem["code"] == code, problem


def body(dispute: Dispute, **said: Any) -> dict[str, Any]:
    return {
        "claimant": dispute.claimant.holder.shown_id,
        "subject": dispute.hero.shown_id,
        "statement": BECAUSE,
        **said,
    }


def test_a_dispute_from_the_claim_to_its_end(dispute: Dispute) -> None:
    claimant, owner = ApiClient(dispute.claimant.actor), ApiClient(dispute.owner.actor)
    answer = claimant.post("/claims", body(dispute, territory="DE"))
    assert answer.status_code == 201
    filed = answer.json()
    assert filed == {
        "id": filed["id"],
        **body(dispute, territory="DE"),
        "subject_name": dispute.hero.name,
        "claimant_name": dispute.claimant.holder.name,
        "state": "disputed",
        "filed_at": filed["filed_at"],
        "contest": None,
        "conceded_by": None,
        "reason": None,
        "ended_at": None,
    }
    path = f"/claims/{filed['id']}"
    assert owner.get("/claims").json()["data"] == [filed]
    contested = owner.post(f"{path}/contest", {"statement": "By contract it is ours."}).json()
    assert contested["contest"]["holder"] == dispute.owner.holder.shown_id
    assert contested["contest"]["statement"] == "By contract it is ours."
    decision = {"outcome": "rejected", "reason": "The contract is clear."}
    ended = ApiClient(dispute.judge).post(f"{path}/resolve", decision).json()
    assert (ended["state"], ended["reason"]) == ("rejected", "The contract is clear.")
    for client in (claimant, owner):
        assert client.get(path).json() == ended
    # Of whom of each side, nobody hears.
    assert dispute.owner.actor.label not in str(ended)


def test_a_claim_is_withdrawn_and_another_conceded(dispute: Dispute) -> None:
    claimant, owner = ApiClient(dispute.claimant.actor), ApiClient(dispute.owner.actor)
    for client, how, state in (
        (claimant, "withdraw", "withdrawn"),
        (owner, "concede", "conceded"),
    ):
        filed = claimant.post("/claims", body(dispute)).json()
        ended = client.post(f"/claims/{filed['id']}/{how}").json()
        assert ended["state"] == state
        assert_problem(client.post(f"/claims/{filed['id']}/{how}"), 409, "claim_ended")
    assert ended["conceded_by"] == dispute.owner.holder.shown_id


def test_claims_are_found_by_subject_and_state(dispute: Dispute) -> None:
    owner = ApiClient(dispute.owner.actor)
    filed = claim(dispute.claimant, dispute.hero)
    other = claim(dispute.claimant, build_subject(dispute.owner.holder))
    ApiClient(dispute.claimant.actor).post(f"/claims/{other.shown_id}/withdraw")

    def found(client: ApiClient = owner, **query: str) -> list[str]:
        return [each["id"] for each in client.get("/claims", query).json()["data"]]

    assert found() == [other.shown_id, filed.shown_id]
    assert found(state="disputed") == [filed.shown_id]
    assert found(subject=other.subject.shown_id) == [other.shown_id]
    assert found(ApiClient(dispute.judge)) == [other.shown_id, filed.shown_id]
    assert found(ApiClient(build_studio().actor)) == []
    assert_problem(owner.get("/claims", {"state": "lost"}), 400, "bad_parameter")
    assert_problem(owner.get("/claims", {"owner": "x"}), 400, "bad_parameter")
    assert_problem(ApiClient(build_platform().actor).get("/claims"), 403, "scope_missing")


def test_a_list_of_claims_costs_one_query_however_long(dispute: Dispute) -> None:
    client = ApiClient(dispute.owner.actor)
    client.get("/claims")
    costs = []
    for _ in range(2):
        for _ in range(3):
            claim(dispute.claimant, build_subject(dispute.owner.holder))
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/claims").status_code == 200
        costs.append(len(queries))
    assert costs[0] == costs[1]


def test_a_claim_repeated_with_its_key_is_filed_once(dispute: Dispute) -> None:
    client = ApiClient(dispute.claimant.actor)
    answers = [client.post("/claims", body(dispute), Idempotency_Key="once") for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert Claim.objects.count() == 1
    refused(client.post("/claims", body(dispute)), 409, "claimed_already", "/subject")


ABSENT = f"chr_{'0' * 26}"


@pytest.mark.parametrize(
    ("said", "status", "code", "pointer"),
    [
        ({"statement": ""}, 422, "blank", "/statement"),
        ({"statement": "  "}, 422, "blank", "/statement"),
        ({"statement": 5}, 422, "invalid", "/statement"),
        ({"statement": "x" * 2001}, 422, "max_length", "/statement"),
        ({"statement": "bell\x07"}, 422, "bad_statement", "/statement"),
        ({"territory": "UK"}, 422, "unknown_territory", "/territory"),
        ({"territory": ""}, 422, "blank", "/territory"),
        ({"territory": ["DE"]}, 422, "invalid", "/territory"),
        ({"teritory": "DE"}, 400, "unknown_field", "/teritory"),
        ({"subject": ABSENT}, 404, "not_found", ""),
        ({"claimant": f"hld_{'0' * 26}"}, 404, "not_found", ""),
    ],
    ids=lambda value: str(value)[:40],
)
def test_bad_claims_leave_nothing_behind(
    dispute: Dispute, said: dict[str, Any], status: int, code: str, pointer: str
) -> None:
    answer = ApiClient(dispute.claimant.actor).post("/claims", body(dispute, **said))
    refused(answer, status, code, pointer)
    assert not Claim.objects.exists()


def test_bad_decisions_leave_it_disputed(dispute: Dispute) -> None:
    filed = claim(dispute.claimant, dispute.hero)
    path = f"/claims/{filed.shown_id}"
    judge = ApiClient(dispute.judge)
    good = {"outcome": "upheld", "reason": "So it is."}
    for said, code, pointer in (
        ({**good, "outcome": "withdrawn"}, "invalid_choice", "/outcome"),
        ({**good, "reason": " "}, "blank", "/reason"),
        ({"outcome": "upheld"}, "required", "/reason"),
    ):
        refused(judge.post(f"{path}/resolve", said), 422, code, pointer)
    owner, claimant = ApiClient(dispute.owner.actor), ApiClient(dispute.claimant.actor)
    assert_problem(owner.post(f"{path}/resolve", good), 403, "scope_missing")
    assert_problem(owner.post(f"{path}/withdraw"), 403, "not_the_claimant")
    assert_problem(claimant.post(f"{path}/concede"), 403, "not_an_owner")
    assert_problem(claimant.post(f"{path}/contest", {"statement": "x"}), 403, "not_an_owner")
    stranger = ApiClient(build_studio().actor)
    assert_problem(stranger.post(f"{path}/contest", {"statement": "x"}), 404, "not_found")
    assert_problem(owner.get(f"/claims/clm_{new_id().hex}"), 404, "not_found")
    filed.refresh_from_db()
    assert filed.state == "disputed"

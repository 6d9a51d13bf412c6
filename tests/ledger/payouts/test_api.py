"""Payouts over HTTP: the whole way, the refusals of the catalogue, and what a payee sees."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from ledger.actor import Actor, system_actor
from ledger.payouts.tasks import submit_reserved
from licensing.access import keys
from licensing.access.models import Organisation, User
from tests.ledger.payouts.builders import OTHER_IBAN, build_payee, shown_unknown
from tests.licensing.builders import build_actor, build_holder, build_house

pytestmark = pytest.mark.django_db
# For stories in which the rail must really be called after the commit.
COMMITS = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody with an API key."""

    actor: Actor
    secret: str

    def get(self, path: str) -> Any:
        return Client().get(f"/api/v1{path}", headers={"Authorization": f"Bearer {self.secret}"})

    def post(self, path: str, body: object, key: str | None = None) -> Any:
        headers = {"Authorization": f"Bearer {self.secret}"}
        if key:
            headers["Idempotency-Key"] = key
        return Client().post(
            f"/api/v1{path}",
            data=json.dumps(body),
            content_type="application/json",
            headers=headers,
        )


def caller(organisation: Organisation, role: str) -> Caller:
    actor = build_actor(organisation, role)
    issued = keys.issue(
        actor=system_actor(mode=actor.mode),
        organisation=organisation,
        user=User.objects.get(username=actor.label),
        name="laptop",
        scopes=sorted(actor.scopes),
        now=timezone.now(),
    )
    return Caller(actor=actor, secret=issued.secret)


@dataclass(frozen=True, kw_only=True)
class Office:
    preparer: Caller
    approver: Caller
    second: Caller

    def propose(self, threshold: str = "0") -> dict[str, Any]:
        answer = self.preparer.post("/payout-batches", {"currency": "USD", "threshold": threshold})
        assert answer.status_code == 201, answer.content
        return answer.json()  # type: ignore[no-any-return]

    def in_review(self) -> dict[str, Any]:
        batch = self.propose()
        answer = self.preparer.post(f"/payout-batches/{batch['id']}/submit", {})
        assert answer.status_code == 200, answer.content
        return answer.json()  # type: ignore[no-any-return]

    def submitted(self) -> dict[str, Any]:
        batch = self.in_review()
        path = f"/payout-batches/{batch['id']}"
        seen = {"content_hash": batch["content_hash"]}
        assert self.approver.post(f"{path}/approve", seen).status_code == 200
        assert self.preparer.post(f"{path}/execute", {}).status_code == 200
        submit_reserved()
        return self.preparer.get(path).json()  # type: ignore[no-any-return]


@pytest.fixture
def office() -> Office:
    house = build_house().organisation
    return Office(
        preparer=caller(house, "preparer"),
        approver=caller(house, "approver"),
        second=caller(house, "approver"),
    )


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


@COMMITS
def test_from_proposal_to_settled(office: Office) -> None:
    payee = build_payee("12.34567891")
    build_payee("3.00", name="hld_small")
    batch = office.propose(threshold="10")
    assert batch["total"] == {"amount": "12.34", "currency": "USD"}
    assert [each["reason"] for each in batch["left_out"]] == ["below_threshold"]
    assert batch["items"][0]["destination"] == "DE••••3000"
    path = f"/payout-batches/{batch['id']}"
    assert office.preparer.post(f"{path}/submit", {}).json()["state"] == "in_review"
    seen = {"content_hash": batch["content_hash"]}
    assert office.approver.post(f"{path}/approve", seen).json()["state"] == "approved"
    assert office.preparer.post(f"{path}/execute", {}).json()["state"] == "submitted"
    item = batch["items"][0]["id"]
    today = timezone.now().date().isoformat()
    paid = office.preparer.post(
        f"{path}/items/{item}/mark-paid", {"reference": "BANK-1", "paid_on": today}
    )
    assert (paid.status_code, paid.json()["state"]) == (200, "paid")
    assert office.approver.get(path).json()["state"] == "settled"
    listed = office.approver.get("/payout-batches?state=settled").json()["data"]
    assert [each["id"] for each in listed] == [batch["id"]]
    assert [row["party"] for row in office.preparer.get("/payouts").json()["data"]] == [payee]


@COMMITS
def test_each_step_repeated_with_its_key_has_one_effect(office: Office) -> None:
    build_payee("30.00")
    body = {"currency": "USD", "threshold": "0"}
    first = office.preparer.post("/payout-batches", body, key="p-1")
    again = office.preparer.post("/payout-batches", body, key="p-1")
    assert first.content == again.content
    path = f"/payout-batches/{first.json()['id']}"
    office.preparer.post(f"{path}/submit", {}, key="p-2")
    seen = {"content_hash": first.json()["content_hash"]}
    approved = office.approver.post(f"{path}/approve", seen, key="p-3")
    assert office.approver.post(f"{path}/approve", seen, key="p-3").content == approved.content
    # Inside the key's transaction the rail waits for the commit, so the answer says `reserved`.
    executed = office.preparer.post(f"{path}/execute", {}, key="p-4")
    assert (executed.status_code, executed.json()["state"]) == (200, "reserved")
    assert office.preparer.get(path).json()["state"] == "submitted"
    assert office.preparer.post(f"{path}/execute", {}).json()["state"] == "submitted"


def test_approving_ones_own_is_not_allowed(office: Office) -> None:
    build_payee("30.00")
    batch = office.in_review()
    seen = {"content_hash": batch["content_hash"]}
    assert code(office.preparer.post(f"/payout-batches/{batch['id']}/approve", seen)) == (
        403,
        "scope_missing",
    )


def test_a_second_approval_and_a_changed_draft_conflict(office: Office) -> None:
    build_payee("30.00")
    batch = office.in_review()
    path = f"/payout-batches/{batch['id']}/approve"
    assert code(office.approver.post(path, {"content_hash": "0" * 64})) == (409, "draft_changed")
    seen = {"content_hash": batch["content_hash"]}
    assert office.approver.post(path, seen).status_code == 200
    assert code(office.second.post(path, seen)) == (409, "not_in_state")


def test_the_other_conflicts_of_the_catalogue(office: Office) -> None:
    payee = build_payee("30.00")
    stranger = build_payee("30.00", account=None)
    batch = office.propose()
    items = f"/payout-batches/{batch['id']}/items"
    over = office.preparer.post(items, {"party": payee, "amount": "30.01"})
    assert code(over) == (409, "amount_over_available")
    unverified = office.preparer.post(items, {"party": stranger, "amount": "1.00"})
    assert code(unverified) == (409, "payee_unverified")
    part = office.preparer.post(items, {"party": payee, "amount": "1.005"})
    assert code(part) == (422, "not_minor_units")
    office.preparer.post(f"/payout-batches/{batch['id']}/submit", {})
    changed = office.preparer.post(
        "/payout-destinations",
        {"party": payee, "kind": "iban", "account": OTHER_IBAN, "account_name": "New"},
    )
    assert changed.status_code == 201
    seen = {"content_hash": batch["content_hash"]}
    stale = office.approver.post(f"/payout-batches/{batch['id']}/approve", seen)
    assert code(stale) == (409, "destination_changed")
    office.preparer.post(f"/payout-batches/{batch['id']}/cancel", {})
    waiting = office.in_review()
    seen = {"content_hash": waiting["content_hash"]}
    early = office.approver.post(f"/payout-batches/{waiting['id']}/approve", seen)
    assert code(early) == (409, "destination_waiting")


def test_cancelling_after_it_was_sent_conflicts(office: Office) -> None:
    build_payee("30.00")
    batch = office.submitted()
    path = f"/payout-batches/{batch['id']}"
    assert code(office.preparer.post(f"{path}/cancel", {})) == (409, "already_sent")
    assert code(office.preparer.post(f"{path}/items/{batch['items'][0]['id']}/remove", {})) == (
        409,
        "not_in_state",
    )


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"kind": "iban", "account": "DE89370400440532013001"}, 422, "bad_iban"),
        ({"kind": "iban", "account": "nonsense"}, 422, "bad_iban"),
        ({"kind": "paypal", "account": "x"}, 422, "invalid_choice"),
        ({"kind": "iban", "account": 12}, 422, "invalid"),
        ({"kind": "iban", "account": OTHER_IBAN, "usable_from": "now"}, 400, "unknown_field"),
        ({"kind": "iban"}, 422, "required"),
    ],
)
def test_a_bad_destination_is_refused(
    office: Office, body: dict[str, Any], status: int, problem: str
) -> None:
    given = {"party": "hld_a", "account_name": "Lantern"} | body
    assert code(office.preparer.post("/payout-destinations", given)) == (status, problem)
    assert office.preparer.get("/payout-destinations").json()["data"] == []


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"currency": "usd", "threshold": "1"}, 422, "unknown_currency"),
        ({"currency": "USD", "threshold": 1}, 422, "invalid_decimal"),
        ({"currency": "USD", "threshold": "-1"}, 422, "invalid_decimal"),
        ({"currency": "USD", "threshold": "1", "approved_by": "me"}, 400, "unknown_field"),
        ({"currency": "USD", "threshold": "1", "parties": []}, 422, "empty"),
        ({"currency": "USD", "threshold": "1"}, 409, "nothing_to_pay"),
    ],
)
def test_a_bad_proposal_is_refused(
    office: Office, body: dict[str, Any], status: int, problem: str
) -> None:
    assert code(office.preparer.post("/payout-batches", body)) == (status, problem)


def test_an_export_runs_nothing_in_a_spreadsheet(office: Office) -> None:
    payee = build_payee("30.00", account=None)
    office.preparer.post(
        "/payout-destinations",
        {
            "party": payee,
            "kind": "manual",
            "account": "Cash box",
            "account_name": '=HYPERLINK("http://evil.example","x")',
        },
    )
    batch = office.propose()
    answer = office.preparer.get(f"/payout-batches/{batch['id']}/export.csv")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert row["account_name"] == '\'=HYPERLINK("http://evil.example","x")'
    assert (row["amount"], row["account"]) == ("30.00", "•••• box")


def test_a_payee_sees_its_own_payouts_and_nobody_elses(office: Office) -> None:
    holder = build_holder("Lantern")
    assert holder.holder is not None
    mine = build_payee("30.00", name=holder.holder.party_ref)
    build_payee("40.00")
    owner = caller(holder.organisation, "owner")
    office.propose()
    assert owner.get("/payouts").json()["data"] == []
    batches = office.preparer.get("/payout-batches").json()["data"]
    office.preparer.post(f"/payout-batches/{batches[0]['id']}/cancel", {})
    batch = office.submitted()
    rows = owner.get("/payouts").json()["data"]
    assert [(row["party"], row["amount"]["amount"], row["state"]) for row in rows] == [
        (mine, "30.00", "accepted")
    ]
    assert [row["party"] for row in owner.get("/payout-destinations").json()["data"]] == [mine]
    # The batch itself holds other payees' money: to a payee it does not exist.
    assert code(owner.get(f"/payout-batches/{batch['id']}")) == (404, "not_found")
    assert owner.get("/payout-batches").json()["data"] == []
    absent = owner.get(f"/payout-batches/{shown_unknown('pay')}").json()
    assert absent["detail"] == owner.get(f"/payout-batches/{batch['id']}").json()["detail"]

"""Statements over HTTP: issued by the house, read by their owner, whole in every format."""

from __future__ import annotations

import csv
import io
from decimal import Decimal

import pytest

from tests.ledger.payouts.builders import build_payee, earn
from tests.ledger.payouts.test_api import Caller, caller, code
from tests.licensing.builders import build_holder, build_house, build_subject

pytestmark = pytest.mark.django_db


@pytest.fixture
def preparer() -> Caller:
    return caller(build_house().organisation, "preparer")


def test_issued_by_the_house_and_read_by_its_owner(preparer: Caller) -> None:
    lantern = build_holder("=Lantern")
    assert lantern.holder is not None
    fox = build_subject(lantern.holder, "@Fox of the North")
    party = build_payee("0", name=lantern.holder.party_ref, account=None)
    earn(party, "12.34567891", subject=fox.shown_id)
    build_payee("99.00", account=None)

    answer = preparer.post("/statements", {"month": "2026-10"})
    assert (answer.status_code, answer.json()) == (
        201,
        {"month": "2026-10", "issued": 2, "restated": 0, "unchanged": 0},
    )
    assert preparer.post("/statements", {"month": "2026-10"}).json()["unchanged"] == 2

    owner = caller(lantern.organisation, "owner")
    [row] = owner.get("/statements").json()["data"]
    assert (row["party"], row["closing"]) == (party, {"amount": "12.34567891", "currency": "USD"})
    whole = owner.get(f"/statements/{row['id']}").json()
    assert [(line["subject_label"], line["amount"]["amount"]) for line in whole["lines"]] == [
        ("@Fox of the North", "12.34567891")
    ]
    assert whole["party_label"] == "=Lantern"

    file = owner.get(f"/statements/{row['id']}/csv")
    lines = list(csv.DictReader(io.StringIO(file.content.decode())))
    assert lines[1]["subject"] == "'@Fox of the North"
    assert sum(Decimal(line["amount"]) for line in lines[:-1]) == Decimal(lines[-1]["amount"])

    others = [each for each in preparer.get("/statements").json()["data"] if each != row]
    for path in (f"/statements/{others[0]['id']}", f"/statements/{others[0]['id']}/csv"):
        assert code(owner.get(path)) == (404, "not_found")


def test_filters_are_named_like_the_fields(preparer: Caller) -> None:
    party = build_payee("1.00", account=None)
    build_payee("2.00", account=None)
    preparer.post("/statements", {"month": "2026-10"})
    for query, found in (
        (f"party={party}", 1),
        ("month=2026-10", 2),
        ("month=2026-09", 0),
        ("currency=EUR", 0),
    ):
        assert len(preparer.get(f"/statements?{query}").json()["data"]) == found, query
    assert code(preparer.get("/statements?month=October")) == (400, "bad_parameter")


@pytest.mark.parametrize(
    ("body", "status", "problem"),
    [
        ({"month": "2026-13"}, 422, "invalid_month"),
        ({"month": 10}, 422, "invalid_month"),
        ({"month": "2099-01"}, 422, "month_not_begun"),
        ({"month": "2026-10", "closing": "0"}, 400, "unknown_field"),
        ({}, 422, "required"),
    ],
)
def test_a_bad_month_is_refused(
    preparer: Caller, body: dict[str, object], status: int, problem: str
) -> None:
    assert code(preparer.post("/statements", body)) == (status, problem)


def test_only_a_preparer_issues() -> None:
    house = build_house().organisation
    approver = caller(house, "approver")
    assert code(approver.post("/statements", {"month": "2026-10"})) == (403, "scope_missing")

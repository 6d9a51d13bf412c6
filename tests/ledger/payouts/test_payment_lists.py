"""What the person at the bank pays from: money set aside, accounts whole, and never unnoticed."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest

from ledger.actor import ScopeMissing
from ledger.errors import NotFound
from ledger.payouts import destinations, execution, review
from ledger.payouts.exports import payments_csv
from ledger.payouts.models import PayoutBatch, PayoutItem, PayoutMove
from ledger.payouts.refusals import NotInState
from tests.client import ApiClient, assert_problem
from tests.ledger.payouts.builders import (
    IBAN,
    LONG_AGO,
    NOW,
    OTHER_IBAN,
    Desk,
    build_finance,
    build_payee,
    only,
)
from tests.ledger.payouts.test_execution import Cable
from tests.licensing.builders import build_actor, build_holder, build_house

pytestmark = pytest.mark.django_db


def listed(desk: Desk, batch: PayoutBatch) -> list[tuple[str, str, str]]:
    """Payee, account and money of each payment on the list."""
    payments = execution.list_payments(actor=desk.preparer, now=NOW, batch=batch)
    return [(each.party, each.account, str(each.money)) for each in payments]


def listings(batch: PayoutBatch) -> list[PayoutMove]:
    return list(batch.moves.filter(note__startswith="whole accounts listed").order_by("id"))


def test_every_listing_stands_in_the_history_with_its_person_and_request() -> None:
    desk = Desk()
    first, second = build_payee("30.00"), build_payee("20.00", account=OTHER_IBAN)
    batch = desk.submitted()
    asking = replace(desk.preparer, request_id="req_1")
    for number in (1, 2):
        found = execution.list_payments(actor=asking, now=NOW, batch=batch)
        assert {(each.party, each.account) for each in found} == {
            (first, IBAN),
            (second, OTHER_IBAN),
        }
        assert len(listings(batch)) == number
    told = listings(batch)[0]
    assert (told.person_id, told.request_id, told.at) == (asking.person_id, "req_1", NOW)
    assert told.note == "whole accounts listed of 2 payments"


def test_nothing_is_listed_before_its_money_is_set_aside_or_after_the_end() -> None:
    desk = Desk()
    build_payee("30.00")
    batch = desk.in_review()
    with pytest.raises(NotInState):
        listed(desk, batch)
    # Until it is executed, what was approved may still be taken back from the payee.
    review.approve(actor=desk.approver, now=NOW, batch=batch, content_hash=batch.content_hash_hex)
    with pytest.raises(NotInState):
        listed(desk, batch)
    # And until it is handed over it may be cancelled.
    execution.reserve(actor=desk.preparer, now=NOW, batch=batch)
    with pytest.raises(NotInState):
        listed(desk, batch)
    review.cancel(actor=desk.preparer, now=NOW, batch=batch)
    with pytest.raises(NotInState):
        listed(desk, batch)
    paid = desk.submitted()
    desk.pay(only(paid))
    with pytest.raises(NotInState):
        listed(desk, paid)
    assert not PayoutMove.objects.filter(note__contains="listed").exists()


def test_what_is_paid_already_is_listed_no_more() -> None:
    desk = Desk()
    done, left = build_payee("30.00"), build_payee("20.00")
    batch = desk.submitted()
    assert {party for party, _, _ in listed(desk, batch)} == {done, left}
    item = PayoutItem.objects.select_related("batch__book").get(batch=batch, party=done)
    desk.pay(item)
    assert listed(desk, batch) == [(left, IBAN, "20.00 USD")]


def test_what_nobody_knows_the_fate_of_is_not_paid_again() -> None:
    """Handing over was interrupted: the payment may have been made."""
    desk = Desk()
    build_payee("30.00")
    rail = Cable(cut="after")
    batch = execution.submit(actor=desk.preparer, now=NOW, batch=desk.reserved(), rail=rail)
    assert only(batch).state == "unknown"
    assert listed(desk, batch) == []


def test_only_who_pays_may_have_it_and_only_in_their_own_mode() -> None:
    desk = Desk()
    build_payee("30.00")
    batch = desk.submitted()
    with pytest.raises(ScopeMissing):
        execution.list_payments(actor=desk.approver, now=NOW, batch=batch)
    live = build_finance("Petra", mode="live")
    with pytest.raises(NotFound):
        execution.list_payments(actor=live, now=NOW, batch=batch)
    assert listings(batch) == []


def test_a_cell_that_could_be_a_formula_is_only_text() -> None:
    desk = Desk()
    payee = build_payee("30.00", account=None)
    destinations.register(
        actor=desk.preparer,
        now=LONG_AGO,
        party=payee,
        kind="manual",
        account='=HYPERLINK("http://evil.example")',
        account_name="+cmd|' /C calc'!A0",
    )
    batch = desk.submitted()
    payments = execution.list_payments(actor=desk.preparer, now=NOW, batch=batch)
    answer = payments_csv(batch, payments)
    assert answer["Cache-Control"] == "no-store"
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert row == {
        "payment": only(batch).shown_id,
        "party": payee,
        "account_name": "'+cmd|' /C calc'!A0",
        "kind": "manual",
        "account": '\'=HYPERLINK("http://evil.example")',
        "amount": "30.00",
        "currency": "USD",
    }


def test_over_the_api() -> None:
    house = build_house().organisation
    preparer, approver = build_actor(house, "preparer"), build_actor(house, "approver")
    build_payee("1234.50")
    desk = Desk(preparer=preparer, approver=approver)
    draft = desk.in_review()
    path = f"/payout-batches/{draft.shown_id}/payments.csv"
    client = ApiClient(preparer)
    assert_problem(client.get(path), 409, "not_in_state")
    review.approve(actor=approver, now=NOW, batch=draft, content_hash=draft.content_hash_hex)
    assert_problem(client.get(path), 409, "not_in_state")
    execution.reserve(actor=preparer, now=NOW, batch=draft)
    execution.submit(actor=preparer, now=NOW, batch=draft)
    answer = client.get(path, Accept="text/csv")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    [row] = csv.DictReader(io.StringIO(answer.content.decode()))
    assert (row["account"], row["amount"]) == (IBAN, "1234.50")
    [told] = listings(draft)
    assert told.request_id == answer["X-Request-Id"]
    assert_problem(ApiClient(approver).get(path), 403, "scope_missing")
    assert_problem(ApiClient(build_holder().actor).get(path), 403, "scope_missing")
    assert IBAN not in client.get(f"/payout-batches/{draft.shown_id}").content.decode()

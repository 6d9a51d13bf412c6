"""The books over HTTP: the house sees all, a party its own side, a stranger nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger import ids
from ledger.actor import Actor
from ledger.ids import new_id
from ledger.journal.chart import Role
from ledger.journal.models import Account, Entry
from tests.client import ApiClient
from tests.ledger.journal.builders import Ledger, account, build_ledger, move
from tests.licensing.builders import (
    Household,
    build_actor,
    build_holder,
    build_house,
    build_platform,
)

LAST_MONTH = timezone.now().date().replace(day=1) - timedelta(days=1)


@pytest.fixture
def holder(db: None) -> Household:
    return build_holder("Lantern Studio")


@pytest.fixture
def ledger(holder: Household) -> Ledger:
    """Two lines, one of them the holder's."""
    ref = _ref(holder.actor)
    ledger = build_ledger(holders=[ref, "bo"])
    ledger.post(
        move(Role.RECEIVABLE, account(Role.PAYABLE, ref), "680.0004", "luna"),
        move(Role.RECEIVABLE, account(Role.PAYABLE, "bo"), "7", "sol"),
        key="run-1",
        memo="a memo for the house",
        on=LAST_MONTH,
        at=timezone.now() - timedelta(hours=2),
    )
    return ledger


@pytest.fixture
def finance(db: None) -> Actor:
    return build_actor(build_house().organisation, "approver")


def _ref(actor: Actor) -> str:
    (ref,) = actor.parties
    return ref


def shown(rows: Any) -> list[Any]:
    assert rows.status_code == 200, rows.content
    found: list[Any] = rows.json()["data"]
    return found


def test_a_holder_sees_its_own_account_and_no_other(ledger: Ledger, holder: Household) -> None:
    client = ApiClient(holder.actor)
    (mine,) = shown(client.get("/accounts"))
    assert mine["party"]["ref"] == _ref(holder.actor)
    assert mine["balance"] == {"amount": "680.0004", "currency": "USD"}
    assert client.get(f"/accounts/{mine['id']}").json() == mine
    other = Account.objects.get(party__ref="bo")
    assert client.get(f"/accounts/{other.shown_id}").status_code == 404
    assert shown(client.get("/books"))[0]["name"] == "house"


def test_a_holder_sees_its_side_of_an_entry(ledger: Ledger, holder: Household) -> None:
    client = ApiClient(holder.actor)
    (entry,) = shown(client.get("/entries"))
    whole = client.get(f"/entries/{entry['id']}").json()
    own = account(Role.PAYABLE, _ref(holder.actor))
    assert whole["lines"] == [
        {
            "line": 1,
            "debit": None,
            "credit": {
                "id": ids.show("acc", _id(ledger, own)),
                "role": "payable",
                "party": own.party_ref,
                "subject": "",
            },
            "amount": {"amount": "680.0004", "currency": "USD"},
            "subject": "luna",
        }
    ]
    hidden = ("key", "actor", "memo", "line_count", "total", "content_hash")
    assert [whole[name] for name in hidden] == [None] * len(hidden)
    assert shown(client.get(f"/entries/{entry['id']}/lines")) == whole["lines"]
    found = client.get("/trial-balance", {"book": ledger.book.shown_id}).json()
    assert found["hash"] is None
    (currency,) = found["currencies"]
    assert currency["lines"] == [{"role": "payable", "debit": "0.00", "credit": "680.0004"}]


def _id(ledger: Ledger, key: Any) -> Any:
    return Account.objects.get(book=ledger.book, party__ref=key.party_ref, role=key.role).pk


def test_the_house_sees_the_whole_entry(ledger: Ledger, finance: Actor) -> None:
    client = ApiClient(finance)
    (entry,) = shown(client.get("/entries", {"kind": "royalty"}))
    whole = client.get(f"/entries/{entry['id']}").json()
    assert (whole["key"], whole["line_count"], whole["total"]) == ("run-1", 2, "687.00040000")
    sides = [(line["debit"]["party"], line["credit"]["party"]) for line in whole["lines"]]
    assert sides[1] == ("reel", "bo")
    assert [line["line"] for line in shown(client.get(f"/entries/{entry['id']}/lines"))] == [2, 1]
    assert len(shown(client.get("/accounts", {"role": "payable", "currency": "USD"}))) == 2
    assert len(shown(client.get("/accounts", {"party": "bo"}))) == 1
    receivable = Account.objects.get(role="receivable").shown_id
    assert len(shown(client.get("/entries", {"account": receivable}))) == 1
    assert shown(client.get("/entries", {"effective_on": "2020-01-01"})) == []


def test_a_stranger_and_the_other_mode_see_nothing(ledger: Ledger, finance: Actor) -> None:
    entry = Entry.objects.get().shown_id
    live = build_actor(build_house(mode="live").organisation, "approver")
    for actor in (build_holder().actor, build_platform().actor, live):
        client = ApiClient(actor)
        for path in ("/accounts", "/entries", "/books", "/periods"):
            assert shown(client.get(path)) == []
        assert client.get(f"/entries/{entry}").status_code == 404
        assert client.get(f"/entries/{entry}/lines").status_code == 404
        asked = client.get("/trial-balance", {"book": ledger.book.shown_id})
        assert asked.status_code == 404


def test_a_balance_is_asked_for_as_of_a_day_and_as_known(ledger: Ledger, finance: Actor) -> None:
    client = ApiClient(finance)
    account_id = Account.objects.get(party__ref="bo").shown_id
    before = (LAST_MONTH - timedelta(days=1)).isoformat()
    earlier = (timezone.now() - timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def asked(**query: str) -> str:
        answer = client.get(f"/accounts/{account_id}", query)
        assert answer.status_code == 200, answer.content
        return str(answer.json()["balance"]["amount"])

    assert asked() == asked(as_of=LAST_MONTH.isoformat()) == "7.00"
    assert asked(as_of=before) == asked(as_known_at=earlier) == "0.00"


@pytest.mark.parametrize(
    "query",
    [
        {"as_of": "2026-02-30"},
        {"as_of": "yesterday"},
        {"as_known_at": "2026-10-01T12:00:00"},
        {"as_off": "2026-10-01"},
    ],
)
def test_a_question_that_cannot_be_read_is_refused(
    ledger: Ledger, finance: Actor, query: dict[str, str]
) -> None:
    account_id = Account.objects.get(party__ref="bo").shown_id
    assert ApiClient(finance).get(f"/accounts/{account_id}", query).status_code == 400


def close(client: ApiClient, ledger: Ledger, month: date, **said: str) -> Any:
    body = {"book": ledger.book.shown_id, **said}
    return client.post(f"/periods/{month:%Y-%m}/close", body, key=str(new_id()))


def test_what_was_seen_is_what_is_closed(ledger: Ledger, finance: Actor) -> None:
    client = ApiClient(finance)
    query = {"book": ledger.book.shown_id, "as_of": LAST_MONTH.isoformat()}
    seen = client.get("/trial-balance", query).json()
    assert seen["currencies"][0]["debit"] == seen["currencies"][0]["credit"] == "687.0004"
    changed = close(client, ledger, LAST_MONTH, trial_balance_hash="0" * 64)
    assert (changed.status_code, changed.json()["code"]) == (409, "trial_balance_changed")
    closed = close(client, ledger, LAST_MONTH, trial_balance_hash=seen["hash"])
    assert closed.status_code == 200, closed.content
    assert closed.json()["trial_balance_hash"] == seen["hash"]
    assert closed.json()["closed_by"].startswith(finance.label)
    again = close(client, ledger, LAST_MONTH)
    assert (again.status_code, again.json()["code"]) == (409, "period_closed")
    (period,) = shown(client.get("/periods", {"state": "closed"}))
    assert period == closed.json()


def test_only_who_may_close_closes(ledger: Ledger, finance: Actor, holder: Household) -> None:
    reader = replace(finance, scopes=frozenset({"books:read"}))
    assert close(ApiClient(reader), ledger, LAST_MONTH).status_code == 403
    assert close(ApiClient(holder.actor), ledger, LAST_MONTH).status_code == 403
    client = ApiClient(finance)
    for month in ("2026-13", "2026-1", "nonsense", "٢٠٢٦-٠١"):
        answer = client.post(f"/periods/{month}/close", {"book": ledger.book.shown_id}, key="k")
        assert answer.status_code == 404, month
    absent = client.post("/periods/2026-01/close", {"book": ids.show("boo", new_id())})
    assert absent.status_code == 404
    bad = close(client, ledger, LAST_MONTH, trial_balance_hash="xyz")
    assert (bad.status_code, bad.json()["errors"][0]["pointer"]) == (422, "/trial_balance_hash")


@pytest.mark.parametrize("path", ["/accounts", "/entries", "/books", "/periods", "/entries/{0}"])
def test_a_page_costs_the_same_queries_however_many_rows(
    ledger: Ledger, finance: Actor, path: str
) -> None:
    client = ApiClient(finance)
    entry = ledger.post(move(Role.RECEIVABLE, Role.SUSPENSE, "1"))

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path.format(ids.show("ent", entry.entry_id)))
            assert answer.status_code == 200
        return len(captured.captured_queries)

    queries()
    before = queries()
    for number in range(4):
        entry = ledger.post(
            move(account(Role.RECEIVABLE, subject=f"s{number}"), Role.SUSPENSE, "1"),
            move(account(Role.RECEIVABLE, subject=f"t{number}"), Role.SUSPENSE, "1"),
        )
    assert queries() == before <= 8

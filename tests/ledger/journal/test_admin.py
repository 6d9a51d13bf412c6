"""The books in the admin: to read, with queries that do not grow; and a month closed knowingly."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger.journal.chart import Role
from ledger.journal.models import Account, Book, Entry, Party, Period
from licensing.access.models import User
from tests.ledger.journal.builders import Ledger, account, build_ledger, move

LAST_MONTH = timezone.now().date().replace(day=1) - timedelta(days=1)
LISTS = ("party", "book", "account", "entry", "period")


@pytest.fixture
def ledger(db: None) -> Ledger:
    ledger = build_ledger()
    ledger.post(
        move(Role.RECEIVABLE, Role.PAYABLE, "680.0004", "<luna>"),
        move(Role.RECEIVABLE, Role.FEE_INCOME, "120", "<luna>"),
        on=LAST_MONTH,
        at=timezone.now(),
        memo="<b>October</b>",
    )
    return ledger


def staff(*permissions: str) -> Client:
    """A member of staff who may look at the books, and what else is named."""
    user = User.objects.create_user(username=f"staff-{len(permissions)}", is_staff=True)
    names = [*permissions, *(f"view_{name}" for name in LISTS)]
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="journal", codename__in=names)
    )
    client = Client()
    client.force_login(user)
    return client


@pytest.mark.parametrize("name", LISTS)
def test_every_list_and_page_can_be_read_and_not_changed(ledger: Ledger, name: str) -> None:
    client = staff()
    listed = client.get(f"/admin/journal/{name}/")
    assert listed.status_code == 200
    model: Any = {
        "party": Party,
        "book": Book,
        "account": Account,
        "entry": Entry,
        "period": Period,
    }[name]
    row = model.objects.first()
    page = client.get(f"/admin/journal/{name}/{row.pk}/change/")
    assert page.status_code == 200
    for path in ("add/", f"{row.pk}/delete/"):
        assert client.post(f"/admin/journal/{name}/{path}").status_code == 403
    assert client.post(f"/admin/journal/{name}/{row.pk}/change/", {"memo": "x"}).status_code == 403


def test_an_entry_shows_its_debits_and_credits_escaped(ledger: Ledger) -> None:
    entry = Entry.objects.get()
    page = staff().get(f"/admin/journal/entry/{entry.pk}/change/").content.decode()
    for text in ("receivable:reel:USD", "payable:ada:USD", "680.0004 USD", "120.00 USD"):
        assert text in page
    assert "&lt;luna&gt;" in page
    assert "<luna>" not in page
    assert "<b>October</b>" not in page
    assert bytes(entry.hash).hex() in page


@pytest.mark.parametrize("name", LISTS)
def test_lists_cost_the_same_with_more_rows_and_read_no_table_whole(
    ledger: Ledger, name: str
) -> None:
    client = staff()

    def queries() -> list[str]:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert client.get(f"/admin/journal/{name}/").status_code == 200
        return [query["sql"] for query in captured.captured_queries]

    queries()
    before = queries()
    build_ledger(name="another", holders=[f"h{number}" for number in range(5)])
    for number in range(5):
        ledger.post(move(account(Role.RECEIVABLE, subject=str(number)), Role.PAYABLE, "1"))
    after = queries()
    assert len(after) == len(before)
    read_whole = [sql for sql in after if "COUNT(*)" in sql or "DISTINCT" in sql]
    assert read_whole == []


def test_a_month_is_closed_after_a_look_at_what_that_freezes(ledger: Ledger) -> None:
    client = staff("close_period")
    period = Period.objects.get()
    path = f"/admin/journal/period/{period.pk}/close/"
    page = client.get(path)
    assert page.status_code == 200
    text = page.content.decode()
    for words in (
        f"{LAST_MONTH:%Y-%m}",
        "800.0004",
        "680.0004",
        "120.00",
        "cannot be opened again",
    ):
        assert words in text
    period.refresh_from_db()
    assert period.state == "open"
    seen = re.search(r'name="trial_balance_hash" value="([0-9a-f]{64})"', text)
    assert seen
    answer = client.post(path, {"trial_balance_hash": seen[1]}, follow=True)
    assert "is closed" in answer.content.decode()
    period.refresh_from_db()
    assert (period.state, period.closed_by) == ("closed", "staff-1")
    assert bytes(period.trial_balance_hash or b"").hex() == seen[1]


def test_what_changed_since_the_look_is_not_closed(ledger: Ledger) -> None:
    client = staff("close_period")
    path = f"/admin/journal/period/{Period.objects.get().pk}/close/"
    seen = re.search(r'value="([0-9a-f]{64})"', client.get(path).content.decode())
    assert seen
    ledger.post(on=LAST_MONTH, at=timezone.now())
    answer = client.post(path, {"trial_balance_hash": seen[1]}, follow=True)
    assert "no longer the one that was seen" in answer.content.decode()
    assert Period.objects.filter(state="open").exists()


def test_closing_takes_its_own_permission(ledger: Ledger) -> None:
    path = f"/admin/journal/period/{Period.objects.get().pk}/close/"
    client = staff()
    assert client.get(path).status_code == 403
    assert client.post(path, {"trial_balance_hash": "0" * 64}).status_code == 403
    assert "Close this month" not in client.get("/admin/journal/period/").content.decode()

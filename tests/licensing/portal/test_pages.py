"""The portal's pages: whose they are, what they say, and how they refuse."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.test import Client

from ledger.ids import new_id, show
from ledger.money import Money
from licensing.access.models import Membership, Organisation, User
from licensing.portal.templatetags.portal import figure
from tests.ledger.payouts.builders import build_payee, earn
from tests.licensing.builders import LONG_AGO, build_holder, build_house, build_platform
from tests.licensing.portal.builders import (
    IN_NOVEMBER,
    PASSWORD,
    Studio,
    build_empty_studio,
    build_studio,
    issue_months,
)
from tests.licensing.portal.visiting import text, visit

pytestmark = pytest.mark.django_db


def test_nobody_enters_without_signing_in() -> None:
    for path in ("/portal/", "/portal/statements", "/portal/statements/stm_x"):
        answer = Client().get(path)
        assert (answer.status_code, answer["Location"]) == (
            302,
            f"/portal/sign-in?next={path}",
        )


def test_signing_in_leads_where_one_wanted_to_go() -> None:
    studio = build_empty_studio()
    client = Client()
    given = {"username": studio.username, "password": PASSWORD, "next": "/portal/statements"}
    assert client.post("/portal/sign-in", given)["Location"] == "/portal/statements"
    given["next"] = "https://evil.example/"
    assert Client().post("/portal/sign-in", given)["Location"] == "/portal/"
    assert client.post("/portal/sign-out")["Location"] == "/portal/sign-in"
    assert client.get("/portal/").status_code == 302


def test_the_pages_are_kept_by_nobody_and_carry_no_inline_code() -> None:
    client = visit(build_studio().username)
    answer = client.get("/portal/")
    assert "no-store" in answer["Cache-Control"]
    page = answer.content.decode()
    assert re.findall(r"<script(?! src=\"/static/)", page) == []
    assert "<style" not in page
    assert " style=" not in page


@pytest.fixture
def studio() -> Studio:
    return build_studio()


def test_every_format_of_a_statement_says_the_same(studio: Studio) -> None:
    client = visit(studio.username)
    path = f"/portal/statements/{studio.statement.shown_id}"
    page = text(client, path)
    for words in ("October 2026", "Fox of the North", "Reelmaker", "SEPA-2026-10-0042"):
        assert words in page
    whole = client.get(f"{path}/json").json()
    assert whole["closing"] == {"amount": "1240.00732891", "currency": "USD"}
    rows = list(csv.DictReader(io.StringIO(text(client, f"{path}/csv"))))
    assert rows[-1]["amount"] == "1240.00732891"
    lines = [Decimal(row["amount"]) for row in rows[:-1]]
    assert sum(lines) == Decimal(rows[-1]["amount"])
    assert [line["amount"]["amount"] for line in whole["lines"]] == [
        row["amount"] for row in rows[1:-1]
    ]
    assert 'value="1240.00732891"' in page


def test_a_first_statement_speaks_of_no_other(studio: Studio) -> None:
    page = text(visit(studio.username), f"/portal/statements/{studio.statement.shown_id}")
    assert "What has changed" not in page
    assert "restated" not in page


def test_a_correction_says_which_figures_are_others_since_when(studio: Studio) -> None:
    first = studio.statement
    earn(studio.party, "1000.5", on=first.covers_to, now=IN_NOVEMBER, subject="chr_new")
    issue_months(10)
    client = visit(studio.username)
    page = text(client, f"/portal/statements/{studio.statement.shown_id}")
    assert "What has changed since revision 1" in page
    assert "when revision 1 was issued on 5 Nov 2026" in page
    assert "Closing balance: <del>1,240.00732891</del> <ins>2,240.50732891</ins>" in page
    assert "covers to" not in page.lower()
    before = text(client, f"/portal/statements/{first.shown_id}")
    assert "This statement has been restated." in before
    assert "What has changed" not in before


def test_the_month_so_far_is_followed_by_the_whole_month_and_not_corrected() -> None:
    studio = build_empty_studio()
    build_payee("0", name=studio.party)
    earn(studio.party, "5.00", on=date(2026, 10, 2))
    issue_months(10, now=datetime(2026, 10, 15, tzinfo=UTC))
    so_far = studio.statement
    issue_months(10)
    client = visit(studio.username)
    page = text(client, f"/portal/statements/{studio.statement.shown_id}")
    assert "Revision 1 covered the month up to 15 Oct 2026, this one up to 31 Oct 2026." in page
    assert "No figure is another." in page
    before = text(client, f"/portal/statements/{so_far.shown_id}")
    assert "This statement was of the month so far." in before
    assert "restated" not in before


def test_all_earnings_as_a_file_add_up_to_the_page(studio: Studio) -> None:
    build_payee("50.00")
    client = visit(studio.username)
    rows = list(csv.DictReader(io.StringIO(text(client, "/portal/earnings.csv"))))
    total = sum(Decimal(row["amount"]) for row in rows)
    assert total == Decimal("2599.25732891")
    assert 'value="2599.25732891"' in text(client, "/portal/")
    assert {row["subject"] for row in rows} == {"Fox of the North", "Owl Who Remembers"}
    assert {row["rights_holder"] for row in rows} == {"Lantern Studio"}


def test_a_name_with_a_script_is_only_a_name() -> None:
    client = visit(build_studio('<script>alert("x")</script>').username)
    page = text(client, "/portal/")
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


def test_anothers_statement_looks_like_one_that_does_not_exist(studio: Studio) -> None:
    other = visit(build_empty_studio("Other House").username)
    wanted = f"/portal/statements/{studio.statement.shown_id}"
    absent = f"/portal/statements/{show('stm', new_id())}"
    for tail in ("", "/csv", "/json"):
        pages = [text(other, path + tail, 404) for path in (wanted, absent)]
        assert all("There is nothing here" in page for page in pages)
    for malformed in ("1e3", "%00", "9" * 5000, "stm_"):
        text(other, f"/portal/statements/{malformed}", 404)
    assert "Lantern" not in text(other, "/portal/")


@pytest.mark.parametrize("kind", ["house", "platform"])
def test_others_are_told_where_to_go(kind: str) -> None:
    household = build_house() if kind == "house" else build_platform()
    page = text(visit(household.actor.label), "/portal/", 403)
    assert "This is the rights holders’ portal" in page


def test_a_person_of_two_organisations_chooses() -> None:
    studio = build_empty_studio("First")
    second = build_holder("Second").organisation
    user = User.objects.get(username=studio.username)
    Membership.objects.create(organisation=second, user=user, role="editor", created_at=LONG_AGO)
    client = visit(studio.username)
    assert client.get("/portal/")["Location"] == "/portal/organisations"
    page = text(client, "/portal/organisations")
    assert "First" in page
    assert "Second" in page
    foreign = Organisation.objects.create(
        kind="holder", mode="test", name="Third", created_at=LONG_AGO
    )
    client.post("/portal/organisations", {"organisation": foreign.shown_id})
    assert client.get("/portal/").status_code == 302
    client.post("/portal/organisations", {"organisation": second.shown_id})
    assert "<h1>Second</h1>" in text(client, "/portal/")


def test_an_unknown_address_is_answered_in_plain_words() -> None:
    assert "There is nothing here" in text(Client(), "/portal/no/such/page", 404)


@pytest.mark.parametrize(
    ("amount", "currency", "head", "fine", "unseen"),
    [
        ("1240.00732891", "USD", "1,240.00", "732891", ""),
        ("-2.5", "USD", "−2.50", "", "000000"),
        ("0.0004", "USD", "0.00", "04", "0000"),
        ("7", "JPY", "7", "", ".0000000"),
        ("7.25", "JPY", "7", ".25", "00000"),
    ],
)
def test_a_column_of_amounts_is_filled_up_with_what_changes_none(
    amount: str, currency: str, head: str, fine: str, unseen: str
) -> None:
    shown = figure(Money(amount=Decimal(amount), currency=currency))
    found = re.fullmatch(
        r'<data[^>]*>([^<]*)(?:<small>([^<]*)(?:<i class="pad" aria-hidden="true">([^<]*)</i>)?'
        r"</small>)?</data>",
        shown,
    )
    assert found, shown
    assert tuple(part or "" for part in found.groups()) == (head, fine, unseen)
    read = re.sub(r"<[^>]+>", "", shown).replace("−", "-").replace(",", "")
    assert Decimal(read) == Decimal(amount)

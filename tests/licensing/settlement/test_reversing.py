"""A posted run that should not have been: a third person takes it back, and its usage is settled anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.actor import Actor, ScopeMissing
from ledger.journal import books, periods
from ledger.journal.accounts import AccountKey
from ledger.journal.balances import trial_balance
from ledger.journal.chart import Role
from ledger.journal.posting import post
from ledger.journal.sources import TransferLine
from licensing.access.models import AuditRecord, Organisation
from licensing.catalog.models import RightsHolder
from licensing.commerce.agreements import TermsSettled
from licensing.settlement.models import Earning, Run, SettlementInput
from licensing.settlement.refusals import (
    BadReason,
    NobodyAnswerable,
    NoReason,
    NotInState,
    OwnRun,
    PaidOut,
    RunChanged,
    RunFollowed,
)
from licensing.settlement.reversing import reverse_run
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import build_actor
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import (
    NOVEMBER,
    NOW,
    OCTOBER,
    Made,
    Studio,
    approve,
    build_batch,
    journal,
    paid,
    review,
    settle,
    start,
)
from tests.licensing.settlement.test_admin import at_the_admin

pytestmark = pytest.mark.django_db

LATER = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
WHY = "Rated by last month's price list"


@pytest.fixture
def studio() -> Studio:
    return Studio()


def posted(studio: Studio, times: int = 3) -> Run:
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=studio.character("Luna"), licensed=True)] * times)
    return settle(studio)


def a_third(studio: Studio) -> Actor:
    """Another approver of the house."""
    house = Organisation.objects.get(kind="house")
    return build_actor(house, "approver")


def take_back(studio: Studio, run: Run, **changes: object) -> Run:
    asked = {
        "actor": a_third(studio),
        "now": NOW,
        "run": run,
        "content_hash": run.content_hash_hex,
        "reason": WHY,
    }
    return reverse_run(**{**asked, **changes})  # type: ignore[arg-type]


def test_each_entry_is_mirrored_and_the_books_are_at_nothing(studio: Studio) -> None:
    run = take_back(studio, posted(studio))
    assert (run.state, run.reversal_reason) == ("reversed", WHY)
    written = journal(
        run=run.shown_id, plt=studio.platform.party_ref, hld=studio.owner.party_ref
    ).splitlines()
    mirrored = f"{studio.platform.name} 2026-10, reversed: {WHY}"
    assert [line for line in written if "run_reversed" in line] == [
        f"2026-10-31  run_reversed  settlement:run:2:reversal  {mirrored}",
        f"2026-10-31  run_reversed  settlement:run:1:reversal  {mirrored}",
    ]
    assert [line.split("  ")[2:4] for line in written if "Cr receivable:plt" in line] == [
        ["Dr payable:hld", "Cr receivable:plt"],
        ["Dr fee_income:house", "Cr receivable:plt"],
    ]
    book = books.house_book(mode="test", now=NOW)
    assert not any(line.debit or line.credit for line in trial_balance(book_id=book.pk).lines)


def test_nothing_of_it_is_earned_and_its_usage_is_settled_anew(studio: Studio) -> None:
    first = posted(studio)
    take_back(studio, first)
    assert not Earning.objects.exists()
    assert not SettlementInput.objects.exists()
    second = settle(studio)
    assert (second.revision, second.total) == (2, first.total)
    assert paid() == paid(second)
    assert Earning.objects.get().amount == Decimal("0.0051")


def test_the_reason_is_one_line_in_the_journal(studio: Studio) -> None:
    run = take_back(studio, posted(studio), reason=" Rated by\r\nlast month's\tprice list ")
    assert run.reversal_reason == WHY
    assert journal().count(f"reversed: {WHY}\n") == 2


def test_twice_is_once(studio: Studio) -> None:
    run = posted(studio)
    first = take_back(studio, run)
    again = take_back(studio, run, reason="Once more", now=NOW + timedelta(hours=1))
    assert (again.version, again.reversal_reason) == (first.version, WHY)
    assert journal().count("run_reversed") == 2
    assert AuditRecord.objects.filter(verb="settlement.reversed").count() == 1


def test_nobody_takes_back_what_they_started_or_approved(studio: Studio) -> None:
    run = posted(studio)
    both = replace(studio.finance.approver, person_id=studio.finance.preparer.person_id)
    with pytest.raises(OwnRun, match="Somebody else has to reverse it"):
        take_back(studio, run, actor=both)
    with pytest.raises(OwnRun, match="started or approved"):
        take_back(studio, run, actor=studio.finance.approver)
    with pytest.raises(NobodyAnswerable):
        take_back(studio, run, actor=replace(both, person_id=None))
    with pytest.raises(ScopeMissing):
        take_back(studio, run, actor=studio.finance.preparer)
    statement = (
        "UPDATE settlement_run SET state = 'reversed', version = version + 1, reversed_at = now(),"
        " reversal_reason = 'x', reversed_by = {} WHERE id = %s"
    )
    for nobody, refusal in (
        ("started_by", "run_reversed_by_another"),
        ("approved_by", "run_reversed_by_a_third"),
        ("NULL", "run_reversed_by_another"),
    ):
        with (
            pytest.raises(DatabaseError, match=refusal),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement.format(nobody), [run.pk])


def test_only_what_was_seen_and_with_a_reason(studio: Studio) -> None:
    run = posted(studio)
    with pytest.raises(RunChanged):
        take_back(studio, run, content_hash="00" * 32)
    with pytest.raises(NoReason):
        take_back(studio, run, reason=" ")
    with pytest.raises(BadReason):
        take_back(studio, run, reason="Wrong\x01price")
    waiting = review(studio, now=LATER, period=NOVEMBER)
    with pytest.raises(NotInState, match="Only a posted run"):
        take_back(studio, waiting)


def test_a_run_that_later_ones_count_on_stays(studio: Studio) -> None:
    first = posted(studio)
    second = review(studio, now=LATER, period=NOVEMBER)
    with pytest.raises(RunFollowed):
        take_back(studio, first)
    with (
        pytest.raises(DatabaseError, match="run_followed"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "UPDATE settlement_run SET state = 'reversed', version = version + 1,"
            " reversed_at = now(), reversal_reason = 'x', reversed_by = gen_random_uuid() WHERE id = %s",
            [first.pk],
        )
    approve(studio, second, now=LATER)
    with pytest.raises(RunFollowed):
        take_back(studio, first)
    # From the last one back, each in its turn.
    take_back(studio, second, now=LATER)
    assert take_back(studio, first, now=LATER).state == "reversed"


def test_what_is_reversed_stays_so(studio: Studio) -> None:
    run = take_back(studio, posted(studio))
    with (
        pytest.raises(DatabaseError, match="run_frozen"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE settlement_run SET reversal_reason = '' WHERE id = %s", [run.pk])


def pay_out(holder: RightsHolder, amount: Decimal) -> None:
    owed, gone = (
        AccountKey(party_ref=holder.party_ref, role=role, currency="USD")
        for role in (Role.PAYABLE, Role.IN_FLIGHT)
    )
    post(
        book_id=books.house_book(mode="test", now=NOW).pk,
        key="paid",
        kind="payout",
        effective_on=date(2026, 11, 1),
        posted_at=NOW,
        actor="story",
        transfers=[TransferLine(debit=owed, credit=gone, amount=amount)],
    )


def test_money_that_has_left_is_not_taken_back_and_nothing_is_written(studio: Studio) -> None:
    run = posted(studio)
    pay_out(studio.owner, Decimal("0.0001"))
    before = journal()
    with pytest.raises(PaidOut):
        take_back(studio, run)
    run.refresh_from_db()
    assert (run.state, journal() == before) == ("posted", True)
    assert SettlementInput.objects.filter(run=run).exists()


def test_a_closed_month_is_left_alone(studio: Studio) -> None:
    run = posted(studio)
    book = books.house_book(mode="test", now=NOW)
    periods.close_period(book_id=book.pk, month=OCTOBER, actor="Cleo", now=NOW)
    take_back(studio, run)
    days = [line.split()[0] for line in journal().splitlines() if "run_reversed" in line]
    assert days == ["2026-11-01", "2026-11-01"]


def test_a_price_that_came_too_late_can_be_had_by_taking_the_run_back(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)])
    run = settle(studio)
    with pytest.raises(TermsSettled):
        build_agreement(studio.platform, studio.owner, subject=luna)
    take_back(studio, run)
    build_agreement(studio.platform, studio.owner, subject=luna)
    terms = settle(studio).lines.get().terms
    assert terms is not None
    assert terms.agreement.subject == luna


def test_over_the_api_with_its_reason(studio: Studio) -> None:
    run = posted(studio)
    third = a_third(studio)
    client = ApiClient(third)
    path, body = f"/settlement-runs/{run.shown_id}/reverse", {"content_hash": run.content_hash_hex}
    assert_problem(client.post(path, body), 422)
    assert_problem(client.post(path, {**body, "reason": " "}), 422)
    assert_problem(
        client.post(path, {"content_hash": "00" * 32, "reason": WHY}), 409, "run_changed"
    )
    shown = client.post(path, {**body, "reason": WHY}).json()
    assert (shown["state"], shown["reversal_reason"]) == ("reversed", WHY)
    assert shown["reversed_by"].startswith(third.label)
    mine = ApiClient(studio.finance.preparer).post(path, {**body, "reason": WHY})
    assert_problem(mine, 403, "scope_missing")


def test_whoever_approved_it_is_refused_over_the_api_and_not_offered_it(studio: Studio) -> None:
    run = posted(studio)
    path, body = f"/settlement-runs/{run.shown_id}/reverse", {"content_hash": run.content_hash_hex}
    own = ApiClient(studio.finance.approver).post(path, {**body, "reason": WHY})
    assert_problem(own, 403, "own_run")
    page = f"/admin/settlement/run/{run.pk}/change/"
    client = at_the_admin(studio.finance.approver)
    assert "Reverse: nobody at present" in client.get(page).content.decode()
    third = a_third(studio)
    assert f"Reverse: {third.label}" in client.get(page).content.decode()


def test_in_the_admin_it_asks_why(studio: Studio) -> None:
    run = posted(studio)
    client = at_the_admin(a_third(studio))
    step = f"/admin/settlement/run/{run.pk}/reverse/"
    asked = client.get(step).content.decode()
    assert "Take this run back?" in asked
    assert "0.006 USD" in asked
    unsaid = client.post(step, {"content_hash": run.content_hash_hex, "why": " "})
    assert (unsaid.status_code, "Say why" in unsaid.content.decode()) == (422, True)
    said = {"content_hash": run.content_hash_hex, "why": WHY}
    assert client.post(step, said).status_code == 302
    page = client.get(f"/admin/settlement/run/{run.pk}/change/").content.decode()
    assert WHY.replace("'", "&#x27;") in page
    assert f'"{step}"' not in page


@pytest.mark.django_db(transaction=True)
def test_a_run_that_starts_meanwhile_waits_or_is_in_the_way() -> None:
    studio = Studio()
    run = posted(studio)
    gate, told = threading.Barrier(2), []

    def meanwhile(act: Callable[[], object]) -> None:
        try:
            gate.wait()
            act()
        except RunFollowed as refusal:
            told.append(refusal.code)
        finally:
            connection.close()

    both = [
        threading.Thread(target=meanwhile, args=[act])
        for act in (
            lambda: take_back(studio, run),
            lambda: start(studio, now=LATER, period=NOVEMBER),
        )
    ]
    for each in both:
        each.start()
    for each in both:
        each.join()
    run.refresh_from_db()
    assert (run.state, told) in (("reversed", []), ("posted", ["run_followed"]))
    assert Run.objects.filter(period=NOVEMBER).count() == 1

"""Payouts in the admin: the effect in money before each step, and never one's own approval."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ledger.actor import Actor
from ledger.ids import new_id
from ledger.payouts import review
from ledger.payouts.admin import STEPS
from ledger.payouts.models import PayoutBatch
from ledger.payouts.tasks import submit_reserved
from licensing.access.models import Organisation, User
from tests.ledger.payouts.builders import IBAN, NOW, Desk, both, build_finance, build_payee, only
from tests.licensing.builders import build_actor, build_house

pytestmark = pytest.mark.django_db


def staff(house: Organisation, role: str) -> tuple[Client, Actor]:
    """Somebody of the house at the admin."""
    actor = build_actor(house, role)
    user = User.objects.get(username=actor.label)
    user.is_staff = True
    user.save()
    client = Client()
    client.force_login(user)
    return client, actor


@pytest.fixture
def house() -> Organisation:
    return build_house().organisation


def path(batch: PayoutBatch, act: str) -> str:
    return f"/admin/payouts/payoutbatch/{batch.pk}/{act}/"


def seen(batch: PayoutBatch) -> dict[str, str]:
    return {"content_hash": batch.content_hash_hex}


def test_from_draft_to_paid_at_the_admin(
    house: Organisation, django_capture_on_commit_callbacks: Any
) -> None:
    preparer, petra = staff(house, "preparer")
    approver, anton = staff(house, "approver")
    payee = build_payee("1234.50")
    batch = Desk(preparer=petra, now=timezone.now()).draft()
    assert preparer.post(path(batch, "submit"), seen(batch)).status_code == 302

    asked = approver.get(path(batch, "approve")).content.decode()
    for words in ("1,234.50 USD", payee, "DE••••3000", batch.content_hash_hex, petra.label):
        assert words in asked
    batch.refresh_from_db()
    assert batch.state == "in_review"

    assert approver.post(path(batch, "approve"), seen(batch)).status_code == 302
    with django_capture_on_commit_callbacks(execute=True):
        assert preparer.post(path(batch, "execute"), seen(batch)).status_code == 302
    batch.refresh_from_db()
    assert (batch.state, batch.approved_by_label) == ("submitted", anton.label)

    form = f"/admin/payouts/payoutitem/{only(batch).pk}/mark-paid/"
    assert "1,234.50 USD" in preparer.get(form).content.decode()
    today = timezone.now().date().isoformat()
    refused = preparer.post(form, {"reference": "", "paid_on": today})
    assert (refused.status_code, "reference" in refused.content.decode()) == (422, True)
    paid = preparer.post(form, {"reference": "BANK-1", "paid_on": today})
    assert paid.status_code == 302
    batch.refresh_from_db()
    assert batch.state == "settled"
    assert submit_reserved() == 0


def test_ones_own_batch_is_refused_with_a_sentence(house: Organisation) -> None:
    client, anton = staff(house, "approver")
    build_payee("30.00")
    batch = Desk(preparer=both(anton)).in_review()
    answer = client.post(path(batch, "approve"), seen(batch))
    assert answer.status_code == 403
    assert "You prepared this batch. Somebody else has to approve it." in answer.content.decode()
    batch.refresh_from_db()
    assert batch.state == "in_review"


def buttons(client: Client, batch: PayoutBatch) -> set[str]:
    """The steps that the batch's page offers."""
    page = client.get(f"/admin/payouts/payoutbatch/{batch.pk}/change/").content.decode()
    return {act for act in STEPS if path(batch, act) in page}


def test_a_step_is_offered_to_those_who_may_take_it(house: Organisation) -> None:
    preparer, petra = staff(house, "preparer")
    approver, anton = staff(house, "approver")
    auditor, _ = staff(house, "auditor")
    other, other_petra = staff(house, "preparer")
    build_payee("30.00")
    draft = Desk(preparer=petra).draft()
    assert buttons(preparer, draft) == {"submit", "cancel"}
    # Nobody hands over what somebody else prepared.
    assert buttons(other, draft) == {"cancel"}
    batch = review.submit_for_review(actor=petra, now=NOW, batch=draft)
    assert buttons(preparer, batch) == {"cancel"}
    assert buttons(approver, batch) == {"approve", "reject", "cancel"}
    assert buttons(auditor, batch) == set()
    review.approve(actor=anton, now=NOW, batch=batch, content_hash=batch.content_hash_hex)
    batch.refresh_from_db()
    assert buttons(preparer, batch) == buttons(other, batch) == {"execute", "cancel"}
    assert buttons(approver, batch) == {"cancel"}
    page = approver.get(f"/admin/payouts/payoutbatch/{batch.pk}/change/").content.decode()
    [named] = re.findall(r"Pay: ([^·]*) ·", page)
    assert {petra.label, other_petra.label} <= set(named.split(", "))
    assert anton.label not in named


def test_who_prepared_is_told_who_may_approve_instead(house: Organisation) -> None:
    client, anton = staff(house, "approver")
    _, anna = staff(house, "approver")
    build_payee("30.00")
    batch = Desk(preparer=both(anton)).in_review()
    assert "approve" not in buttons(client, batch)
    page = client.get(f"/admin/payouts/payoutbatch/{batch.pk}/change/").content.decode()
    assert f"Approve: {anna.label} · " in page
    asked = client.get(path(batch, "approve")).content.decode()
    assert "This is not yours to do now." in asked
    assert f"Approve: {anna.label} · " in asked
    assert '<form method="post" class="border' not in asked


def test_without_the_role_the_step_is_refused(house: Organisation) -> None:
    client, _ = staff(house, "auditor")
    build_payee("30.00")
    batch = Desk().in_review()
    answer = client.post(path(batch, "approve"), seen(batch))
    assert (answer.status_code, "payouts:approve" in answer.content.decode()) == (403, True)
    assert client.get("/admin/payouts/payoutbatch/").status_code == 200


def test_a_batch_being_paid_is_listed_for_the_bank_and_the_history_says_so(
    house: Organisation,
) -> None:
    client, petra = staff(house, "preparer")
    build_payee("30.00")
    batch = Desk(preparer=petra).submitted()
    assert buttons(client, batch) == {"payments"}
    asked = client.get(path(batch, "payments")).content.decode()
    assert "whole accounts" in asked
    assert IBAN not in asked
    listed = client.post(path(batch, "payments"), seen(batch))
    assert (listed.status_code, listed["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert IBAN in listed.content.decode()
    page = client.get(f"/admin/payouts/payoutbatch/{batch.pk}/change/").content.decode()
    assert "whole accounts listed of 1 payment" in page
    assert IBAN not in page
    auditor, _ = staff(house, "auditor")
    refused = auditor.post(path(batch, "payments"), seen(batch))
    assert (refused.status_code, IBAN in refused.content.decode()) == (403, False)


def test_a_batch_that_is_none_is_not_found(house: Organisation) -> None:
    client, _ = staff(house, "approver")
    for wrong in ("x", "1e3", str(new_id())):
        assert client.get(f"/admin/payouts/payoutbatch/{wrong}/approve/").status_code == 404


def test_a_changed_batch_is_refused_with_what_changed(house: Organisation) -> None:
    client, _ = staff(house, "approver")
    build_payee("30.00")
    batch = Desk().in_review()
    answer = client.post(path(batch, "approve"), {"content_hash": "0" * 64})
    assert (answer.status_code, "has another hash" in answer.content.decode()) == (409, True)


@pytest.mark.parametrize(
    "page",
    [
        "/admin/payouts/payoutbatch/",
        "/admin/payouts/payoutitem/",
        "/admin/payouts/payoutdestination/",
        "/admin/statements/statement/",
    ],
)
def test_lists_are_read_only_and_do_not_grow_queries_with_rows(
    house: Organisation, page: str
) -> None:
    client, actor = staff(house, "preparer")
    user = User.objects.get(username=actor.label)
    user.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    counts = []
    for _ in range(2):
        for _ in range(3):
            build_payee("30.00")
            Desk().draft()
        from tests.ledger.statements.test_statements import issue

        issue()
        client.get(page)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(page)
        assert answer.status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert client.get(f"{page}add/").status_code == 403
    assert "DE89370400440532013000" not in answer.content.decode()


def test_a_stranger_to_the_house_sees_no_payouts() -> None:
    user = User.objects.create_user(username="stranger", password=None, is_staff=True)
    client = Client()
    client.force_login(user)
    assert client.get("/admin/payouts/payoutbatch/").status_code == 403
    build_payee("30.00")
    batch = Desk().in_review()
    for act in STEPS:
        assert client.get(path(batch, act)).status_code == 403
    assert build_finance("Petra").is_house

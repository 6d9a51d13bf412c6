"""Two people at the same moment: real threads on real connections."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection

from ledger.errors import DomainError
from ledger.journal.chart import Role
from ledger.journal.models import Entry
from ledger.payouts import execution, review
from ledger.payouts.models import PayoutApproval
from tests.ledger.payouts.builders import (
    APPROVES,
    NOW,
    Desk,
    build_finance,
    build_payee,
    holds,
    only,
)

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Runs the acts together; answers with `done` or the refusal's code for each, in any order."""
    gate = threading.Barrier(len(acts))
    outcomes: list[str] = []

    def run(act: Callable[[], object]) -> None:
        gate.wait()
        try:
            act()
            outcomes.append("done")
        except DomainError as refusal:
            outcomes.append(refusal.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    return sorted(outcomes)


def test_of_two_approvals_at_once_one_is_refused() -> None:
    build_payee("30.00")
    batch = Desk().in_review()
    approvers = [build_finance(name, APPROVES) for name in ("Anton", "Anna")]
    outcomes = at_once(
        *(
            lambda approver=approver: review.approve(
                actor=approver, now=NOW, batch=batch, content_hash=batch.content_hash_hex
            )
            for approver in approvers
        )
    )
    assert outcomes == ["done", "not_in_state"]
    assert PayoutApproval.objects.count() == 1


def test_executed_twice_at_once_the_money_is_set_aside_once() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.approved()
    outcomes = at_once(*[lambda: execution.reserve(actor=desk.preparer, now=NOW, batch=batch)] * 3)
    assert outcomes == ["done", "done", "done"]
    assert Entry.objects.filter(kind="payout_reserved").count() == 1
    assert holds(payee, Role.IN_FLIGHT) == "30.00000000"


def test_cancelling_beside_sending_ends_one_way_or_the_other() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    batch = desk.reserved()
    outcomes = at_once(
        lambda: review.cancel(actor=desk.preparer, now=NOW, batch=batch),
        lambda: execution.submit(actor=desk.preparer, now=NOW, batch=batch),
    )
    batch.refresh_from_db()
    ends = {
        ("cancelled", "cancelled", "0.00000000", ("done", "done")),
        ("submitted", "accepted", "30.00000000", ("already_sent", "done")),
    }
    end = (batch.state, only(batch).state, holds(payee, Role.IN_FLIGHT), tuple(outcomes))
    assert end in ends


def test_paid_and_returned_at_once_the_books_follow_one_order() -> None:
    desk = Desk()
    payee = build_payee("30.00")
    item = only(desk.submitted())
    at_once(
        lambda: desk.pay(item),
        lambda: execution.mark_returned(
            actor=desk.preparer, now=NOW, item=item, reason="Account closed"
        ),
    )
    item.refresh_from_db()
    assert item.state == "returned"
    assert holds(payee, Role.PAYABLE) == "30.00000000"
    assert holds("bank", Role.CASH) == "0.00000000"

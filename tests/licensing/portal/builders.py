"""A studio with characters, months of earnings, a statement and payouts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import transaction

from ledger.payouts import batches, execution, review
from ledger.payouts.models import PayoutBatch
from ledger.statements.issuing import issue_statements
from ledger.statements.models import Statement
from licensing.access.models import User
from licensing.portal.labels import labels_of
from tests.ledger.payouts.builders import Desk, build_finance, build_payee, earn, only
from tests.licensing.builders import (
    Household,
    build_holder,
    build_platform,
    build_property,
    build_subject,
)

PASSWORD = "lantern-light-7"
IN_NOVEMBER = datetime(2026, 11, 5, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Studio:
    """A rights holder who signs in as `username`."""

    household: Household
    username: str
    party: str

    @property
    def statement(self) -> Statement:
        """Its newest statement."""
        return Statement.objects.filter(party=self.party).standing().order_by("-month")[0]


def build_sign_in(household: Household) -> str:
    """Gives the household's person a password; their name."""
    user = User.objects.get(username=household.actor.label)
    user.set_password(PASSWORD)
    user.save()
    return user.username


def build_empty_studio(name: str = "Quiet Workshop") -> Studio:
    household = build_holder(name)
    assert household.holder is not None
    return Studio(
        household=household,
        username=build_sign_in(household),
        party=household.holder.party_ref,
    )


def build_studio(name: str = "Lantern Studio") -> Studio:
    """Earnings on two platforms over four months, one payout paid and one on its way."""
    studio = build_empty_studio(name)
    holder = studio.household.holder
    assert holder is not None
    # In one transaction, at whose end the database sees that every subject is wholly owned.
    with transaction.atomic():
        saga = build_property(holder, "Tales of the North")
        fox = build_subject(holder, "Fox of the North", property=saga)
        owl = build_subject(holder, "Owl Who Remembers", property=saga)
        build_subject(holder, "The Lantern mark", kind="mark")
    reel, loom = build_platform("Reelmaker"), build_platform("Loom & Light")
    assert reel.platform is not None
    assert loom.platform is not None
    build_payee("0", name=studio.party)
    for month, on_reel, on_loom in ((7, "118.2", "12"), (8, "402.75125", "80"), (9, "655.3", "91")):
        day = date(2026, month, 28)
        earn(studio.party, on_reel, on=day, subject=fox.shown_id, platform=reel.platform.party_ref)
        earn(studio.party, on_loom, on=day, subject=owl.shown_id, platform=loom.platform.party_ref)
    desk = Desk()
    desk.pay(only(desk.submitted()), reference="SEPA-2026-10-0042")
    earn(
        studio.party,
        "1240.00567891",
        on=date(2026, 10, 20),
        now=IN_NOVEMBER,
        subject=fox.shown_id,
        platform=reel.platform.party_ref,
    )
    earn(
        studio.party,
        "0.0004",
        on=date(2026, 10, 21),
        now=IN_NOVEMBER,
        subject=owl.shown_id,
        platform=loom.platform.party_ref,
    )
    issue_months(9, 10)
    later = Desk(now=IN_NOVEMBER)
    batch = later.draft(threshold="10")
    item = only(batch)
    batches.set_item(
        actor=later.preparer,
        now=IN_NOVEMBER,
        batch=batch,
        party=item.party,
        amount=item.amount // 2,
    )
    _send(later, batch)
    return studio


def issue_months(*months: int, now: datetime = IN_NOVEMBER) -> None:
    for month in months:
        issue_statements(
            actor=build_finance("Petra"),
            now=now,
            month=date(2026, month, 1),
            labels=labels_of("test"),
        )


def _send(desk: Desk, batch: PayoutBatch) -> None:
    batch.refresh_from_db()
    given = review.submit_for_review(actor=desk.preparer, now=desk.now, batch=batch)
    given = review.approve(
        actor=desk.approver, now=desk.now, batch=given, content_hash=given.content_hash_hex
    )
    given = execution.reserve(actor=desk.preparer, now=desk.now, batch=given)
    execution.submit(actor=desk.preparer, now=desk.now, batch=given)

"""A remix settled before its parent was known: the difference follows, with its own service month."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from ledger.journal.accounts import AccountKey
from ledger.journal.books import house_book
from ledger.journal.chart import Role
from ledger.journal.models import Entry
from ledger.journal.posting import post
from ledger.journal.report import journal_text
from ledger.journal.sources import TransferLine
from licensing.catalog.models import Platform, RightsHolder, Subject
from licensing.commerce.agreements import Price
from licensing.settlement.models import Earning, RoyaltyLine, Run, RunPart
from tests.licensing.builders import build_holder, build_platform, build_subject
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.settling import balance, settle
from tests.licensing.usage.builders import report, upload

pytestmark = pytest.mark.django_db

IN_OCTOBER = datetime(2026, 10, 31, 20, 0, tzinfo=UTC)
IN_NOVEMBER = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
A_DOLLAR = Price(medium="image", unit="generation", amount=Decimal(1), licensed=False)


class Story:
    """Bob's character remixes a picture of Ada's, which is reported a month later."""

    def __init__(self) -> None:
        household = build_platform("Reelwright")
        assert household.platform is not None
        self.actor = household.actor
        self.platform: Platform = household.platform
        self.ada, self.bob = self._holder("Ada"), self._holder("Bob")
        self.ribbit, self.duke = build_subject(self.ada), build_subject(self.bob)

    def _holder(self, name: str) -> RightsHolder:
        holder = build_holder(name).holder
        assert holder is not None
        terms = build_terms(fee_percent="0", remix_percent="10", prices=[A_DOLLAR])
        build_agreement(self.platform, holder, terms=terms)
        return holder

    def report(self, name: str, subject: Subject, *, now: datetime, parent: str = "") -> None:
        said = report(subject, external_id=name, occurred_at="2026-10-31T12:00:00Z")
        upload(self.actor, [{**said, **({"parents": [parent]} if parent else {})}], now=now)

    def settle_october(self) -> Run:
        return settle(self.platform, period=date(2026, 10, 1), now=IN_OCTOBER)

    def settle_november(self) -> Run:
        return settle(self.platform, period=date(2026, 11, 1), now=IN_NOVEMBER)

    def payable(self) -> tuple[Decimal, Decimal]:
        return balance(self.ada.party_ref, Role.PAYABLE), balance(self.bob.party_ref, Role.PAYABLE)


def test_a_parent_that_comes_late_gets_its_part_in_the_next_run() -> None:
    story = Story()
    story.report("remix", story.duke, now=IN_OCTOBER, parent="original")
    story.settle_october()
    assert story.payable() == (Decimal(0), Decimal(1))

    story.report("original", story.ribbit, now=IN_NOVEMBER)
    november = story.settle_november()

    assert story.payable() == (Decimal("1.1"), Decimal("0.9"))
    assert RunPart.objects.filter(run=november, kind="restate").count() == 1
    inherited = RoyaltyLine.objects.get(run=november, basis="inherited")
    assert (inherited.subject, inherited.origin) == (story.ribbit, story.duke)
    # What was made in October is October's, although it is settled in November's run.
    months = {str(earning.month) for earning in Earning.objects.all()}
    assert months == {"2026-10-01"}
    entries = Entry.objects.filter(key__startswith=f"settlement:{november.shown_id}:")
    text = journal_text(entries.order_by("height"))
    reelwright, bob = story.platform.party_ref, story.bob.party_ref
    assert f"Dr payable:{bob}" in text
    assert f"Cr receivable:{reelwright}" in text
    assert {entry.effective_on for entry in entries} == {date(2026, 11, 30)}

    # It is restated once: the next run has nothing to say.
    again = story.settle_november()
    assert not again.parts.exists()
    assert again.total.amount == 0
    assert story.payable() == (Decimal("1.1"), Decimal("0.9"))


def test_a_run_of_an_earlier_month_leaves_later_remixes_alone() -> None:
    story = Story()
    story.report("remix", story.duke, now=IN_OCTOBER, parent="original")
    story.settle_october()
    story.report("original", story.ribbit, now=IN_NOVEMBER)

    september = settle(story.platform, period=date(2026, 9, 1), now=IN_NOVEMBER)

    assert not september.parts.filter(kind="restate").exists()
    assert story.payable() == (Decimal(0), Decimal(1))
    story.settle_november()
    assert story.payable() == (Decimal("1.1"), Decimal("0.9"))


def test_what_is_taken_back_from_one_who_was_paid_becomes_a_debt() -> None:
    story = Story()
    story.report("remix", story.duke, now=IN_OCTOBER, parent="original")
    story.settle_october()
    _pay_out(story.bob, Decimal(1))

    story.report("original", story.ribbit, now=IN_NOVEMBER)
    story.settle_november()

    assert story.payable() == (Decimal("1.1"), Decimal(0))
    assert balance(story.bob.party_ref, Role.CLAWBACK) == Decimal("0.1")
    assert balance(story.platform.party_ref, Role.RECEIVABLE) == Decimal(2)


def _pay_out(holder: RightsHolder, amount: Decimal) -> None:
    owed, gone = (
        AccountKey(party_ref=holder.party_ref, role=role, currency="USD")
        for role in (Role.PAYABLE, Role.IN_FLIGHT)
    )
    post(
        book_id=house_book(mode="test", now=IN_OCTOBER).pk,
        key="paid",
        kind="payout",
        effective_on=date(2026, 10, 31),
        posted_at=IN_OCTOBER,
        actor="story",
        transfers=[TransferLine(debit=owed, credit=gone, amount=amount)],
    )

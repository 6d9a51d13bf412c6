"""What is recorded after a run: it prices what had no price, and never prices anything anew."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.db import DatabaseError, connection, transaction

from ledger.actor import system_actor
from ledger.journal.models import Entry
from licensing.catalog import ownership
from licensing.catalog.models import OwnershipStep, RightsHolder, Subject
from licensing.commerce.agreements import Price, TermsSettled, add_terms
from licensing.commerce.models import Agreement, TermsVersion
from licensing.settlement import collecting, explaining, runs
from licensing.settlement.models import Earning, RoyaltyLine, Run
from licensing.settlement.review import review_of
from tests.licensing.builders import build_holder, build_property, build_subject
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.builders import (
    NOVEMBER,
    NOW,
    Made,
    Studio,
    build_batch,
    journal,
    paid,
    review,
    settle,
)

pytestmark = pytest.mark.django_db

IN_NOVEMBER = NOW + timedelta(days=14)
A_DOLLAR = Price(medium="image", unit="generation", amount=Decimal(1))
TWO_DOLLARS = Price(medium="image", unit="generation", amount=Decimal(2))
NO_FEE = build_terms(fee_percent="0", prices=[A_DOLLAR])
DEARER = build_terms(fee_percent="0", prices=[TWO_DOLLARS])


@pytest.fixture
def studio() -> Studio:
    return Studio()


@pytest.fixture
def luna(studio: Studio) -> Subject:
    return studio.character("Luna")


@pytest.fixture
def petra() -> RightsHolder:
    holder = build_holder("Petra").holder
    assert holder is not None
    return holder


def make(studio: Studio, subject: Subject, count: int = 1, **said: object) -> None:
    build_batch(studio.platform, [Made(subjects=subject, licensed=True, **said)] * count)  # type: ignore[arg-type]


def later(studio: Studio) -> Run:
    """The run of November, after what was recorded in the meantime."""
    return settle(studio, period=NOVEMBER, now=IN_NOVEMBER)


def told(run: Run) -> list[tuple[object, ...]]:
    """Each line's basis, code, generations and gross."""
    rows = run.lines.values_list("basis", "code", "generations", "gross")
    return sorted((basis, code, count, gross.normalize()) for basis, code, count, gross in rows)


class TestWhatHadNoPrice:
    def test_an_agreement_signed_last_week_prices_what_was_settled_without_it(
        self, studio: Studio, luna: Subject
    ) -> None:
        make(studio, luna, 3)
        assert told(settle(studio)) == [("direct", "no_agreement", 3, 0)]
        assert paid() == {}

        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        november = later(studio)

        assert told(november) == [("direct", "no_agreement", -3, 0), ("direct", "ok", 3, 3)]
        assert paid() == {studio.owner.name: 3}
        # It is October's usage, in November's books.
        assert [str(each.month) for each in Earning.objects.all()] == ["2026-10-01"]
        entries = Entry.objects.filter(key__startswith=f"settlement:{november.shown_id}:")
        assert [entry.effective_on for entry in entries] == [IN_NOVEMBER.date()]

    def test_it_is_priced_once(self, studio: Studio, luna: Subject) -> None:
        make(studio, luna)
        settle(studio)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        later(studio)
        for _ in range(2):
            again = later(studio)
            assert not again.parts.exists()
        assert paid() == {studio.owner.name: 1}

    def test_a_run_of_an_earlier_month_leaves_it_alone(self, studio: Studio, luna: Subject) -> None:
        make(studio, luna)
        settle(studio)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        september = settle(studio, period=date(2026, 9, 1), now=IN_NOVEMBER)
        assert not september.parts.exists()
        later(studio)
        assert paid() == {studio.owner.name: 1}

    def test_what_happened_before_the_agreement_began_stays_unpriced(
        self, studio: Studio, luna: Subject
    ) -> None:
        for number in (9, 10):
            make(studio, luna, at=datetime(2026, 10, number, 12, 0, tzinfo=UTC))
        settle(studio)
        begun = build_terms(effective_on=date(2026, 10, 10), fee_percent="0", prices=[A_DOLLAR])
        build_agreement(studio.platform, studio.owner, terms=begun)
        later(studio)
        assert paid() == {studio.owner.name: 1}

    def test_a_medium_without_a_price_finds_it_in_a_more_specific_agreement(
        self, studio: Studio, luna: Subject
    ) -> None:
        voice = Price(medium="voice", unit="second", amount=Decimal("0.5"))
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        make(studio, luna, medium="voice", seconds=4)
        assert told(settle(studio)) == [("direct", "unpriced", 1, 0)]
        terms = build_terms(fee_percent="0", prices=[voice])
        build_agreement(studio.platform, studio.owner, subject=luna, terms=terms)
        assert told(later(studio)) == [("direct", "ok", 1, 2), ("direct", "unpriced", -1, 0)]
        assert paid() == {studio.owner.name: 2}

    def test_what_nobody_owned_leaves_suspense_for_its_first_owner(self, studio: Studio) -> None:
        stray = Subject.objects.create(
            holder=studio.owner, kind="character", name="Stray", skeleton="stray",
            created_at=NOW,
        )  # fmt: skip
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        make(studio, stray)
        settle(studio)
        assert paid() == {"suspense": 1}
        ownership.set_ownership(
            actor=system_actor(mode="test"), now=NOW, subject=stray, territory="",
            effective_on=date(2026, 10, 1), shares={studio.owner.pk: Fraction(1)},
        )  # fmt: skip
        later(studio)
        assert paid() == {studio.owner.name: 1}
        assert "Dr suspense:house" in journal()

    def test_a_remix_is_divided_once_its_parents_agreement_is_known(
        self, studio: Studio, luna: Subject, petra: RightsHolder
    ) -> None:
        first = build_subject(petra)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        make(studio, first, name="first")
        make(studio, luna, parents=["first"])
        settle(studio)
        assert paid() == {studio.owner.name: 1}
        # Petra's agreement was signed before, and only entered now: a tenth of every remix is hers.
        build_agreement(studio.platform, petra, terms=DEARER)
        november = later(studio)
        assert told(november) == [
            ("direct", "no_agreement", -1, 0),
            ("direct", "ok", 0, Decimal("-0.1")),
            ("direct", "ok", 1, 2),
            ("inherited", "ok", 1, Decimal("0.2")),
        ]
        assert paid() == {"Petra": Decimal("2.2"), studio.owner.name: Decimal("0.9")}

    def test_what_a_cancelled_run_would_have_priced_the_next_one_does(
        self, studio: Studio, luna: Subject
    ) -> None:
        make(studio, luna)
        settle(studio)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        first = review(studio)
        runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=first)
        second = settle(studio)
        assert told(second) == told(first)
        assert paid() == {studio.owner.name: 1}

    def test_each_currency_answers_for_itself(self, studio: Studio, luna: Subject) -> None:
        make(studio, luna)
        for currency in ("USD", "EUR"):
            assert told(settle(studio, currency=currency)) == [("direct", "no_agreement", 1, 0)]
        build_agreement(studio.platform, studio.owner, currency="EUR", terms=NO_FEE)
        assert told(settle(studio)) == [("direct", "no_agreement", -1, 0)]
        assert told(settle(studio, currency="EUR"))[1] == ("direct", "ok", 1, 1)
        assert paid() == {studio.owner.name: 1}

    def test_many_are_restated_in_parts(
        self, studio: Studio, luna: Subject, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(collecting, "PART_ROWS", 3)
        make(studio, luna, 7)
        make(studio, luna, 1)
        settle(studio)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        november = later(studio)
        parts = november.parts.filter(kind="restate").order_by("number")
        assert [part.rows for part in parts] == [3, 3, 2]
        assert paid() == {studio.owner.name: 8}

    def test_the_review_tells_of_what_still_earns_nothing(
        self, studio: Studio, luna: Subject, petra: RightsHolder
    ) -> None:
        nobodys = build_subject(petra)
        make(studio, luna)
        settle(studio)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        make(studio, nobodys)
        found = review_of(review(studio)).anomalies
        assert [(each.code, each.subject, each.generations) for each in found] == [
            ("no_agreement", nobodys.pk, 1)
        ]

    def test_either_line_is_explained_by_its_own_grounds(
        self, studio: Studio, luna: Subject
    ) -> None:
        make(studio, luna, 2)
        settle(studio)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        lines = {line.code: line for line in RoyaltyLine.objects.filter(run=later(studio))}
        for code, entitlement in (("no_agreement", -(10**8)), ("ok", 10**8)):
            found = explaining.explain(line=lines[code], shares=[])
            assert [each.entitlement for each in found.generations] == [entitlement] * 2


class TestALateParent:
    def test_takes_back_what_was_booked_and_no_more(
        self, studio: Studio, luna: Subject, petra: RightsHolder
    ) -> None:
        """The remix earned nothing when it was settled, so there is nothing to take back of it."""
        first = build_subject(petra)
        build_agreement(studio.platform, petra, terms=DEARER)
        make(studio, luna, parents=["late"])
        settle(studio)
        assert paid() == {}
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        make(studio, first, name="late")
        later(studio)
        assert paid() == {"Petra": Decimal("2.2"), studio.owner.name: Decimal("0.9")}

    def test_finds_the_price_that_its_remix_was_settled_at(
        self, studio: Studio, petra: RightsHolder
    ) -> None:
        """A character that is moved keeps the terms of what is settled, as does all it shares in."""
        saga = build_property(studio.owner)
        luna = studio.character("Luna")
        first = build_subject(petra)
        build_agreement(studio.platform, petra, terms=NO_FEE)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        build_agreement(studio.platform, studio.owner, property=saga, terms=DEARER)
        make(studio, luna, parents=["late"])
        settle(studio)
        assert paid() == {studio.owner.name: 1}
        Subject.objects.filter(pk=luna.pk).update(property=saga)
        make(studio, first, name="late")
        later(studio)
        assert paid() == {"Petra": Decimal("1.1"), studio.owner.name: Decimal("0.9")}

    def test_and_the_agreement_of_its_owner_may_come_one_after_the_other(
        self, studio: Studio, luna: Subject, petra: RightsHolder
    ) -> None:
        first = build_subject(petra)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        make(studio, luna, parents=["late"])
        settle(studio)
        make(studio, first, name="late")
        assert told(later(studio)) == [("direct", "no_agreement", 1, 0)]
        build_agreement(studio.platform, petra, terms=NO_FEE)
        later(studio)
        assert paid() == {"Petra": Decimal("1.1"), studio.owner.name: Decimal("0.9")}


class TestWhatIsSettled:
    """Terms and owners that would price or share out settled usage anew are refused."""

    @pytest.fixture
    def agreement(self, studio: Studio, luna: Subject) -> Agreement:
        agreement = build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        make(studio, luna, at=NOW - timedelta(hours=1))
        settle(studio, period=NOVEMBER)
        return agreement

    def test_is_not_repriced_by_terms_dated_today(
        self, studio: Studio, agreement: Agreement
    ) -> None:
        """This morning's usage is settled: new terms may begin tomorrow."""
        dated = [
            build_terms(effective_on=NOW.date() + timedelta(days=n), prices=[TWO_DOLLARS])
            for n in (0, 1)
        ]
        with pytest.raises(TermsSettled, match="2026-11-01") as refused:
            _add(agreement, dated[0])
        assert [fault.pointer for fault in refused.value.faults] == ["/effective_on"]
        _add(agreement, dated[1])
        assert agreement.versions.count() == 2

    def test_is_not_repriced_by_a_more_specific_agreement(
        self, studio: Studio, luna: Subject, agreement: Agreement
    ) -> None:
        with pytest.raises(TermsSettled):
            build_agreement(studio.platform, studio.owner, subject=luna, terms=DEARER)
        assert Agreement.objects.count() == 1
        from_tomorrow = build_terms(effective_on=date(2026, 11, 2), prices=[TWO_DOLLARS])
        build_agreement(studio.platform, studio.owner, subject=luna, terms=from_tomorrow)

    def test_lets_a_less_specific_agreement_be_backdated(
        self, studio: Studio, luna: Subject
    ) -> None:
        build_agreement(studio.platform, studio.owner, subject=luna, terms=NO_FEE)
        other = studio.character()
        make(studio, luna)
        make(studio, other)
        settle(studio)
        build_agreement(studio.platform, studio.owner, terms=DEARER)
        later(studio)
        assert paid() == {studio.owner.name: 3}

    def test_is_nothing_to_another_platform(self, studio: Studio, agreement: Agreement) -> None:
        elsewhere = Studio(holder=studio.holder)
        build_agreement(elsewhere.platform, studio.owner, terms=DEARER)

    def test_is_open_again_once_its_run_is_cancelled(self, studio: Studio, luna: Subject) -> None:
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        make(studio, luna)
        run = review(studio)
        with pytest.raises(TermsSettled):
            build_agreement(studio.platform, studio.owner, subject=luna, terms=DEARER)
        runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=run)
        build_agreement(studio.platform, studio.owner, subject=luna, terms=DEARER)
        settle(studio)
        assert paid() == {studio.owner.name: 2}

    def test_a_remix_share_that_was_none_stays_none(
        self, studio: Studio, luna: Subject, petra: RightsHolder
    ) -> None:
        """Petra's terms said what a remix owes her, and by that it was divided."""
        first = build_subject(petra)
        none = build_terms(fee_percent="0", remix_percent="0", prices=[A_DOLLAR])
        build_agreement(studio.platform, petra, terms=none)
        build_agreement(studio.platform, studio.owner, terms=NO_FEE)
        build_batch(studio.platform, [Made(subjects=first, name="first", at=_day(1))])
        make(studio, luna, parents=["first"], at=_day(2))
        settle(studio)
        with pytest.raises(TermsSettled, match="2026-10-02"):
            build_agreement(studio.platform, petra, subject=first, terms=DEARER)

    def test_is_not_shared_out_anew_by_ownership_dated_today(
        self, studio: Studio, luna: Subject, petra: RightsHolder, agreement: Agreement
    ) -> None:
        with pytest.raises(ownership.OwnershipSettled, match="2026-11-01"):
            _give(luna, petra, NOW.date())
        # Nothing that was made in Germany is settled.
        _give(luna, petra, NOW.date(), territory="DE")
        _give(luna, petra, NOW.date() + timedelta(days=1))
        assert OwnershipStep.objects.filter(subject=luna).count() == 3

    def test_the_database_refuses_too(
        self, luna: Subject, petra: RightsHolder, agreement: Agreement
    ) -> None:
        with pytest.raises(DatabaseError, match="settled_time"), transaction.atomic():
            TermsVersion.objects.create(
                agreement=agreement, number=2, effective_on=NOW.date(), fee_percent=0,
                remix_percent=0, price_count=1, recorded_at=NOW,
            )  # fmt: skip
        with pytest.raises(DatabaseError, match="settled_time"), transaction.atomic():
            OwnershipStep.objects.create(
                subject=luna, territory="", effective_on=NOW.date(), parts=1, recorded_at=NOW
            )
        for statement, word in (
            ("UPDATE settlement_ground SET priced = FALSE", "append_only"),
            ("UPDATE settlement_ground SET terms_id = NULL, priced = FALSE", "append_only"),
            ("DELETE FROM settlement_ground", "append_only"),
            (
                "INSERT INTO settlement_ground (part_id, subject_id, day, territory, priced,"
                " divided) SELECT part_id, subject_id, day - 1, '', FALSE, FALSE"
                " FROM settlement_ground",
                "run_content",
            ),
        ):
            with (
                pytest.raises(DatabaseError, match=word),
                transaction.atomic(),
                connection.cursor() as cursor,
            ):
                cursor.execute(statement)


def _day(number: int) -> datetime:
    return datetime(2026, 10, number, 12, 0, tzinfo=UTC)


def _add(agreement: Agreement, terms: object) -> None:
    add_terms(actor=system_actor(mode="test"), now=NOW, agreement=agreement, terms=terms)  # type: ignore[arg-type]


def _give(subject: Subject, owner: RightsHolder, on: date, *, territory: str = "") -> None:
    ownership.set_ownership(
        actor=system_actor(mode="test"), now=NOW, subject=subject, territory=territory,
        effective_on=on, shares={owner.pk: Fraction(1)},
    )  # fmt: skip


@pytest.mark.parametrize("guard", ["settlement_guard_terms", "settlement_guard_ownership"])
def test_a_guard_goes_by_indexes_whatever_the_planner_believes(guard: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT proconfig FROM pg_proc WHERE proname = %s", [guard])
        settings = {"plan_cache_mode=force_custom_plan", "enable_seqscan=off"}
        assert {each for (found,) in cursor.fetchall() for each in found} == settings

"""Ownership: dated steps that are exactly whole, never changed and never retroactive."""

from __future__ import annotations

import threading
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, connections, transaction

from ledger.errors import NotFound
from ledger.ids import new_id
from licensing.access.models import AuditRecord
from licensing.catalog import ownership, shares, subjects
from licensing.catalog.models import OwnershipShare, OwnershipStep, RightsHolder, Subject
from tests.licensing.builders import (
    Household,
    build_holder,
    build_house,
    build_ownership,
    build_platform,
    build_subject,
)

TODAY = date(2026, 10, 15)


def holder_of(household: Household) -> RightsHolder:
    assert household.holder is not None
    return household.holder


def register(household: Household, now: datetime, **given: object) -> Subject:
    return subjects.register_subject(
        actor=household.actor,
        now=now,
        holder=holder_of(household),
        name="Luna",
        kind="character",
        **given,  # type: ignore[arg-type]
    )


def give(
    household: Household,
    subject: Subject,
    now: datetime,
    split: dict[RightsHolder, Fraction],
    *,
    on: date = TODAY + timedelta(days=1),
    territory: str = "",
) -> OwnershipStep:
    return ownership.set_ownership(
        actor=household.actor,
        now=now,
        subject=subject,
        territory=territory,
        effective_on=on,
        shares={holder.pk: share for holder, share in split.items()},
    )


def split_of(step: OwnershipStep) -> dict[UUID, Fraction]:
    return {share.holder_id: share.fraction for share in step.shares.all()}


@pytest.mark.django_db
class TestSteps:
    """What a holder can say about who owns its subject."""

    def test_a_new_subject_is_wholly_its_holders_from_today_on(self, now: datetime) -> None:
        ann = build_holder()
        subject = register(ann, now)
        step = subject.ownership_steps.get()
        assert (step.territory, step.effective_on, step.parts) == ("", TODAY, 1)
        assert split_of(step) == {holder_of(ann).pk: Fraction(1)}

    def test_three_thirds_are_exactly_whole(self, now: datetime) -> None:
        ann, bob, cleo = build_holder(), build_holder(), build_holder()
        third = Fraction(1, 3)
        step = give(
            ann,
            register(ann, now),
            now,
            {holder_of(ann): third, holder_of(bob): third, holder_of(cleo): third},
        )
        assert step.parts == 3
        assert sum(split_of(step).values()) == 1
        assert set(split_of(step).values()) == {third}

    @pytest.mark.parametrize(
        ("split", "refusal"),
        [
            ([Fraction(1, 2), Fraction(1, 3)], shares.SharesNotWhole),
            ([Fraction(2, 3), Fraction(2, 3)], shares.SharesNotWhole),
            ([Fraction(0), Fraction(1)], shares.BadShare),
            ([Fraction(-1, 2), Fraction(3, 2)], shares.BadShare),
            ([Fraction(1, 10**12 - 1), 1 - Fraction(1, 10**12 - 1)], None),
            ([Fraction(1, 10**12 + 1), 1 - Fraction(1, 10**12 + 1)], shares.SharesTooFine),
        ],
    )
    def test_shares_add_up_to_the_whole(
        self, now: datetime, split: list[Fraction], refusal: type[Exception] | None
    ) -> None:
        ann, bob = build_holder(), build_holder()
        subject = register(ann, now)
        said = dict(zip([holder_of(ann), holder_of(bob)], split, strict=True))
        if refusal is None:
            assert sum(split_of(give(ann, subject, now, said)).values()) == 1
        else:
            with pytest.raises(refusal):
                give(ann, subject, now, said)
            assert subject.ownership_steps.count() == 1

    def test_only_the_first_step_may_lie_in_the_past(self, now: datetime) -> None:
        ann = build_holder()
        subject = register(ann, now, effective_on=date(2020, 1, 1))
        assert subject.ownership_steps.get().effective_on == date(2020, 1, 1)
        whole = {holder_of(ann): Fraction(1)}
        for territory in ("", "DE"):
            with pytest.raises(ownership.Retroactive):
                give(ann, subject, now, whole, on=TODAY - timedelta(days=1), territory=territory)
        assert give(ann, subject, now, whole, on=TODAY).effective_on == TODAY

    def test_a_step_comes_after_the_last_of_its_territory(self, now: datetime) -> None:
        ann = build_holder()
        subject = register(ann, now)
        whole = {holder_of(ann): Fraction(1)}
        give(ann, subject, now, whole, on=TODAY + timedelta(days=30))
        with pytest.raises(ownership.OutOfOrder):
            give(ann, subject, now, whole, on=TODAY + timedelta(days=29))
        with pytest.raises(ownership.StepExists):
            give(ann, subject, now, whole, on=TODAY + timedelta(days=30))
        give(ann, subject, now, whole, on=TODAY + timedelta(days=3), territory="DE")

    @pytest.mark.parametrize("territory", ["UK", "XX", "gb", "EU", "G", "GBR", "ZZ"])
    def test_a_territory_is_an_assigned_iso_code(self, now: datetime, territory: str) -> None:
        ann = build_holder()
        subject = register(ann, now)
        with pytest.raises(ownership.UnknownTerritory):
            give(ann, subject, now, {holder_of(ann): Fraction(1)}, territory=territory)
        give(ann, subject, now, {holder_of(ann): Fraction(1)}, territory="GB")

    def test_owners_are_holders_of_the_same_mode(self, now: datetime) -> None:
        ann, live = build_holder(), build_holder(mode="live")
        subject = register(ann, now)
        with pytest.raises(NotFound):
            give(ann, subject, now, {holder_of(live): Fraction(1)})
        with pytest.raises(NotFound):
            ownership.set_ownership(
                actor=ann.actor, now=now, subject=subject, territory="",
                effective_on=TODAY + timedelta(days=1), shares={new_id(): Fraction(1)},
            )  # fmt: skip

    def test_who_may_say_it(self, now: datetime) -> None:
        """The registrant and the house; a co-owner sees it, a stranger does not, and neither may."""
        ann, bob, cleo = build_holder(), build_holder(), build_holder()
        house = build_house()
        half = {holder_of(ann): Fraction(1, 2), holder_of(bob): Fraction(1, 2)}
        subject = register(ann, now)
        give(house, subject, now, half, on=TODAY + timedelta(days=1))
        later = TODAY + timedelta(days=2)
        with pytest.raises(ownership.NotTheRegistrant):
            give(bob, subject, now, {holder_of(bob): Fraction(1)}, on=later)
        with pytest.raises(NotFound):
            give(cleo, subject, now, {holder_of(cleo): Fraction(1)}, on=later)
        assert OwnershipStep.objects.visible_to(bob.actor).count() == 2
        assert not OwnershipStep.objects.visible_to(cleo.actor).exists()
        assert not OwnershipStep.objects.visible_to(build_platform().actor).exists()

    def test_each_step_leaves_a_record(self, now: datetime) -> None:
        ann = build_holder()
        step = give(ann, register(ann, now), now, {holder_of(ann): Fraction(1)})
        record = AuditRecord.objects.get(thing=step.shown_id)
        assert record.verb == "ownership.set"
        assert record.organisation_id == ann.organisation.pk
        assert record.detail["shares"] == {holder_of(ann).shown_id: "100"}


@pytest.mark.django_db
class TestInForce:
    """Which step holds: the territory's own first, else everywhere else's; the latest in effect."""

    @pytest.fixture
    def subject(self, now: datetime) -> Subject:
        ann = build_holder()
        subject = build_subject(holder_of(ann), "Luna")  # everywhere since 2025-01-01
        for on, territory in (
            (date(2026, 3, 1), ""),
            (date(2026, 2, 1), "DE"),
            (date(2026, 4, 1), "DE"),
        ):
            build_ownership(subject, {holder_of(ann): 1}, effective_on=on, territory=territory)
        return subject

    CASES = (
        ("US", date(2024, 12, 31), None),
        ("US", date(2025, 1, 1), ("", date(2025, 1, 1))),
        ("US", date(2026, 3, 1), ("", date(2026, 3, 1))),
        ("", date(2026, 2, 28), ("", date(2025, 1, 1))),
        ("DE", date(2026, 1, 31), ("", date(2025, 1, 1))),
        ("DE", date(2026, 3, 31), ("DE", date(2026, 2, 1))),
        ("DE", date(2027, 1, 1), ("DE", date(2026, 4, 1))),
    )

    @pytest.mark.parametrize(("territory", "day", "expected"), CASES)
    def test_in_python_and_in_sql(
        self,
        subject: Subject,
        territory: str,
        day: date,
        expected: tuple[str, date] | None,
    ) -> None:
        step = ownership.in_force([subject.pk], territory, day).get(subject.pk)
        assert (step and (step.territory, step.effective_on)) == expected

        fragment = ownership.IN_FORCE.format(subject="g.subject", territory="g.place", day="g.day")
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT step.step_id FROM (VALUES (%s::uuid, %s::text, %s::date))"
                f" AS g(subject, place, day) CROSS JOIN LATERAL ({fragment}) AS step",
                [subject.pk, territory, day],
            )
            assert [row[0] for row in cursor.fetchall()] == ([step.pk] if step else [])

    def test_many_subjects_cost_two_queries(
        self, subject: Subject, django_assert_num_queries: object
    ) -> None:
        more = [build_subject(holder_of(build_holder())) for _ in range(5)]
        ids = [subject.pk, *(other.pk for other in more)]
        with django_assert_num_queries(3):  # type: ignore[operator]
            found = ownership.in_force(ids, "DE", TODAY)
            assert {str(share.holder) for step in found.values() for share in step.shares.all()}
        assert set(found) == set(ids)


@pytest.mark.django_db
class TestTheDatabaseRefuses:
    """The same, past all Python."""

    @pytest.mark.parametrize("given", [(1,), (3,), (1, 2), ()])
    def test_a_step_that_is_not_whole(self, given: tuple[int, ...]) -> None:
        ann = build_holder()
        subject = build_subject(holder_of(ann))
        with pytest.raises(IntegrityError, match="ownership_not_whole"):
            write(subject, 2, [(holder_of(build_holder()), parts) for parts in given])

    def test_a_share_added_to_a_whole_step(self) -> None:
        ann, bob = build_holder(), build_holder()
        step = build_subject(holder_of(ann)).ownership_steps.get()
        with pytest.raises(IntegrityError, match="ownership_not_whole"), transaction.atomic():
            OwnershipShare.objects.create(step=step, holder=holder_of(bob), parts=1)

    @pytest.mark.parametrize("table", ["catalog_ownershipstep", "catalog_ownershipshare"])
    @pytest.mark.parametrize(
        "statement", ["UPDATE {} SET parts = parts", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
    )
    def test_a_step_is_never_changed(self, table: str, statement: str) -> None:
        build_subject(holder_of(build_holder()))
        settle()
        with pytest.raises(IntegrityError, match="append_only"):
            run(statement.format(table))

    def test_a_step_out_of_order_or_in_the_past(self) -> None:
        subject = build_subject(holder_of(build_holder()))
        build_ownership(subject, {subject.holder: 1}, effective_on=date(2026, 5, 1))
        with pytest.raises(IntegrityError, match="ownership_out_of_order"), transaction.atomic():
            build_step(subject, parts=1, on=date(2026, 4, 30))
        with pytest.raises(IntegrityError, match="ownership_retroactive"), transaction.atomic():
            build_step(subject, parts=1, on=date(2024, 12, 31))

    def test_an_owner_of_the_other_mode(self) -> None:
        ann, live = build_holder(), build_holder(mode="live")
        subject = build_subject(holder_of(ann))
        with pytest.raises(IntegrityError, match="ownership_other_mode"):
            write(subject, 1, [(holder_of(live), 1)])

    def test_no_step_is_summed_once_per_share(self) -> None:
        """The whole is looked at once per step, and once per statement that adds shares."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT tgname, tgrelid::regclass::text, tgtype & 1 = 1 FROM pg_trigger"
                " WHERE tgname IN ('catalog_ownershipstep_is_whole', 'catalog_ownershipshare_fit')"
                " ORDER BY 1"
            )
            assert cursor.fetchall() == [
                ("catalog_ownershipshare_fit", "catalog_ownershipshare", False),
                ("catalog_ownershipstep_is_whole", "catalog_ownershipstep", True),
            ]


@transaction.atomic
def write(subject: Subject, parts: int, owners: list[tuple[RightsHolder, int]]) -> None:
    """A step and its shares as the tables take them, to the end of the transaction."""
    step = build_step(subject, parts=parts)
    OwnershipShare.objects.bulk_create(
        OwnershipShare(step=step, holder=holder, parts=given) for holder, given in owners
    )
    settle()


@transaction.atomic
def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def build_step(subject: Subject, *, parts: int, on: date = date(2026, 6, 1)) -> OwnershipStep:
    return OwnershipStep.objects.create(
        subject=subject,
        territory="",
        effective_on=on,
        parts=parts,
        recorded_at=datetime(2025, 1, 1, tzinfo=UTC),
    )


def settle() -> None:
    """What the end of the transaction would check."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.django_db(transaction=True)
def test_of_two_steps_for_one_day_at_once_one_is_refused(now: datetime) -> None:
    ann = build_holder()
    subject = register(ann, now)
    outcomes: list[str] = []
    start = threading.Barrier(2)

    def say() -> None:
        try:
            start.wait()
            give(ann, subject, now, {holder_of(ann): Fraction(1)})
            outcomes.append("stored")
        except ownership.StepExists:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=say) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused", "stored"]
    assert subject.ownership_steps.count() == 2

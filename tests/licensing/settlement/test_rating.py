"""What a generation earns: whose terms, of which day, at which price, for which owner."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from ledger.actor import system_actor
from licensing.commerce.agreements import Price, add_terms
from licensing.settlement import collecting, runs
from licensing.settlement.models import RoyaltyLine, Run
from licensing.settlement.waterfall import content_hash
from tests.licensing.builders import build_holder, build_ownership, build_property, build_subject
from tests.licensing.commerce.builders import build_agreement, build_terms
from tests.licensing.settlement.builders import (
    NOW,
    Made,
    Studio,
    build_batch,
    journal,
    paid,
    resolve_parents,
    review,
    settle,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    return Studio()


def price(amount: str, *, medium: str = "image", **said: object) -> Price:
    return Price(medium=medium, unit=str(said.get("unit", "generation")), amount=Decimal(amount),
                 licensed=bool(said.get("licensed", True)))  # fmt: skip


def day(number: int) -> datetime:
    return datetime(2026, 10, number, 12, 0, tzinfo=UTC)


def lines(run: Run) -> list[RoyaltyLine]:
    return list(run.lines.order_by("service_day", "basis", "medium", "licensed", "pk"))


def test_the_terms_of_the_day_apply_whenever_it_is_settled(studio: Studio) -> None:
    luna = studio.character()
    agreement = build_agreement(studio.platform, studio.owner)
    add_terms(
        actor=system_actor(mode="test"),
        now=day(1),
        agreement=agreement,
        terms=build_terms(effective_on=date(2026, 10, 15), prices=[price("0.01")]),
    )
    build_batch(studio.platform, [Made(subjects=luna, licensed=True, at=day(n)) for n in (14, 15)])
    assert [(line.service_day.day, line.rate_generation) for line in lines(review(studio))] == [
        (14, Decimal("0.002")),
        (15, Decimal("0.01")),
    ]


def test_the_most_specific_agreement_that_had_terms_on_the_day_governs(studio: Studio) -> None:
    saga = build_property(studio.owner)
    luna = studio.character(property=build_property(studio.owner, parent=saga))
    later = build_terms(effective_on=date(2026, 10, 15), prices=[price("3")])
    build_agreement(studio.platform, studio.owner, terms=build_terms(prices=[price("1")]))
    build_agreement(
        studio.platform, studio.owner, property=saga, terms=build_terms(prices=[price("2")])
    )
    build_agreement(studio.platform, studio.owner, subject=luna, terms=later)
    other = studio.character()
    build_batch(
        studio.platform,
        [
            Made(subjects=luna, licensed=True, at=day(14)),
            Made(subjects=luna, licensed=True, at=day(15)),
            Made(subjects=other, licensed=True, at=day(16)),
        ],
    )
    assert [line.gross for line in lines(review(studio))] == [2, 3, 1]


def test_a_generation_and_its_seconds_add_up_licensed_or_not(studio: Studio) -> None:
    luna = studio.character()
    build_agreement(
        studio.platform,
        studio.owner,
        terms=build_terms(
            prices=[
                price("0.5", medium="video"),
                price("0.01", medium="video", unit="second"),
                price("7", medium="video", licensed=False),
            ]
        ),
    )
    clip = {"subjects": luna, "medium": "video", "seconds": 8}
    build_batch(
        studio.platform,
        [Made(**clip, licensed=True), Made(**clip, licensed=True), Made(**clip)],  # type: ignore[arg-type]
    )
    unlicensed, licensed = lines(review(studio))
    assert (licensed.generations, licensed.seconds, licensed.gross) == (2, 16, Decimal("1.16"))
    assert (unlicensed.generations, unlicensed.gross) == (1, Decimal(7))


def test_usage_that_earns_nothing_stays_visible(studio: Studio) -> None:
    luna, unpriced = studio.character(), studio.character()
    stranger = build_holder().holder
    assert stranger is not None
    nobodys = build_subject(stranger)
    build_agreement(studio.platform, studio.owner)
    build_batch(
        studio.platform,
        [
            Made(subjects=[luna, nobodys], licensed=True),
            Made(subjects=unpriced, medium="voice", seconds=9, licensed=True),
        ],
    )
    run = review(studio)
    found = {line.code: (line.subject, line.generations, line.gross) for line in lines(run)}
    assert found == {
        "ok": (luna, 1, Decimal("0.001")),
        "no_agreement": (nobodys, 1, 0),
        "unpriced": (unpriced, 1, 0),
    }
    assert run.total.amount == Decimal("0.001")


def test_what_nobody_owned_goes_to_suspense(studio: Studio) -> None:
    orphan = build_subject(studio.owner)
    late = build_subject(studio.owner, owners={studio.owner: 1})
    build_agreement(studio.platform, studio.owner, terms=build_terms(prices=[price("10")]))
    long_ago = datetime(2024, 12, 31, tzinfo=UTC)
    build_agreement(
        studio.platform,
        studio.owner,
        subject=late,
        terms=build_terms(effective_on=date(2024, 1, 1), prices=[price("10")]),
    )
    build_batch(
        studio.platform,
        [Made(subjects=orphan, licensed=True), Made(subjects=late, licensed=True, at=long_ago)],
    )
    run = settle(studio)
    assert (run.fee, run.holders, run.suspense) == (Decimal(3), Decimal("8.5"), Decimal("8.5"))
    assert "Cr suspense:house" in journal()


def test_owners_share_by_the_step_of_the_day_and_the_territory(studio: Studio) -> None:
    bob = build_holder("Bob").holder
    assert bob is not None
    luna = studio.character()
    build_ownership(luna, {studio.owner: 1, bob: 1}, effective_on=date(2026, 10, 15))
    build_ownership(luna, {bob: 1}, territory="DE")
    free = build_terms(fee_percent="0", prices=[price("1")])
    build_agreement(studio.platform, studio.owner, terms=free)
    build_batch(
        studio.platform,
        [
            Made(subjects=luna, licensed=True, at=day(14)),
            Made(subjects=luna, licensed=True, at=day(16), territory="US"),
            Made(subjects=luna, licensed=True, at=day(16), territory="DE"),
        ],
    )
    settle(studio)
    assert paid() == {"Bob": Decimal("1.5"), studio.owner.name: Decimal("1.5")}


def test_an_inherited_part_is_priced_by_the_parents_own_agreement(studio: Studio) -> None:
    parents_owner = build_holder("Petra").holder
    assert parents_owner is not None
    parent, child = build_subject(parents_owner), studio.character()
    build_agreement(
        studio.platform,
        parents_owner,
        terms=build_terms(fee_percent="0", remix_percent="25", prices=[price("8")]),
    )
    build_agreement(
        studio.platform, studio.owner, terms=build_terms(fee_percent="0", prices=[price("4")])
    )
    build_batch(studio.platform, [Made(subjects=parent, name="first", licensed=True, at=day(2))])
    settle(studio)
    build_batch(
        studio.platform,
        [Made(subjects=child, parents=["first"], licensed=True, at=day(3))],
    )
    run = settle(studio)
    assert paid(run) == {"Petra": 2, studio.owner.name: 3}
    inherited = run.lines.get(basis="inherited")
    assert (inherited.origin, inherited.entitled_generations) == (child, Decimal("0.25"))


def test_a_parent_that_comes_late_restates_its_remix(studio: Studio) -> None:
    luna, milo = studio.character(), studio.character()
    bob = build_holder("Bob").holder
    assert bob is not None
    first = build_subject(bob)
    terms = build_terms(fee_percent="0", remix_percent="50", prices=[price("1")])
    for owner in (bob, studio.owner):
        build_agreement(studio.platform, owner, terms=terms)
    build_batch(studio.platform, [Made(subjects=luna, parents=["late"], licensed=True)])
    before = settle(studio)
    assert paid(before) == {studio.owner.name: 1}
    build_batch(studio.platform, [Made(subjects=first, name="late", licensed=True, at=day(1))])
    after = settle(studio, now=NOW + timedelta(days=1))
    # The remix gives back a half of what it earned alone; Bob has that and his own clip's.
    assert paid(after) == {"Bob": Decimal("1.5"), studio.owner.name: Decimal("-0.5")}
    assert "Dr payable:" in journal()
    build_batch(studio.platform, [Made(subjects=milo, licensed=True)])
    assert paid(settle(studio, now=NOW + timedelta(days=2))) == {studio.owner.name: 1}


def test_a_cancelled_restatement_is_made_by_the_next_run(studio: Studio) -> None:
    luna = studio.character()
    free = build_terms(fee_percent="0", remix_percent="50", prices=[price("1")])
    build_agreement(studio.platform, studio.owner, terms=free)
    build_batch(studio.platform, [Made(subjects=luna, parents=["late"], licensed=True)])
    settle(studio)
    build_batch(studio.platform, [Made(subjects=luna, name="late", licensed=True)], sealed=False)
    resolve_parents()
    first = review(studio)
    assert first.parts.get().kind == "restate"
    assert first.lines.count() == 2
    runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=first)
    second = review(studio)
    assert [line.gross for line in lines(second)] == [line.gross for line in lines(first)]


def test_an_agreement_in_another_currency_is_left_to_its_own_runs(studio: Studio) -> None:
    eurostar = build_holder("Euro").holder
    assert eurostar is not None
    euro, dollar = build_subject(eurostar), studio.character()
    one = build_terms(fee_percent="0", prices=[price("1")])
    build_agreement(studio.platform, eurostar, currency="EUR", terms=one)
    build_agreement(studio.platform, studio.owner, terms=one)
    build_batch(studio.platform, [Made(subjects=[euro, dollar], licensed=True)])
    assert paid(settle(studio)) == {studio.owner.name: Decimal("0.5")}
    assert paid(settle(studio, currency="EUR")) == {"Euro": Decimal("0.5")}


def test_a_run_rated_again_from_the_same_inputs_says_the_same(studio: Studio) -> None:
    luna, milo = studio.character(), studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(
        studio.platform,
        [Made(subjects={luna: 2, milo: 1}, licensed=True), Made(subjects=milo, licensed=True)],
    )
    first = review(studio)
    assert content_hash(run_id=first.pk) == bytes(first.content_hash or b"")
    runs.cancel_run(actor=studio.finance.preparer, now=NOW, run=first)
    second = review(studio)
    told = [
        [(line.subject, line.gross, line.entitled_generations) for line in lines(run)]
        for run in (first, second)
    ]
    assert sorted(told[0], key=str) == sorted(told[1], key=str)
    assert first.total == second.total


def test_a_batch_of_many_is_rated_in_ranges(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "PART_ROWS", 3)
    luna = studio.character()
    build_agreement(studio.platform, studio.owner)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)] * 7)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)] * 2)
    build_batch(studio.platform, [Made(subjects=luna, licensed=True)] * 2)
    run = review(studio)
    assert [part.rows for part in run.parts.order_by("number")] == [3, 3, 1, 2, 2]
    assert sum(line.generations for line in lines(run)) == 11
    assert run.total.amount == Decimal("0.022")

"""Agreements: made by the house, seen by both sides, dated, never changed."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from licensing.access.models import AuditRecord
from licensing.catalog.models import Subject
from licensing.commerce.agreements import (
    AgreementExists,
    BadPercent,
    NoPrices,
    Price,
    PriceTwice,
    TermsRetroactive,
    _within,
    add_terms,
    create_agreement,
)
from licensing.commerce.coverage import GOVERNING
from licensing.commerce.models import Agreement, TermsVersion
from tests.client import ApiClient, assert_problem
from tests.licensing.builders import (
    Household,
    build_holder,
    build_house,
    build_platform,
    build_property,
    build_subject,
)
from tests.licensing.commerce.builders import CLIP, build_agreement, build_terms

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Household:
    return build_holder("Nimbus Studios")


@pytest.fixture
def reel() -> Household:
    return build_platform("Reelwright")


def document(reel: Household, studio: Household, **changes: Any) -> dict[str, Any]:
    assert reel.platform is not None
    assert studio.holder is not None
    terms = {
        "effective_on": "2026-01-01",
        "fee_percent": "15",
        "remix_percent": "10",
        "prices": [{"medium": "video", "unit": "second", "amount": "0.0004"}],
        **changes.pop("terms", {}),
    }
    return {
        "platform": reel.platform.shown_id,
        "holder": studio.holder.shown_id,
        "currency": "USD",
        "terms": terms,
        **changes,
    }


def test_the_house_makes_an_agreement_and_both_sides_see_it(
    studio: Household, reel: Household
) -> None:
    made = ApiClient(build_house().actor).post("/agreements", document(reel, studio))
    assert made.status_code == 201, made.content
    agreement = made.json()
    assert agreement["terms"][0]["prices"] == [
        {"medium": "video", "unit": "second", "licensed": True, "amount": "0.0004"}
    ]
    assert agreement["terms"][0]["fee_percent"] == "15"
    for side in (studio, reel):
        client = ApiClient(side.actor)
        assert client.get("/agreements").json()["data"] == [agreement]
        assert client.get(f"/agreements/{agreement['id']}").json() == agreement
    for stranger in (build_holder(), build_platform()):
        client = ApiClient(stranger.actor)
        assert client.get("/agreements").json()["data"] == []
        assert_problem(client.get(f"/agreements/{agreement['id']}"), 404)
    assert set(AuditRecord.objects.values_list("verb", flat=True)) >= {
        "agreement.create",
        "terms.add",
    }


def test_neither_side_writes_its_own_agreement(studio: Household, reel: Household) -> None:
    for side in (studio, reel):
        response = ApiClient(side.actor).post("/agreements", document(reel, studio))
        assert_problem(response, 403, "scope_missing")


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "a fee over the whole": ({"terms": {"fee_percent": "100.5"}}, "/terms/fee_percent"),
    "a fee as a number": ({"terms": {"fee_percent": 15}}, "/terms/fee_percent"),
    "a negative remix share": ({"terms": {"remix_percent": "-1"}}, "/terms/remix_percent"),
    "a price in float notation": (
        {"terms": {"prices": [{"medium": "video", "unit": "second", "amount": "4e-4"}]}},
        "/terms/prices/0/amount",
    ),
    "no price at all": ({"terms": {"prices": []}}, "/terms/prices"),
    "a medium nobody knows": (
        {"terms": {"prices": [{"medium": "smell", "unit": "second", "amount": "1"}]}},
        "/terms/prices/0/medium",
    ),
    "a currency in small letters": ({"currency": "usd"}, "/currency"),
    "a currency nobody has": ({"currency": "ZZZ"}, "/currency"),
    "a day that is none": ({"terms": {"effective_on": "2026-02-30"}}, "/terms/effective_on"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_agreement_is_refused_where_it_is_bad(
    name: str, studio: Household, reel: Household
) -> None:
    changes, pointer = BAD[name]
    client = ApiClient(build_house().actor)
    problem = assert_problem(client.post("/agreements", document(reel, studio, **changes)), 422)
    assert [fault["pointer"] for fault in problem["errors"]] == [pointer]
    assert Agreement.objects.count() == 0


def test_an_agreement_is_over_the_holders_own(studio: Household, reel: Household) -> None:
    other = build_holder()
    assert other.holder is not None
    theirs = build_subject(other.holder)
    client = ApiClient(build_house().actor)
    response = client.post("/agreements", document(reel, studio, subject=theirs.shown_id))
    assert_problem(response, 422, "bad_scope")


def test_one_agreement_a_scope(studio: Household, reel: Household) -> None:
    build_agreement(reel.platform, studio.holder)  # type: ignore[arg-type]
    with pytest.raises(AgreementExists):
        build_agreement(reel.platform, studio.holder)  # type: ignore[arg-type]


def test_new_terms_begin_today_or_later_and_after_the_last(
    studio: Household, reel: Household, now: datetime
) -> None:
    house = build_house().actor
    agreement = build_agreement(reel.platform, studio.holder)  # type: ignore[arg-type]
    today = now.date()
    with pytest.raises(TermsRetroactive):
        add_terms(
            actor=house,
            now=now,
            agreement=agreement,
            terms=build_terms(effective_on=today - timedelta(days=1)),
        )
    add_terms(actor=house, now=now, agreement=agreement, terms=build_terms(effective_on=today))
    with pytest.raises(TermsRetroactive):
        add_terms(actor=house, now=now, agreement=agreement, terms=build_terms(effective_on=today))
    assert [version.number for version in agreement.versions.order_by("number")] == [1, 2]


def test_terms_are_checked_by_the_verb_too(
    studio: Household, reel: Household, now: datetime
) -> None:
    twice = build_terms(prices=[CLIP, CLIP])
    for terms, refusal in (
        (twice, PriceTwice),
        (build_terms(prices=[]), NoPrices),
        (build_terms(fee_percent="100.0000001"), BadPercent),
        (build_terms(fee_percent="NaN"), BadPercent),
    ):
        with pytest.raises(refusal), transaction.atomic():
            build_agreement(reel.platform, studio.holder, terms=terms)  # type: ignore[arg-type]
    assert Agreement.objects.count() == 0


def test_the_database_refuses_what_would_change_an_agreement(
    studio: Household, reel: Household
) -> None:
    agreement = build_agreement(reel.platform, studio.holder)  # type: ignore[arg-type]
    skipping = (
        "INSERT INTO commerce_termsversion (id, agreement_id, number, effective_on, fee_percent,"
        " remix_percent, price_count, recorded_at) SELECT gen_random_uuid(), "
        f"'{agreement.pk}', {{number}}, '{{day}}', 1, 1, 1, now()"
    )
    statements = [
        "UPDATE commerce_termsversion SET fee_percent = 0",
        "DELETE FROM commerce_termsprice",
        "UPDATE commerce_agreement SET currency = 'EUR'",
        "TRUNCATE commerce_termsprice",
        skipping.format(number=3, day="2030-01-01"),
        skipping.format(number=2, day="2020-01-01"),
    ]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for statement in statements:
        with (
            pytest.raises(IntegrityError, match="violates"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)


def test_a_price_cannot_join_terms_that_stand(studio: Household, reel: Household) -> None:
    agreement = build_agreement(reel.platform, studio.holder)  # type: ignore[arg-type]
    version = TermsVersion.objects.get(agreement=agreement)
    with pytest.raises(IntegrityError, match="terms_sealed"), transaction.atomic():
        version.prices.create(medium="voice", unit="second", amount=Decimal(1))


def governing(
    reel: Household, *subjects: Subject, day: date = date(2026, 10, 1)
) -> dict[UUID, UUID]:
    """The terms version that governs each subject on the day; nothing where none does."""
    query = GOVERNING.format(
        pairs="SELECT unnest(%(subjects)s::uuid[]) AS subject_id, %(day)s::date AS day"
    )
    assert reel.platform is not None
    terms: dict[str, Any] = {
        "platform": reel.platform.pk,
        "subjects": [subject.pk for subject in subjects],
        "day": day,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, terms)
        return {row[0]: row[2] for row in cursor.fetchall()}


def terms_of(agreement: Agreement, number: int = 1) -> UUID:
    return agreement.versions.get(number=number).pk


def test_the_most_specific_agreement_governs(studio: Household, reel: Household) -> None:
    """Subject before the nearest property before the holder; another platform's does not count."""
    holder, platform = studio.holder, reel.platform
    assert holder is not None
    assert platform is not None
    saga = build_property(holder, "Tin Harbor")
    part = build_property(holder, "Deep Water", parent=saga)
    star = build_subject(holder, "Marlow", property=part)
    mate = build_subject(holder, "The Mate", property=part)
    crest = build_subject(holder, "Crest", property=saga)
    loner = build_subject(holder, "Loner")
    stranger = build_subject(build_holder().holder, "Somebody Else")  # type: ignore[arg-type]
    everything = build_agreement(platform, holder)
    over_saga = build_agreement(platform, holder, property=saga)
    over_part = build_agreement(platform, holder, property=part)
    over_star = build_agreement(platform, holder, subject=star)
    build_agreement(build_platform().platform, holder, subject=mate)  # type: ignore[arg-type]
    assert governing(reel, star, mate, crest, loner, stranger) == {
        star.pk: terms_of(over_star),
        mate.pk: terms_of(over_part),
        crest.pk: terms_of(over_saga),
        loner.pk: terms_of(everything),
    }


def test_a_more_specific_agreement_governs_from_its_first_day(
    studio: Household, reel: Household
) -> None:
    holder, platform = studio.holder, reel.platform
    assert holder is not None
    assert platform is not None
    star = build_subject(holder)
    everything = build_agreement(platform, holder)
    own = build_agreement(
        platform, holder, subject=star, terms=build_terms(effective_on=date(2026, 10, 15))
    )
    assert governing(reel, star, day=date(2026, 10, 14)) == {star.pk: terms_of(everything)}
    assert governing(reel, star, day=date(2026, 10, 15)) == {star.pk: terms_of(own)}


def test_the_terms_in_force_on_a_day(studio: Household, reel: Household, now: datetime) -> None:
    agreement = build_agreement(reel.platform, studio.holder)  # type: ignore[arg-type]
    later = add_terms(
        actor=build_house().actor,
        now=now,
        agreement=agreement,
        terms=build_terms(effective_on=date(2026, 11, 1), fee_percent="20"),
    )
    first = agreement.versions.get(number=1)
    expected = {
        date(2024, 12, 31): None,
        date(2025, 1, 1): first.pk,
        date(2026, 10, 31): first.pk,
        date(2026, 11, 1): later.pk,
    }
    star = build_subject(studio.holder)  # type: ignore[arg-type]
    for day, terms in expected.items():
        assert governing(reel, star, day=day).get(star.pk) == terms


def test_modes_never_meet(studio: Household, now: datetime) -> None:
    live = build_platform(mode="live")
    with pytest.raises(IntegrityError, match="agreement_mode"), transaction.atomic():
        Agreement.objects.create(
            platform=live.platform,  # type: ignore[misc]
            holder=studio.holder,  # type: ignore[misc]
            currency="USD",
            created_at=now,
        )
    from ledger.errors import NotFound

    with pytest.raises(NotFound):
        create_agreement(
            actor=build_house().actor,
            now=now,
            platform=live.platform,  # type: ignore[arg-type]
            holder=studio.holder,  # type: ignore[arg-type]
            currency="USD",
            terms=build_terms(prices=[Price(medium="text", unit="generation", amount=Decimal(1))]),
        )


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_a_bound_is_a_bound_for_every_decimal(value: Decimal) -> None:
    held = _within(value, Decimal(100), 6)
    exact = value.is_finite() and 0 <= value <= 100 and value * 10**6 == int(value * 10**6)
    assert held == exact

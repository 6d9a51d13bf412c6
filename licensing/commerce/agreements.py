"""Making agreements and dating their terms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

from django.db import IntegrityError, transaction

from ledger.actor import Actor, ScopeMissing
from ledger.errors import Invalid, NotFound, Refused
from ledger.money import is_currency
from licensing.access import audit
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.catalog.ownership import settled_up_to
from licensing.commerce.models import Agreement, Medium, PriceUnit, TermsPrice, TermsVersion

MOST_PRICES = len(Medium) * len(PriceUnit) * 2


class AgreementExists(Refused):
    """These two have an agreement over this scope already: give it new terms."""

    code = "agreement_exists"


class BadScope(Invalid):
    """An agreement is over one property or one subject of its holder, or over everything."""

    code = "bad_scope"


class BadPercent(Invalid):
    """A percentage lies between 0 and 100, with at most six decimals."""

    code = "bad_percent"


class BadPrice(Invalid):
    """A price lies between 0 and 1,000,000, with at most twelve decimals."""

    code = "bad_price"


class PriceTwice(Invalid):
    """Each medium and unit has one price for licensed and one for unlicensed use."""

    code = "price_twice"


class NoPrices(Invalid):
    """Terms name at least one price."""

    code = "no_prices"


class TermsRetroactive(Invalid):
    """New terms begin today or later, and after the last ones."""

    code = "retroactive"


class TermsSettled(Refused):
    """These terms would price anew what is settled already. Let them begin after that."""

    code = "settled_time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What a unit of a medium costs, in the agreement's currency."""

    medium: str
    unit: str
    amount: Decimal
    licensed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """The clauses from a day on. Percentages are 0 to 100."""

    effective_on: date
    fee_percent: Decimal
    remix_percent: Decimal
    prices: Sequence[Price]


@transaction.atomic
def create_agreement(
    *,
    actor: Actor,
    now: datetime,
    platform: Platform,
    holder: RightsHolder,
    currency: str,
    terms: Terms,
    property: Property | None = None,  # noqa: A002 - the field's own word
    subject: Subject | None = None,
) -> Agreement:
    """A new agreement with its first terms, which may begin in the past: what no terms governed
    until now, or none had a price for, is priced by the next run.

    Raises ScopeMissing, NotFound, BadScope, AgreementExists and what `add_terms` raises.
    """
    _require_house(actor)
    if not is_currency(currency):
        raise Invalid("That is not an ISO 4217 currency code.", pointer="/currency")
    modes = {platform.organisation.mode, holder.organisation.mode}
    if modes != {actor.mode}:
        raise NotFound
    _check_scope(holder, property, subject)
    try:
        with transaction.atomic():
            agreement = Agreement.objects.create(
                platform=platform,
                holder=holder,
                property=property,
                subject=subject,
                currency=currency,
                created_at=now,
            )
    except IntegrityError as error:
        if "agreement_scope_once" in str(error):
            raise AgreementExists from None
        raise
    audit.record(
        actor=actor,
        now=now,
        verb="agreement.create",
        thing=agreement.shown_id,
        organisation_id=holder.organisation_id,
        detail={"platform": platform.shown_id, "holder": holder.shown_id, "currency": currency},
    )
    with _told_what_is_settled(pointer="/terms/effective_on"):
        _write_terms(actor=actor, now=now, agreement=agreement, number=1, terms=terms)
    return agreement


@transaction.atomic
def add_terms(*, actor: Actor, now: datetime, agreement: Agreement, terms: Terms) -> TermsVersion:
    """The agreement's next terms. What happened before `effective_on` keeps the earlier ones.

    Raises ScopeMissing, NotFound, TermsRetroactive, TermsSettled, BadPercent, BadPrice, PriceTwice,
    NoPrices.
    """
    _require_house(actor)
    locked = (
        Agreement.objects.visible_to(actor)
        .select_for_update(of=("self",), no_key=True)
        .filter(pk=agreement.pk)
        .first()
    )
    if locked is None:
        raise NotFound
    last = locked.versions.order_by("-number").first()
    assert last is not None, "an agreement is made with its first terms"
    today = now.astimezone(UTC).date()
    if terms.effective_on < today or terms.effective_on <= last.effective_on:
        raise TermsRetroactive(pointer="/effective_on")
    with _told_what_is_settled(pointer="/effective_on"):
        return _write_terms(
            actor=actor, now=now, agreement=locked, number=last.number + 1, terms=terms
        )


def _require_house(actor: Actor) -> None:
    actor.require("agreements:write")
    if not actor.is_house:
        raise ScopeMissing("Only the house writes agreements.")


def _check_scope(holder: RightsHolder, scope: Property | None, subject: Subject | None) -> None:
    if scope is not None and subject is not None:
        raise BadScope(pointer="/subject")
    if scope is not None and scope.holder_id != holder.pk:
        raise BadScope(pointer="/property")
    if subject is not None and subject.holder_id != holder.pk:
        raise BadScope(pointer="/subject")


def _write_terms(
    *, actor: Actor, now: datetime, agreement: Agreement, number: int, terms: Terms
) -> TermsVersion:
    _check_terms(terms)
    version = TermsVersion.objects.create(
        agreement=agreement,
        number=number,
        effective_on=terms.effective_on,
        fee_percent=terms.fee_percent,
        remix_percent=terms.remix_percent,
        price_count=len(terms.prices),
        recorded_at=now,
    )
    TermsPrice.objects.bulk_create(
        TermsPrice(
            terms=version,
            medium=price.medium,
            unit=price.unit,
            licensed=price.licensed,
            amount=price.amount,
        )
        for price in terms.prices
    )
    audit.record(
        actor=actor,
        now=now,
        verb="terms.add",
        thing=version.shown_id,
        organisation_id=agreement.holder.organisation_id,
        detail={
            "agreement": agreement.shown_id,
            "number": number,
            "effective_on": terms.effective_on.isoformat(),
        },
    )
    return version


@contextmanager
def _told_what_is_settled(*, pointer: str) -> Iterator[None]:
    """Turns the refusal of whoever has settled usage by other terms into one that names the day.
    Only they know, and they stand above agreements. Raises TermsSettled."""
    try:
        yield
    except IntegrityError as error:
        day = settled_up_to(error)
        if day is None:
            raise
        raise TermsSettled(
            f"Usage up to {day} is settled under other terms. These may begin after that day.",
            pointer=pointer,
        ) from error


def _check_terms(terms: Terms) -> None:
    for name in ("fee_percent", "remix_percent"):
        if not _within(getattr(terms, name), Decimal(100), 6):
            raise BadPercent(pointer=f"/{name}")
    if not terms.prices:
        raise NoPrices(pointer="/prices")
    seen: set[tuple[str, str, bool]] = set()
    for position, price in enumerate(terms.prices):
        key = (price.medium, price.unit, price.licensed)
        if key in seen:
            raise PriceTwice(pointer=f"/prices/{position}")
        seen.add(key)
        if price.medium not in Medium.values or price.unit not in PriceUnit.values:
            raise BadPrice(pointer=f"/prices/{position}")
        if not _within(price.amount, Decimal(1_000_000), 12):
            raise BadPrice(pointer=f"/prices/{position}/amount")


def _within(value: Decimal, most: Decimal, places: int) -> bool:
    if not value.is_finite() or not 0 <= value <= most:
        return False
    exponent = value.normalize().as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -places

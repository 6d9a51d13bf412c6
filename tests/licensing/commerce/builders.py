"""Agreements for stories: half a cent a clip, fifteen per cent to the house, valid by default."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from ledger.actor import system_actor
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.commerce.agreements import Price, Terms, create_agreement
from licensing.commerce.models import Agreement
from tests.licensing.builders import LONG_AGO

CLIP = Price(medium="video", unit="generation", amount=Decimal("0.005"))
STILL = Price(medium="image", unit="generation", amount=Decimal("0.002"))


def build_terms(
    *,
    effective_on: date = date(2025, 1, 1),
    fee_percent: str = "15",
    remix_percent: str = "10",
    prices: Sequence[Price] = (CLIP, STILL),
) -> Terms:
    return Terms(
        effective_on=effective_on,
        fee_percent=Decimal(fee_percent),
        remix_percent=Decimal(remix_percent),
        prices=prices,
    )


def build_agreement(
    platform: Platform,
    holder: RightsHolder,
    *,
    property: Property | None = None,  # noqa: A002 - the field's own word
    subject: Subject | None = None,
    currency: str = "USD",
    terms: Terms | None = None,
) -> Agreement:
    return create_agreement(
        actor=system_actor(mode="test"),
        now=LONG_AGO,
        platform=platform,
        holder=holder,
        property=property,
        subject=subject,
        currency=currency,
        terms=terms or build_terms(),
    )

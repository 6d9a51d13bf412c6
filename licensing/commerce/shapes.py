"""What agreements and terms look like on the wire."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from rest_framework import serializers

from ledger.wire import Currency, Day, DecimalText, Flag, Id, Instant, Shape
from licensing.catalog.models import Platform, Property, RightsHolder, Subject
from licensing.commerce.agreements import MOST_PRICES, Price, Terms
from licensing.commerce.models import Agreement, Medium, PriceUnit, TermsVersion


class PriceShape(Shape):
    """A price by medium and unit, in the agreement's currency."""

    medium = serializers.ChoiceField(Medium.choices)
    unit = serializers.ChoiceField(PriceUnit.choices)
    licensed = Flag(default=True, help_text="False for use without a valid receipt.")
    amount = DecimalText(places=12, largest=Decimal(1_000_000))

    def to_internal_value(self, data: Any) -> Price:
        return Price(**super().to_internal_value(data))


class NewTermsShape(Shape):
    """The clauses from a day on."""

    effective_on = Day()
    fee_percent = DecimalText(places=6, largest=Decimal(100), help_text="Kept by the house.")
    remix_percent = DecimalText(
        places=6,
        largest=Decimal(100),
        help_text="Of what a remix earns, for the subjects of its parent.",
    )
    prices = PriceShape(many=True, allow_empty=False, max_length=MOST_PRICES)  # type: ignore[call-arg]

    def to_internal_value(self, data: Any) -> Terms:
        return Terms(**super().to_internal_value(data))


class TermsShape(Shape):
    """A version of an agreement's terms."""

    id = Id(TermsVersion.PREFIX, source="pk")
    number = serializers.IntegerField()
    effective_on = Day()
    fee_percent = DecimalText(places=6)
    remix_percent = DecimalText(places=6)
    prices = PriceShape(many=True)
    recorded_at = Instant()


class NewAgreementShape(Shape):
    """An agreement to be made, with its first terms."""

    platform = Id(Platform.PREFIX, "platform")
    holder = Id(RightsHolder.PREFIX, "holder")
    property = Id(Property.PREFIX, "property", required=False)
    subject = Id(Subject.PREFIX, "subject", required=False)
    currency = Currency()
    terms = NewTermsShape()


class AgreementShape(Shape):
    """An agreement with all of its terms, first to last."""

    id = Id(Agreement.PREFIX, source="pk")
    platform = Id(Platform.PREFIX, source="platform_id")
    holder = Id(RightsHolder.PREFIX, source="holder_id")
    property = Id(Property.PREFIX, source="property_id", allow_null=True)
    subject = Id(Subject.PREFIX, source="subject_id", allow_null=True)
    currency = serializers.CharField()
    created_at = Instant()
    terms = TermsShape(many=True, source="ordered_versions")


TERMS_EXAMPLE: Final[dict[str, Any]] = {
    "effective_on": "2026-10-01",
    "fee_percent": "15",
    "remix_percent": "10",
    "prices": [
        {"medium": "video", "unit": "second", "licensed": True, "amount": "0.0004"},
        {"medium": "image", "unit": "generation", "licensed": True, "amount": "0.002"},
        {"medium": "image", "unit": "generation", "licensed": False, "amount": "0.01"},
    ],
}
NEW_EXAMPLE: Final[dict[str, Any]] = {
    "platform": "plt_06evgh4c2xskgjz3kq1v6t9m8n",
    "holder": "hld_06evgh4c2xskgjz3kq1v6t9m8f",
    "property": "prp_06evgh4c2xskgjz3kq1v6t9m8m",
    "currency": "USD",
    "terms": TERMS_EXAMPLE,
}
EXAMPLE: Final[dict[str, Any]] = {
    "id": "agr_06evgh4c2xskgjz3kq1v6t9m8q",
    **{name: value for name, value in NEW_EXAMPLE.items() if name != "terms"},
    "subject": None,
    "created_at": "2026-09-20T09:00:00Z",
    "terms": [
        {
            "id": "trm_06evgh4c2xskgjz3kq1v6t9m8r",
            "number": 1,
            **TERMS_EXAMPLE,
            "recorded_at": "2026-09-20T09:00:00Z",
        }
    ],
}

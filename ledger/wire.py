"""How values are written on the wire: strict shapes, prefixed ids, money and times.

The framework's own fields forgive too much (`"1_000"`, fullwidth digits, naive times, numbers as
money, a misspelt field). These refuse, each with a stable code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger import ids
from ledger.errors import Fault
from ledger.money import LARGEST, Money, format_amount, format_exact, is_currency

_DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})(\.[0-9]{1,12})?\Z", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d{2}-\d{2}T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)\Z",
    re.ASCII,
)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}\Z", re.ASCII)


class Shape(serializers.Serializer[Any]):
    """A body or an answer. An unknown field in a body is refused, naming it."""

    default_error_messages = {"unknown_field": "There is no such field."}

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            known = {name for name, field in self.fields.items() if not field.read_only}
            unknown = [name for name in data if name not in known]
            if unknown:
                message = str(self.error_messages["unknown_field"])
                raise serializers.ValidationError(
                    {name: serializers.ErrorDetail(message, "unknown_field") for name in unknown}
                )
        return super().to_internal_value(data)


class Nothing(Shape):
    """Nothing to say: `{}`."""


class Text(serializers.CharField):
    """A string and nothing else: numbers and booleans are not turned into text."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Integer(serializers.IntegerField):
    """A JSON integer and nothing else: no digits in a string, no `1.0`, no boolean."""

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, int):
            self.fail("invalid")
        return data


class Flag(serializers.BooleanField):
    """JSON true or false and nothing else."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


@extend_schema_field(OpenApiTypes.DATETIME)
class Instant(serializers.Field[datetime, str, str, Any]):
    """A moment: RFC 3339 with an offset, kept in UTC."""

    default_error_messages = {
        "invalid_time": "Write a time as RFC 3339 with an offset, such as 2026-10-01T12:00:00Z."
    }

    def to_internal_value(self, data: Any) -> datetime:
        if not isinstance(data, str) or not _TIME.match(data):
            self.fail("invalid_time")
        try:
            moment = datetime.fromisoformat(data).astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("invalid_time")
        if not 2000 <= moment.year <= 2200:
            self.fail("invalid_time")
        return moment

    def to_representation(self, value: datetime) -> str:
        return show_instant(value)


@extend_schema_field(OpenApiTypes.DATE)
class Day(serializers.Field[date, str, str, Any]):
    """A calendar day: `2026-10-01`."""

    default_error_messages = {"invalid_date": "Write a day as 2026-10-01."}

    def to_internal_value(self, data: Any) -> date:
        if not isinstance(data, str) or not _DATE.match(data):
            self.fail("invalid_date")
        try:
            day = date.fromisoformat(data)
        except ValueError:
            self.fail("invalid_date")
        if not 2000 <= day.year <= 2200:
            self.fail("invalid_date")
        return day

    def to_representation(self, value: date) -> str:
        return value.isoformat()


def show_instant(value: datetime) -> str:
    """A moment as RFC 3339 in UTC with a Z."""
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@extend_schema_field(OpenApiTypes.STR)
class DecimalText(serializers.Field[Decimal, str, str, Any]):
    """A plain non-negative decimal in a string: no exponent, no sign, no underscore, ASCII digits."""

    default_error_messages = {
        "invalid_decimal": 'Write a decimal as a string, such as "0.0004".',
        "too_large": "That number is too large.",
        "too_fine": "That number has more decimals than are kept here.",
    }

    def __init__(self, *, places: int = 8, largest: Decimal = LARGEST, **options: Any) -> None:
        self.places = places
        self.largest = largest
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> Decimal:
        if not isinstance(data, str) or not _DECIMAL.match(data):
            self.fail("invalid_decimal")
        number = Decimal(data)
        if number > self.largest:
            self.fail("too_large")
        if len(data.partition(".")[2]) > self.places:
            self.fail("too_fine")
        return number

    def to_representation(self, value: Decimal) -> str:
        return format_exact(value)


class Currency(Text):
    """An ISO 4217 code in capitals."""

    default_error_messages = {"unknown_currency": "That is not an ISO 4217 currency code."}

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not is_currency(text):
            self.fail("unknown_currency")
        return text


class MoneyShape(Shape):
    """An exact amount: `{"amount": "12.34", "currency": "USD"}`, up to eight decimals."""

    amount = DecimalText(help_text="A decimal string, never a JSON number.")
    currency = Currency(help_text="ISO 4217.")

    def to_internal_value(self, data: Any) -> Money:
        value = super().to_internal_value(data)
        return Money(amount=value["amount"], currency=value["currency"])

    def to_representation(self, instance: Money) -> dict[str, str]:
        return show_money(instance.amount, instance.currency)


def show_money(amount: Decimal, currency: str) -> dict[str, str]:
    """Money for an answer, in full: never rounded to what looks nice."""
    return {"amount": format_amount(amount, currency), "currency": currency}


class Id(serializers.Field[UUID, str, str, Any]):
    """A prefixed id such as `chr_01jc…`. A malformed one is simply a thing that does not exist."""

    default_error_messages = {"not_found": "There is no such {what}."}

    def __init__(self, prefix: str, what: str = "thing", **options: Any) -> None:
        self.prefix = prefix
        self.what = what
        super().__init__(**options)

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("not_found", what=self.what)
        try:
            return ids.read(self.prefix, data)
        except ValueError:
            self.fail("not_found", what=self.what)

    def to_representation(self, value: Any) -> str:
        return ids.show(self.prefix, value if isinstance(value, UUID) else value.pk)


def flatten(detail: Any, pointer: str = "") -> Iterator[Fault]:
    """A serializer's nested errors as faults with JSON pointers."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            if name == "non_field_errors":
                yield from flatten(inner, pointer)
            else:
                escaped = str(name).replace("~", "~0").replace("/", "~1")
                yield from flatten(inner, f"{pointer}/{escaped}")
    elif isinstance(detail, list) and any(isinstance(inner, dict | list) for inner in detail):
        for position, inner in enumerate(detail):
            if inner:
                yield from flatten(inner, f"{pointer}/{position}")
    elif isinstance(detail, list):
        for inner in detail:
            yield from flatten(inner, pointer)
    else:
        code = getattr(detail, "code", None) or "invalid"
        if not pointer and code == "invalid":
            code = "not_an_object"
        yield Fault(pointer=pointer, code=str(code), detail=str(detail))

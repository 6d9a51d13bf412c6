"""What statements look like on the wire."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from ledger.ids import show
from ledger.statements.draw import OWED
from ledger.statements.models import Statement
from ledger.wire import Day, Instant, MoneyShape, Shape

OWED_ROLES = [(role.value, role.label) for role in OWED]
_MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])\Z", re.ASCII)


@extend_schema_field(OpenApiTypes.STR)
class Month(serializers.Field[date, str, str, Any]):
    """A calendar month, `2026-10`, kept as its first day."""

    default_error_messages = {"invalid_month": "Write a month as 2026-10."}

    def to_internal_value(self, data: Any) -> date:
        found = _MONTH.match(data) if isinstance(data, str) else None
        if found is None:
            self.fail("invalid_month")
        return date(int(found[1]), int(found[2]), 1)

    def to_representation(self, value: date) -> str:
        return f"{value:%Y-%m}"


class IssueIn(Shape):
    """The month to issue."""

    month = Month(help_text="Such as `2026-10`. The running month is covered up to today.")


class IssuedShape(Shape):
    """What issuing came to."""

    month = Month()
    issued = serializers.IntegerField(help_text="New statements.")
    restated = serializers.IntegerField(help_text="New revisions, because the ledger says more.")
    unchanged = serializers.IntegerField()


class LineShape(Shape):
    """What entries of one kind came to for one subject against one counterparty."""

    kind = serializers.CharField()
    kind_label = serializers.CharField()
    subject = serializers.CharField()
    subject_label = serializers.CharField()
    counterparty = serializers.CharField()
    counterparty_label = serializers.CharField()
    amount = MoneyShape(source="money", help_text="Negative where it took from what is owed.")
    transfers = serializers.IntegerField(help_text="How many lines of the journal it sums.")


class BalanceShape(Shape):
    """The part of the balance on one account."""

    role = serializers.ChoiceField(choices=OWED_ROLES)
    opening = MoneyShape(source="opening_money")
    closing = MoneyShape(source="closing_money")


class ChangeShape(Shape):
    """One figure in which a revision differs from the statement it restates."""

    what = serializers.CharField()
    was = serializers.CharField()
    now = serializers.CharField()


class StatementSummary(Shape):
    """A statement without its lines."""

    id = serializers.CharField(source="shown_id")
    party = serializers.CharField()
    party_label = serializers.CharField()
    month = Month()
    covers_to = Day()
    complete = serializers.BooleanField(source="is_complete")
    currency = serializers.CharField()
    revision = serializers.IntegerField()
    restates = serializers.SerializerMethodField()
    opening = MoneyShape(source="opening_money")
    closing = MoneyShape(source="closing_money")
    issued_at = Instant()

    @extend_schema_field(serializers.CharField(allow_null=True))
    def get_restates(self, statement: Statement) -> str | None:
        former = statement.restates_id
        return show(Statement.PREFIX, former) if former else None


class StatementShape(StatementSummary):
    """A statement: opening balance, every line, closing balance."""

    lines = LineShape(many=True)
    balances = BalanceShape(many=True)
    changes = ChangeShape(many=True)

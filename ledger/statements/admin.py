"""Statements in the admin: to read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from ledger.panel import ReadOnly, ReadOnlyAdmin
from ledger.statements.models import Statement, StatementLine


class StatementLineInline(ReadOnly, TabularInline):
    """A statement's lines."""

    model = StatementLine
    fields = ("kind_label", "subject_label", "counterparty_label", "amount_shown")
    readonly_fields = ("amount_shown",)
    ordering = ("position",)
    max_num = 0
    per_page = 100

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("statement")

    @display(description="amount")
    def amount_shown(self, line: StatementLine) -> str:
        return line.money.shown


@admin.register(Statement)
class StatementAdmin(ReadOnlyAdmin):
    """Statements of account."""

    list_per_page = 50
    list_display = (
        "party_label", "month_shown", "revision", "opening_shown", "closing_shown", "mode",
        "issued_at",
    )  # fmt: skip
    list_filter = ("month", "currency", "book__mode")
    list_select_related = ("book",)
    search_fields = ("party", "party_label")
    ordering = ("-pk",)
    fields = (
        "shown", "party", "party_label", "month_shown", "covers_to", "revision", "opening_shown",
        "closing_shown", "issued_at", "issued_by", "changed",
    )  # fmt: skip
    inlines = (StatementLineInline,)

    @display(description="id")
    def shown(self, statement: Statement) -> str:
        return statement.shown_id

    @display(description="month", ordering="month")
    def month_shown(self, statement: Statement) -> str:
        return f"{statement.month:%Y-%m}"

    @display(description="opening")
    def opening_shown(self, statement: Statement) -> str:
        return statement.opening_money.shown

    @display(description="closing")
    def closing_shown(self, statement: Statement) -> str:
        return statement.closing_money.shown

    @display(description="changed since the revision before")
    def changed(self, statement: Statement) -> str:
        return "; ".join(
            f"{each['what']}: {each['was']} to {each['now']}" for each in statement.changes[:100]
        )

    @display(description="mode", ordering="book__mode")
    def mode(self, statement: Statement) -> str:
        return statement.book.mode

"""Agreements in the admin: to read. They are made through the API, where the terms are checked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import TabularInline
from unfold.decorators import display

from ledger.money import Money
from ledger.panel import ReadOnly, ReadOnlyAdmin
from licensing.commerce.models import Agreement, TermsPrice, TermsVersion


class VersionInline(ReadOnly, TabularInline):
    model = TermsVersion
    fields = ("number", "effective_on", "fee_percent", "remix_percent", "recorded_at")
    readonly_fields = fields
    ordering = ("-number",)
    show_change_link = True
    extra = 0


class PriceInline(ReadOnly, TabularInline):
    model = TermsPrice
    fields = ("medium", "unit", "licensed", "amount_shown")
    readonly_fields = fields
    extra = 0

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("terms__agreement")

    @display(description="amount")
    def amount_shown(self, price: TermsPrice) -> str:
        return Money(amount=price.amount, currency=price.terms.agreement.currency).shown


@admin.register(Agreement)
class AgreementAdmin(ReadOnlyAdmin):
    list_display = ("shown", "holder", "platform", "scope", "currency", "mode", "created_at")
    list_filter = ("platform__organisation__mode", "currency", "platform")
    list_select_related = ("holder", "platform__organisation", "property", "subject")
    search_fields = ("holder__name", "platform__name", "property__name", "subject__name")
    inlines = (VersionInline,)

    @display(description="over")
    def scope(self, agreement: Agreement) -> str:
        return str(agreement.subject or agreement.property or "everything")

    @display(description="mode", label={"test": "info", "live": "success"})
    def mode(self, agreement: Agreement) -> str:
        return agreement.platform.organisation.mode


@admin.register(TermsVersion)
class TermsVersionAdmin(ReadOnlyAdmin):
    list_display = (
        "shown",
        "agreement",
        "number",
        "effective_on",
        "fee_percent",
        "remix_percent",
    )
    list_select_related = (
        "agreement__holder",
        "agreement__platform",
        "agreement__property",
        "agreement__subject",
    )
    search_fields = ("agreement__holder__name", "agreement__platform__name")
    date_hierarchy = "effective_on"
    inlines = (PriceInline,)

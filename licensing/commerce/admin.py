"""Agreements in the admin: to read. They are made through the API, where the terms are checked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from licensing.commerce.models import Agreement, TermsPrice, TermsVersion


class ReadOnly:
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class VersionInline(ReadOnly, TabularInline):
    model = TermsVersion
    fields = ("number", "effective_on", "fee_percent", "remix_percent", "recorded_at")
    readonly_fields = fields
    ordering = ("-number",)
    show_change_link = True
    extra = 0


class PriceInline(ReadOnly, TabularInline):
    model = TermsPrice
    fields = ("medium", "unit", "licensed", "amount")
    readonly_fields = fields
    extra = 0


@admin.register(Agreement)
class AgreementAdmin(ReadOnly, ModelAdmin):
    list_display = ("shown_id", "holder", "platform", "scope", "currency", "mode", "created_at")
    list_filter = ("platform__organisation__mode", "currency", "platform")
    list_select_related = ("holder", "platform__organisation", "property", "subject")
    search_fields = ("holder__name", "platform__name", "property__name", "subject__name")
    show_full_result_count = False
    inlines = (VersionInline,)

    @display(description="over")
    def scope(self, agreement: Agreement) -> str:
        return str(agreement.subject or agreement.property or "everything")

    @display(description="mode", label={"test": "info", "live": "success"})
    def mode(self, agreement: Agreement) -> str:
        return agreement.platform.organisation.mode


@admin.register(TermsVersion)
class TermsVersionAdmin(ReadOnly, ModelAdmin):
    list_display = (
        "shown_id",
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
    show_full_result_count = False
    inlines = (PriceInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TermsVersion]:
        return super().get_queryset(request).select_related("agreement")

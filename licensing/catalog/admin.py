"""The admin's windows on the catalogue: everything is found here, and changed by the API's verbs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from ledger.panel import ReadOnly, ReadOnlyAdmin
from licensing.catalog.models import (
    OwnershipShare,
    OwnershipStep,
    Platform,
    Property,
    RightsHolder,
    Subject,
)
from licensing.catalog.shares import show_share


@admin.register(RightsHolder)
class RightsHolderAdmin(ReadOnlyAdmin):
    """Rights holders."""

    list_display = ("name", "organisation", "mode", "created_at", "shown")
    list_filter = ("organisation__mode",)
    list_select_related = ("organisation",)
    search_fields = ("name", "organisation__name")
    ordering = ("-id",)

    @admin.display(ordering="organisation__mode")
    def mode(self, obj: RightsHolder) -> str:
        return obj.organisation.mode


@admin.register(Platform)
class PlatformAdmin(ReadOnlyAdmin):
    """Platforms."""

    list_display = ("name", "organisation", "mode", "created_at", "shown")
    list_filter = ("organisation__mode",)
    list_select_related = ("organisation",)
    search_fields = ("name", "organisation__name")
    ordering = ("-id",)

    @admin.display(ordering="organisation__mode")
    def mode(self, obj: Platform) -> str:
        return obj.organisation.mode


@admin.register(Property)
class PropertyAdmin(ReadOnlyAdmin):
    """Properties."""

    list_display = ("name", "holder", "parent", "depth", "mode", "shown")
    list_filter = ("holder__organisation__mode", "depth")
    list_select_related = ("holder__organisation", "parent")
    search_fields = ("name", "holder__name")
    ordering = ("-id",)

    @admin.display(ordering="holder__organisation__mode")
    def mode(self, obj: Property) -> str:
        return obj.holder.organisation.mode


@admin.register(Subject)
class SubjectAdmin(ReadOnlyAdmin):
    """Subjects."""

    list_display = ("name", "kind", "holder", "property", "mode", "created_at", "shown")
    list_filter = ("holder__organisation__mode", "kind")
    list_select_related = ("holder__organisation", "property")
    search_fields = ("name", "holder__name")
    ordering = ("-id",)

    @admin.display(ordering="holder__organisation__mode")
    def mode(self, obj: Subject) -> str:
        return obj.holder.organisation.mode


class SharesInline(ReadOnly, TabularInline):
    """The shares of a step."""

    model = OwnershipShare
    fields = ("holder", "share")
    readonly_fields = ("holder", "share")
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.select_related("holder", "step")

    @admin.display
    def share(self, obj: OwnershipShare) -> str:
        text = show_share(obj.fraction)
        return text if "/" in text else f"{text} %"


@admin.register(OwnershipStep)
class OwnershipStepAdmin(ReadOnlyAdmin):
    """Who owns what from when: only ever added to."""

    inlines = (SharesInline,)
    list_display = ("subject", "territory", "effective_on", "owners", "mode", "recorded_at")
    list_filter = ("subject__holder__organisation__mode", "territory")
    list_select_related = ("subject__holder__organisation",)
    search_fields = ("subject__name",)
    date_hierarchy = "effective_on"
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.prefetch_related("shares__holder")

    @admin.display
    def owners(self, obj: OwnershipStep) -> str:
        return ", ".join(str(share.holder) for share in obj.shares.all())

    @admin.display(ordering="subject__holder__organisation__mode")
    def mode(self, obj: OwnershipStep) -> str:
        return obj.subject.holder.organisation.mode

"""The admin's windows on the catalogue: everything is found here, and changed by the API's verbs."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.urls.resolvers import URLPattern
from unfold.admin import TabularInline

from ledger.panel import ReadOnly, ReadOnlyAdmin
from licensing.catalog.models import (
    OwnershipShare,
    OwnershipStep,
    Picture,
    Platform,
    Property,
    RightsHolder,
    Subject,
)
from licensing.catalog.picture_answers import answer_with
from licensing.catalog.shares import show_percent
from licensing.catalog.templatetags.catalogue import drawn
from licensing.catalog.tree import picture_of, with_picture


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


class PicturedAdmin(ReadOnlyAdmin):
    """What has a picture, or else a small landscape of its own, as on the portal."""

    class Media:
        css: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("catalog/portrait.css",)}

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = with_picture(super().get_queryset(request))
        return rows

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        """The picture first."""
        named = [name for name in super().get_fields(request, obj) if name != "large_portrait"]
        return ["large_portrait", *named]

    def get_urls(self) -> list[URLPattern]:
        picture = self.admin_site.admin_view(self.picture, cacheable=True)
        return [path("<uuid:pk>/picture", picture, name=self._named()), *super().get_urls()]

    def picture(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """The picture itself."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = Picture.objects.filter(**{str(self.opts.model_name): pk}).first()
        if found is None:
            raise Http404
        return answer_with(request, found)

    @admin.display(description="")
    def portrait(self, obj: Subject | Property) -> str:
        return self._shown(obj, "small")

    @admin.display(description="picture")
    def large_portrait(self, obj: Subject | Property) -> str:
        return self._shown(obj, "large")

    def _shown(self, obj: Subject | Property, size: str) -> str:
        digest = picture_of(obj)
        address = reverse(f"admin:{self._named()}", args=[obj.pk]) if digest else ""
        shown = drawn(obj, address and f"{address}?{digest}", size)
        return render_to_string("catalog/portrait.html", shown)

    def _named(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_picture"


@admin.register(Property)
class PropertyAdmin(PicturedAdmin):
    """Properties."""

    readonly_fields = ("large_portrait",)
    list_display_links = ("name",)
    list_display = ("portrait", "name", "holder", "parent", "depth", "mode", "shown")
    list_filter = ("holder__organisation__mode", "depth")
    list_select_related = ("holder__organisation", "parent")
    search_fields = ("name", "holder__name")
    ordering = ("-id",)

    @admin.display(ordering="holder__organisation__mode")
    def mode(self, obj: Property) -> str:
        return obj.holder.organisation.mode


@admin.register(Subject)
class SubjectAdmin(PicturedAdmin):
    """Subjects."""

    readonly_fields = ("large_portrait",)
    list_display_links = ("name",)
    list_display = ("portrait", "name", "kind", "holder", "property", "mode", "created_at", "shown")
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
        return show_percent(obj.fraction)


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

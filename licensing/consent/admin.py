"""The admin's windows on consent: rules, their versions, checks, approvals, switches, public keys."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from ledger import ids
from licensing.access.admin import ReadOnlyAdmin
from licensing.access.models import Identified
from licensing.consent.models import (
    ApprovalRequest,
    ConsentCheck,
    ConsentRule,
    KillSwitch,
    RuleVersion,
    SigningKey,
)

# How far a list that only grows is counted.
_COUNTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than ten thousand rows: a list of all checks ever would be read for it."""

    @property
    def count(self) -> int:
        """The number of rows, or ten thousand if there are more."""
        rows: Any = self.object_list
        return int(rows.order_by()[:_COUNTED].count())


class FoundById(ReadOnlyAdmin):
    """Rows that are also found by the id they are shown with."""

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        model = self.model
        if issubclass(model, Identified):
            try:
                return queryset.filter(pk=ids.read(model.PREFIX, search_term.strip())), False
            except ValueError:
                pass
        return super().get_search_results(request, queryset, search_term)


class VersionInline(TabularInline):
    """A rule's history."""

    model = RuleVersion
    fk_name = "rule"
    fields = ("number", "state", "body", "drafted_by", "published_at", "ended_at")
    readonly_fields = fields
    extra = 0
    can_delete = False
    ordering = ("-number",)
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(ConsentRule)
class ConsentRuleAdmin(FoundById):
    """Consent rules."""

    list_display = ("shown_id", "name", "holder", "scope", "mode", "created_at")
    list_filter = ("holder__organisation__mode", "versions__state")
    list_select_related = ("holder__organisation", "property", "subject")
    search_fields = ("name", "holder__name", "property__name", "subject__name")
    ordering = ("-id",)
    inlines = (VersionInline,)

    @admin.display(description="over")
    def scope(self, obj: ConsentRule) -> str:
        return str(obj.subject or obj.property or "everything")

    @admin.display(ordering="holder__organisation__mode")
    def mode(self, obj: ConsentRule) -> str:
        return obj.holder.organisation.mode


@admin.register(RuleVersion)
class RuleVersionAdmin(FoundById):
    """What each version of a rule says."""

    list_display = ("shown_id", "rule", "number", "state", "holder", "published_at", "ended_at")
    list_filter = ("state", "holder__organisation__mode")
    list_select_related = ("rule", "holder__organisation")
    search_fields = ("rule__name", "holder__name")
    ordering = ("-id",)


@admin.register(ConsentCheck)
class ConsentCheckAdmin(FoundById):
    """Consent checks and their answers."""

    list_display = ("shown_id", "outcome", "platform", "action", "territory", "mode", "issued_at")
    list_filter = ("outcome", "mode", "action")
    list_select_related = ("platform",)
    search_fields = ("platform__name",)
    search_help_text = "A check's id, or a platform's name."
    ordering = ("-id",)
    paginator = BoundedPaginator
    raw_id_fields = ("approves",)


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(FoundById):
    """Requests for approval."""

    list_display = ("shown_id", "state", "holder", "mode", "asked_at", "answered_by")
    list_filter = ("state", "holder__organisation__mode")
    list_select_related = ("holder__organisation",)
    search_fields = ("holder__name",)
    ordering = ("-id",)
    raw_id_fields = ("consent_check",)

    @admin.display(ordering="holder__organisation__mode")
    def mode(self, obj: ApprovalRequest) -> str:
        return obj.holder.organisation.mode


@admin.register(KillSwitch)
class KillSwitchAdmin(FoundById):
    """Kill switches."""

    list_display = ("shown_id", "holder", "scope", "platform", "mode", "thrown_at", "lifted_at")
    list_filter = ("holder__organisation__mode", ("lifted_at", admin.EmptyFieldListFilter))
    list_select_related = ("holder__organisation", "property", "subject", "platform")
    search_fields = ("holder__name", "subject__name", "property__name")
    ordering = ("-id",)

    @admin.display(description="over")
    def scope(self, obj: KillSwitch) -> str:
        return str(obj.subject or obj.property or "everything")

    @admin.display(ordering="holder__organisation__mode")
    def mode(self, obj: KillSwitch) -> str:
        return obj.holder.organisation.mode


@admin.register(SigningKey)
class SigningKeyAdmin(ReadOnlyAdmin):
    """The keys that sign receipts: their public halves alone."""

    list_display = ("kid", "state", "created_at", "current_from", "retired_at")
    list_filter = ("state",)
    ordering = ("-created_at",)
    exclude = ("private_encrypted",)

"""The admin's windows on consent: rules, their versions, checks, approvals, switches, public keys."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import TabularInline

from ledger.panel import ReadOnly, ReadOnlyAdmin
from licensing.consent.models import (
    ApprovalRequest,
    ConsentCheck,
    ConsentRule,
    KillSwitch,
    RuleVersion,
    SigningKey,
)


# How far a list that only grows is counted.
class VersionInline(ReadOnly, TabularInline):
    """A rule's history."""

    model = RuleVersion
    fk_name = "rule"
    fields = ("number", "state", "body", "drafted_by", "published_at", "ended_at")
    readonly_fields = fields
    extra = 0
    can_delete = False
    ordering = ("-number",)
    show_change_link = True


@admin.register(ConsentRule)
class ConsentRuleAdmin(ReadOnlyAdmin):
    """Consent rules."""

    list_display = ("shown", "name", "holder", "scope", "mode", "created_at")
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
class RuleVersionAdmin(ReadOnlyAdmin):
    """What each version of a rule says."""

    list_display = ("shown", "rule", "number", "state", "holder", "published_at", "ended_at")
    list_filter = ("state", "holder__organisation__mode")
    list_select_related = ("rule", "holder__organisation")
    search_fields = ("rule__name", "holder__name")
    ordering = ("-id",)


@admin.register(ConsentCheck)
class ConsentCheckAdmin(ReadOnlyAdmin):
    """Consent checks and their answers."""

    list_display = ("shown", "outcome", "platform", "action", "territory", "mode", "issued_at")
    list_filter = ("outcome", "mode", "action")
    list_select_related = ("platform",)
    search_fields = ("platform__name",)
    search_help_text = "A check's id, or a platform's name."
    ordering = ("-id",)
    raw_id_fields = ("approves",)


@admin.register(ApprovalRequest)
class ApprovalRequestAdmin(ReadOnlyAdmin):
    """Requests for approval."""

    list_display = ("shown", "state", "holder", "mode", "asked_at", "answered_by")
    list_filter = ("state", "holder__organisation__mode")
    list_select_related = ("holder__organisation",)
    search_fields = ("holder__name",)
    ordering = ("-id",)
    raw_id_fields = ("consent_check",)

    @admin.display(ordering="holder__organisation__mode")
    def mode(self, obj: ApprovalRequest) -> str:
        return obj.holder.organisation.mode


@admin.register(KillSwitch)
class KillSwitchAdmin(ReadOnlyAdmin):
    """Kill switches."""

    list_display = ("shown", "holder", "scope", "platform", "mode", "thrown_at", "lifted_at")
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

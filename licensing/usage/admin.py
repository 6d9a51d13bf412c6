"""The admin's windows on usage: everything is findable, nothing can be changed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest

from ledger import ids
from ledger.panel import ReadOnlyAdmin
from licensing.catalog.models import Platform
from licensing.usage.models import Batch, Generation, GenerationSubject


class ReportedAdmin(ReadOnlyAdmin):
    """Rows that only ever come from a platform's report."""

    ordering = ("-pk",)

    @admin.display(description="Mode", ordering="platform__organisation__mode")
    def mode(self, row: Batch | Generation) -> str:
        """Test or live."""
        return row.platform.organisation.get_mode_display()


def _read(prefix: str, term: str) -> Any:
    try:
        return ids.read(prefix, term.strip())
    except ValueError:
        return None


@admin.register(Batch)
class BatchAdmin(ReportedAdmin):
    """Batches of generations."""

    list_display = (
        "shown", "platform", "mode", "origin", "state", "count", "refused", "opened_at",
        "sealed_at",
    )  # fmt: skip
    list_filter = ("state", "origin", "platform__organisation__mode", "platform")
    list_select_related = ("platform__organisation",)
    search_fields = ("platform__name",)
    search_help_text = "A batch's id, or a platform's name"
    fields = (
        "shown", "platform", "mode", "origin", "state", "opened_at", "sealed_at", "count", "lines",
        "repeated", "refused", "first_occurred_at", "last_occurred_at", "content", "refusals",
    )  # fmt: skip
    readonly_fields = ("shown", "mode", "content")

    @admin.display(description="Content hash")
    def content(self, batch: Batch) -> str:
        """In hexadecimal."""
        return bytes(batch.content_hash or b"").hex() or "not sealed yet"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Batch], search_term: str
    ) -> tuple[QuerySet[Batch], bool]:
        pk = _read(Batch.PREFIX, search_term)
        if pk is not None:
            return queryset.filter(pk=pk), False
        found: tuple[QuerySet[Batch], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found


@admin.register(Generation)
class GenerationAdmin(ReportedAdmin):
    """Generations."""

    list_display = (
        "shown", "external_id", "platform", "mode", "medium", "seconds", "territory", "licensed",
        "unlicensed_reason", "occurred_at",
    )  # fmt: skip
    list_filter = (
        "licensed", "unlicensed_reason", "medium", "platform__organisation__mode", "platform",
    )  # fmt: skip
    list_select_related = ("platform__organisation",)
    search_fields = ("external_id",)
    search_help_text = "A generation's id, the platform's own id for it, or a batch's id"
    fields = (
        "shown", "external_id", "platform", "mode", "batch", "medium", "seconds", "resolution",
        "territory", "purpose", "model", "occurred_at", "licensed", "unlicensed_reason",
        "consent_check", "unit", "subjects", "parents", "metadata",
    )  # fmt: skip
    readonly_fields = ("shown", "mode", "subjects", "parents")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Generation]:
        rows: QuerySet[Generation] = super().get_queryset(request)
        if request.resolver_match and request.resolver_match.kwargs.get("object_id"):
            appearances = GenerationSubject.objects.select_related("subject")
            return rows.select_related("batch", "consent_check").prefetch_related(
                Prefetch("appearances", queryset=appearances), "parents"
            )
        return rows

    @admin.display(description="Subjects")
    def subjects(self, generation: Generation) -> str:
        """Names with weights."""
        return ", ".join(
            f"{one.subject.name} x {one.weight}" for one in generation.appearances.all()
        )

    @admin.display(description="Remixes")
    def parents(self, generation: Generation) -> str:
        """The platform's ids of its parents; those not reported yet in brackets."""
        found = sorted(generation.parents.all(), key=lambda parent: parent.position)
        return ", ".join(
            one.parent_external_id if one.parent_id else f"({one.parent_external_id})"
            for one in found
        )

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Generation], search_term: str
    ) -> tuple[QuerySet[Generation], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        for prefix, field in ((Generation.PREFIX, "pk"), (Batch.PREFIX, "batch_id")):
            pk = _read(prefix, term)
            if pk is not None:
                return queryset.filter(**{field: pk}), False
        # By platform, because that is how the index begins.
        platforms = Platform.objects.values("pk")
        return queryset.filter(platform_id__in=platforms, external_id=term), False

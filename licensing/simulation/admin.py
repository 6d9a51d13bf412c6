"""The admin's window on simulations."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from ledger.panel import ReadOnlyAdmin
from licensing.simulation.models import Simulation


@admin.register(Simulation)
class SimulationAdmin(ReadOnlyAdmin):
    """Simulations: how far they are, and why one has failed."""

    list_display = (
        "shown", "rule", "holder", "state", "progress", "attempt", "error", "created_at",
        "finished_at",
    )  # fmt: skip
    list_filter = ("state", "holder__organisation__mode")
    list_select_related = ("rule", "holder__organisation")
    search_fields = ("rule__name", "holder__name", "created_by")
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Simulation]:
        """Without the big columns, until one row is looked at."""
        rows: QuerySet[Simulation] = super().get_queryset(request)
        return rows.defer("body", "checkpoint", "result")

    @admin.display(description="replayed")
    def progress(self, obj: Simulation) -> str:
        return "" if obj.requests is None else f"{obj.replayed:,} of {obj.requests:,}"

"""What the admin's lists share: rows that change by verbs alone, found by id, and never counted."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ERROR_FLAG
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin

from ledger import ids

# Rows beyond these are found by searching and filtering, not by leafing.
LEAFED = 10_000


class BoundedPaginator(Paginator[Any]):
    """Counts no further than anyone leafs, so that a page of a big table stays cheap."""

    @cached_property
    def count(self) -> int:
        """At most LEAFED."""
        rows: Any = self.object_list
        return len(rows.order_by().values_list("pk")[:LEAFED])


class ReadOnly:
    """For a list or an inline: nothing is added, changed or deleted."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(ReadOnly, ModelAdmin):
    """Rows that are only looked at here, also found by the id they are shown with."""

    paginator = BoundedPaginator
    show_full_result_count = False
    list_per_page = 50

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The list; without its filters if the database cannot read one of them, as Django does
        with those that it refuses itself."""
        try:
            answer: HttpResponse = super().changelist_view(request, extra_context)
        except (DataError, ValueError):
            if not request.GET or ERROR_FLAG in request.GET:
                raise
            return redirect(f"{request.path}?{ERROR_FLAG}=1")
        return answer

    @admin.display(description="id", ordering="pk")
    def shown(self, row: Any) -> str:
        """The id as it stands in URLs and documents."""
        return str(row.shown_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A shown id finds its row; anything else is searched for in the search fields."""
        prefix = getattr(self.model, "PREFIX", None)
        if prefix is not None:
            try:
                return queryset.filter(pk=ids.read(prefix, search_term.strip())), False
            except ValueError:
                pass
        found: tuple[QuerySet[Any], bool] = super().get_search_results(
            request, queryset, search_term
        )
        return found

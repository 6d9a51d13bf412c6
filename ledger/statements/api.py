"""The API's windows on statements."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.urls import path
from django.utils.module_loading import import_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.statements import examples, exports, issuing
from ledger.statements.models import Statement
from ledger.statements.shapes import (
    IssuedShape,
    IssueIn,
    Month,
    StatementShape,
    StatementSummary,
)
from ledger.windows import Window, paged
from ledger.wire import Currency, Text

# The words for the ledger's opaque references: (mode) -> labels. Whoever runs the ledger names the
# function in the settings, because the ledger itself knows no business.
Labels = Callable[[str], Mapping[str, str]]


class StatementsWindow(Window):
    """All statements one may see."""

    scopes = {"GET": "statements:read", "POST": "statements:issue"}

    @extend_schema(
        operation_id="statements_list",
        summary="Statements, newest first, every revision",
        description="Yours; all of the mode for the house.",
        parameters=[
            OpenApiParameter("party", str, description="Whose, such as `hld_…`."),
            OpenApiParameter("month", str, description="Such as `2026-10`."),
            OpenApiParameter("currency", str),
        ],
        responses=paged(StatementSummary),
        examples=examples.listed(examples.SUMMARY),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Statement.objects.visible_to(self.actor),
            StatementSummary,
            filters={
                "party": Text(max_length=80),
                "month": Month(),
                "currency": Currency(),
            },
        )

    @extend_schema(
        operation_id="statements_issue",
        summary="Issue every party's statement of a month",
        description="Again is no change, unless the ledger says otherwise by now: then a revision "
        "says what changed.",
        request=IssueIn,
        responses={201: IssuedShape},
        examples=[
            OpenApiExample("October", value={"month": "2026-10"}, request_only=True),
            examples.shown(examples.ISSUED, status="201"),
        ],
    )
    def post(self, request: Request) -> Response:
        month = self.read(IssueIn)["month"]
        done = issuing.issue_statements(
            actor=self.actor, now=self.now, month=month, labels=_labels(self.actor.mode)
        )
        return self.created(
            IssuedShape,
            {
                "month": month,
                "issued": done.issued,
                "restated": done.restated,
                "unchanged": done.unchanged,
            },
        )


class StatementWindow(Window):
    """One statement."""

    scopes = {"GET": "statements:read"}

    def rows(self) -> QuerySet[Statement]:
        """What the actor sees, with all that is shown of it."""
        return Statement.objects.visible_to(self.actor).prefetch_related(
            "lines__statement", "balances__statement"
        )

    @extend_schema(
        operation_id="statements_get",
        summary="A statement with its lines",
        description="Opening balance, every line, closing balance; a revision also says what it "
        "changed.",
        responses=StatementShape,
        examples=[examples.shown(examples.STATEMENT)],
    )
    def get(self, request: Request, statement: str) -> Response:
        return self.show(StatementShape, self.find(self.rows(), Statement.PREFIX, statement))


class StatementFileWindow(StatementWindow):
    """One statement as a CSV file."""

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """The file is what it is, also to a client that accepts CSV alone."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        operation_id="statements_export",
        summary="A statement as CSV",
        description="The same lines as a file for a spreadsheet.",
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, statement: str) -> HttpResponse:  # type: ignore[override]
        return exports.statement_csv(self.find(self.rows(), Statement.PREFIX, statement))


def _labels(mode: str) -> Mapping[str, str]:
    name = getattr(settings, "LEDGER_LABELS", "")
    return cast("Labels", import_string(name))(mode) if name else {}


urlpatterns = [
    path("statements", StatementsWindow.as_view()),
    path("statements/<str:statement>", StatementWindow.as_view()),
    path("statements/<str:statement>/csv", StatementFileWindow.as_view()),
]

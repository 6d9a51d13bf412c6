"""The API's windows on settlement runs, earnings and explanations."""

from __future__ import annotations

from django.urls import path
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from ledger.errors import NotFound
from ledger.windows import Window, paged
from ledger.wire import Currency, Day, Id, Nothing
from licensing.catalog.models import Platform, RightsHolder, Subject
from licensing.settlement import examples, explaining, reversing, runs
from licensing.settlement.models import Earning, RoyaltyLine, Run, RunShare
from licensing.settlement.shapes import (
    ApprovalShape,
    EarningShape,
    ExplanationShape,
    Month,
    NewRunShape,
    ReversalShape,
    RoyaltyLineShape,
    RunDetailShape,
    RunShape,
    RunShareShape,
)
from licensing.settlement.states import Basis, LineCode, PayeeKind, RunState
from licensing.settlement.tasks import ring_on_commit

NOTHING = examples.said("Nothing to say", {})


class RunsWindow(Window):
    """Settlement runs."""

    scopes = {"GET": "settlement:read", "POST": "settlement:prepare"}

    @extend_schema(
        operation_id="settlement_runs_list",
        summary="Settlement runs",
        description="All of your mode, newest first. Only the house sees runs.",
        parameters=[
            OpenApiParameter("platform", str),
            OpenApiParameter("currency", str),
            OpenApiParameter("period", str),
            OpenApiParameter("state", str, enum=RunState.values),
        ],
        responses=paged(RunShape),
        examples=examples.listed(examples.RUN),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Run.objects.visible_to(self.actor),
            RunShape,
            filters={
                "platform": Id(Platform.PREFIX),
                "currency": Currency(),
                "period": Month(),
                "state": serializers.ChoiceField(RunState.choices),
            },
        )

    @extend_schema(
        operation_id="settlement_runs_start",
        summary="Start a settlement run",
        description="Settles what the platform has reported up to the end of the month and no run "
        "has settled yet. The answer is a draft: it goes on by itself until it is `in_review`. One "
        "run of a platform and currency is open at a time; once it has ended, the same period may "
        "be run again and settles what has come since.",
        request=NewRunShape,
        responses={201: RunDetailShape},
        examples=[
            examples.said("October", examples.NEW_RUN),
            examples.shown(examples.RUN_DETAIL, status="201"),
        ],
    )
    def post(self, request: Request) -> Response:
        body = self.read(NewRunShape)
        platform = Platform.objects.visible_to(self.actor).filter(pk=body.pop("platform")).first()
        if platform is None:
            raise NotFound
        run = runs.start_run(actor=self.actor, now=self.now, platform=platform, **body)
        ring_on_commit(run.pk)
        return self.created(RunDetailShape, run)


class RunWindow(Window):
    """One run: what the windows below show or act on."""

    scopes = {"GET": "settlement:read"}

    def run(self, run: str) -> Run:
        """The run in the path, if the actor sees it."""
        return self.find(Run.objects.visible_to(self.actor), Run.PREFIX, run)


class ShowWindow(RunWindow):
    """A run with its progress and review."""

    @extend_schema(
        operation_id="settlement_runs_get",
        summary="A settlement run",
        description="With its progress while it works, and what its approver looks at: totals, "
        "the change to the run before, and usage that earns nothing, with the reason.",
        responses=RunDetailShape,
        examples=[examples.shown(examples.RUN_DETAIL)],
    )
    def get(self, request: Request, run: str) -> Response:
        return self.show(RunDetailShape, self.run(run))


class ApproveWindow(RunWindow):
    """In review to approved."""

    scopes = {"POST": "settlement:approve"}

    @extend_schema(
        operation_id="settlement_runs_approve",
        summary="Approve what a colleague started",
        description="Bound to the content that was seen: 409 `run_changed` otherwise. Never one's "
        "own: 403 `own_run`. The run is then posted by itself.",
        request=ApprovalShape,
        responses=RunDetailShape,
        examples=[
            examples.said("As seen", examples.APPROVAL),
            examples.shown(examples.RUN_DETAIL),
        ],
    )
    def post(self, request: Request, run: str) -> Response:
        body = self.read(ApprovalShape)
        found = runs.approve_run(actor=self.actor, now=self.now, run=self.run(run), **body)
        ring_on_commit(found.pk)
        return self.show(RunDetailShape, found)


class CancelWindow(RunWindow):
    """Ends a run that is not approved."""

    scopes = {"POST": "settlement:prepare"}

    @extend_schema(
        operation_id="settlement_runs_cancel",
        summary="Cancel a run that is not approved",
        description="Its inputs are free for the next run. Again is no change.",
        request=Nothing,
        responses=RunDetailShape,
        examples=[NOTHING, examples.shown(examples.RUN_DETAIL)],
    )
    def post(self, request: Request, run: str) -> Response:
        self.read(Nothing)
        found = runs.cancel_run(actor=self.actor, now=self.now, run=self.run(run))
        return self.show(RunDetailShape, found)


class ResumeWindow(RunWindow):
    """Parked back to work."""

    scopes = {"POST": "settlement:prepare"}

    @extend_schema(
        operation_id="settlement_runs_resume",
        summary="Resume a parked run",
        description="A run is parked when one of its parts, or a move of its own, has failed five "
        "times. Resumed, it goes on from there and tries again.",
        request=Nothing,
        responses=RunDetailShape,
        examples=[NOTHING, examples.shown(examples.RUN_DETAIL)],
    )
    def post(self, request: Request, run: str) -> Response:
        self.read(Nothing)
        found = runs.resume_run(actor=self.actor, now=self.now, run=self.run(run))
        ring_on_commit(found.pk)
        return self.show(RunDetailShape, found)


class ReverseWindow(RunWindow):
    """Posted to reversed."""

    scopes = {"POST": "settlement:approve"}

    @extend_schema(
        operation_id="settlement_runs_reverse",
        summary="Take back a posted run whole",
        description="Mirrors each of its entries, and frees what it settled for the next run. By a "
        "third person, who neither started nor approved it: else 403 `own_run`. 409 `run_followed` "
        "if a later run counts on it, `paid_out` if some of its money has left. "
        "Again is no change.",
        request=ReversalShape,
        responses=RunDetailShape,
        examples=[
            examples.said("With the reason", examples.REVERSAL),
            examples.shown(examples.RUN_REVERSED),
        ],
    )
    def post(self, request: Request, run: str) -> Response:
        body = self.read(ReversalShape)
        found = reversing.reverse_run(actor=self.actor, now=self.now, run=self.run(run), **body)
        return self.show(RunDetailShape, found)


class LinesWindow(RunWindow):
    """A run's royalty lines."""

    @extend_schema(
        operation_id="settlement_run_lines_list",
        summary="A run's royalty lines",
        description="Usage x terms x ownership, exact and unrounded; with usage that earns nothing "
        "and the code that says why.",
        parameters=[
            OpenApiParameter("code", str, enum=LineCode.values),
            OpenApiParameter("subject", str),
        ],
        responses=paged(RoyaltyLineShape),
        examples=examples.listed(examples.LINE),
    )
    def get(self, request: Request, run: str) -> Response:
        return self.page(
            RoyaltyLine.objects.filter(run=self.run(run)).select_related("run"),
            RoyaltyLineShape,
            filters={
                "code": serializers.ChoiceField(LineCode.choices),
                "subject": Id(Subject.PREFIX),
            },
        )


class SharesWindow(RunWindow):
    """A run's shares."""

    @extend_schema(
        operation_id="settlement_run_shares_list",
        summary="A run's shares",
        description="Who gets what of each subject's total: the house's fee, the owners, and "
        "suspense where nobody owned it.",
        parameters=[
            OpenApiParameter("payee", str, enum=PayeeKind.values),
            OpenApiParameter("holder", str),
        ],
        responses=paged(RunShareShape),
        examples=examples.listed(examples.SHARE),
    )
    def get(self, request: Request, run: str) -> Response:
        return self.page(
            RunShare.objects.filter(run=self.run(run)).select_related("run", "total"),
            RunShareShape,
            filters={
                "payee": serializers.ChoiceField(PayeeKind.choices),
                "holder": Id(RightsHolder.PREFIX),
            },
        )


class EarningsWindow(Window):
    """What holders have earned."""

    scopes = {"GET": "earnings:read"}

    @extend_schema(
        operation_id="earnings_list",
        summary="Earnings",
        description="Your holders' posted shares by subject, platform, month and currency, the "
        "latest month first. The month is that of the usage, whenever it was settled.",
        parameters=[
            OpenApiParameter("month", str),
            OpenApiParameter("currency", str),
            OpenApiParameter("platform", str),
            OpenApiParameter("subject", str),
            OpenApiParameter("holder", str),
        ],
        responses=paged(EarningShape),
        examples=examples.listed(examples.EARNING),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            Earning.objects.visible_to(self.actor),
            EarningShape,
            filters={
                "month": Month(),
                "currency": Currency(),
                "platform": Id(Platform.PREFIX),
                "subject": Id(Subject.PREFIX),
                "holder": Id(RightsHolder.PREFIX),
            },
        )


class RoyaltyLinesWindow(Window):
    """What the earnings are made of."""

    scopes = {"GET": "earnings:read"}

    @extend_schema(
        operation_id="royalty_lines_list",
        summary="Royalty lines",
        description="The lines your earnings are made of, those of the latest run first: posted "
        "lines of subjects you own a share of; for the house all of its mode. Each can be "
        "explained.",
        parameters=[
            OpenApiParameter("subject", str),
            OpenApiParameter("platform", str),
            OpenApiParameter("service_day", str),
            OpenApiParameter("basis", str, enum=Basis.values),
        ],
        responses=paged(RoyaltyLineShape),
        examples=examples.listed(examples.LINE),
    )
    def get(self, request: Request) -> Response:
        return self.page(
            RoyaltyLine.objects.visible_to(self.actor).select_related("run"),
            RoyaltyLineShape,
            filters={
                "subject": Id(Subject.PREFIX),
                "platform": Id(Platform.PREFIX, source="run__platform"),
                "service_day": Day(),
                "basis": serializers.ChoiceField(Basis.choices),
            },
        )


class ExplanationWindow(Window):
    """Where a line comes from."""

    scopes = {"GET": "earnings:read"}

    @extend_schema(
        operation_id="explanations_get",
        summary="Where a royalty line comes from",
        description="The clause and the terms version that priced it, who owned the subject on the "
        "day, the sealed batches, the entries, and up to 20 of the generations with the line's "
        "exact part of each. A holder sees the lines of what it owns, once they are posted.",
        responses=ExplanationShape,
        examples=[examples.shown(examples.EXPLANATION)],
    )
    def get(self, request: Request, line: str) -> Response:
        rows = RoyaltyLine.objects.visible_to(self.actor).select_related("run", "part", "terms")
        found = self.find(rows, RoyaltyLine.PREFIX, line)
        shares = explaining.shares_of(found).visible_to(self.actor)
        return self.show(ExplanationShape, explaining.explain(line=found, shares=list(shares)))


urlpatterns = [
    path("settlement-runs", RunsWindow.as_view()),
    path("settlement-runs/<str:run>", ShowWindow.as_view()),
    path("settlement-runs/<str:run>/approve", ApproveWindow.as_view()),
    path("settlement-runs/<str:run>/cancel", CancelWindow.as_view()),
    path("settlement-runs/<str:run>/resume", ResumeWindow.as_view()),
    path("settlement-runs/<str:run>/reverse", ReverseWindow.as_view()),
    path("settlement-runs/<str:run>/lines", LinesWindow.as_view()),
    path("settlement-runs/<str:run>/shares", SharesWindow.as_view()),
    path("earnings", EarningsWindow.as_view()),
    path("royalty-lines", RoyaltyLinesWindow.as_view()),
    path("explanations/<str:line>", ExplanationWindow.as_view()),
]

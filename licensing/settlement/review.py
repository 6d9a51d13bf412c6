"""What a person looks at before approving a run: its progress, totals, changes and anomalies."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db.models import Count, Max, Min, Q, QuerySet, Sum

from ledger.money import Money
from licensing.settlement.models import RoyaltyLine, Run, RunPart, RunShare
from licensing.settlement.states import LineCode, PartKind, PartState, RunState

# How many payees, subjects, anomalies and failures are listed; the rest is in the lists of lines
# and shares.
LISTED: Final = 100
_POSTS: Final = (RunState.APPROVED, RunState.POSTING, RunState.POSTED, RunState.REVERSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the parts of the present stage have come: rating, or posting once approved.

    `rows` are generations, or shares to be posted. Rate and estimate are None until there is
    something to estimate from.
    """

    parts: int
    parts_done: int
    parts_quarantined: int
    rows: int
    rows_done: int
    rows_per_second: Decimal | None
    seconds_left: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PayeeSum:
    """What one payee gets of a run."""

    payee: str
    holder: UUID | None
    name: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectSum:
    """What one subject's usage comes to in a run, for everybody."""

    subject: UUID
    name: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """Usage that earns nothing for anybody, or for nobody known."""

    code: str
    subject: UUID
    name: str
    generations: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Previous:
    """The run before, and the difference to it."""

    run: UUID
    total: Money
    change: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A run as its approver sees it. Each list has at most 100 rows, the largest first."""

    payees: list[PayeeSum]
    subjects: list[SubjectSum]
    anomalies: list[Anomaly]
    previous: Previous | None
    taken_back: int


def progress_of(run: Run) -> Progress:
    """One query over the parts of the run's present stage."""
    posting = run.state in _POSTS or run.parked_from in _POSTS
    parts = RunPart.objects.filter(run=run)
    stage = parts.filter(kind=PartKind.POST) if posting else parts.exclude(kind=PartKind.POST)
    done = Q(state=PartState.DONE)
    found: dict[str, Any] = stage.aggregate(
        parts=Count("pk"),
        parts_done=Count("pk", filter=done),
        parts_quarantined=Count("pk", filter=Q(state=PartState.QUARANTINED)),
        size=Sum("rows", default=0),
        size_done=Sum("rows", filter=done, default=0),
        began=Min("started_at"),
        ended=Max("finished_at", filter=done),
    )
    began: datetime | None = found["began"]
    ended: datetime | None = found["ended"]
    speed = left = None
    if began is not None and ended is not None and ended > began and found["size_done"]:
        seconds = Decimal(str((ended - began).total_seconds()))
        speed = (found["size_done"] / seconds).quantize(Decimal("0.1"))
        if speed:
            left = int((found["size"] - found["size_done"]) / speed)
    return Progress(
        parts=found["parts"],
        parts_done=found["parts_done"],
        parts_quarantined=found["parts_quarantined"],
        rows=found["size"],
        rows_done=found["size_done"],
        rows_per_second=speed,
        seconds_left=left,
    )


def review_of(run: Run) -> Review:
    """The review of a run; empty before it is rated."""
    return Review(
        payees=_payees(run),
        subjects=_subjects(run),
        anomalies=_anomalies(run),
        previous=_previous(run),
        taken_back=RunShare.objects.filter(run=run, amount__lt=0).count(),
    )


def failures_of(run: Run) -> QuerySet[RunPart]:
    """The parts whose last attempt failed and that are not done since."""
    rows = RunPart.objects.filter(run=run).exclude(error="").exclude(state=PartState.DONE)
    return rows.order_by("kind", "number")[:LISTED]


def _payees(run: Run) -> list[PayeeSum]:
    rows = RunShare.objects.filter(run=run).values("payee", "holder", "holder__name")
    return [
        PayeeSum(
            payee=found["payee"],
            holder=found["holder"],
            name=found["holder__name"] or "",
            amount=Money(amount=found["sum"], currency=run.currency),
        )
        for found in rows.annotate(sum=Sum("amount")).order_by("-sum", "holder")[:LISTED]
    ]


def _subjects(run: Run) -> list[SubjectSum]:
    rows = run.totals.values("subject", "subject__name").annotate(sum=Sum("amount"))
    return [
        SubjectSum(
            subject=found["subject"],
            name=found["subject__name"],
            amount=Money(amount=found["sum"], currency=run.currency),
        )
        for found in rows.order_by("-sum", "subject")[:LISTED]
    ]


def _anomalies(run: Run) -> list[Anomaly]:
    rows = RoyaltyLine.objects.filter(run=run).exclude(code=LineCode.OK)
    sums = rows.values("code", "subject", "subject__name").annotate(sum=Sum("generations"))
    # Below zero is what has found its terms, its price or its owner in this run.
    return [
        Anomaly(
            code=found["code"],
            subject=found["subject"],
            name=found["subject__name"],
            generations=found["sum"],
        )
        for found in sums.filter(sum__gt=0).order_by("-sum", "code", "subject")[:LISTED]
    ]


def _previous(run: Run) -> Previous | None:
    before = (
        Run.objects.filter(
            platform_id=run.platform_id,
            currency=run.currency,
            kind=run.kind,
            state=RunState.POSTED,
            pk__lt=run.pk,
        )
        .order_by("-pk")
        .first()
    )
    if before is None:
        return None
    change = Money(amount=run.total.amount - before.total.amount, currency=run.currency)
    return Previous(run=before.pk, total=before.total, change=change)

"""`manage.py settle`: a run from the command line, with its progress."""

from __future__ import annotations

import time
from datetime import date
from typing import IO, Any, cast
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ledger import ids
from ledger.actor import Mode, system_actor
from ledger.errors import DomainError
from licensing.catalog.models import Platform
from licensing.settlement import runs
from licensing.settlement.driving import drive
from licensing.settlement.models import Run
from licensing.settlement.review import progress_of, review_of
from licensing.settlement.states import DRIVEN, RunState


class Command(BaseCommand):
    """Starts a run, or goes on with the open one, and does its work until it waits for approval."""

    help = "Settle a platform's usage up to the end of a month. A person approves it afterwards."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--platform", required=True, help="plt_…")
        parser.add_argument("--period", required=True, help="the month, such as 2026-11")
        parser.add_argument("--currency", required=True, help="ISO 4217, such as USD")

    def handle(self, *args: Any, **options: Any) -> None:
        platform = _platform(options["platform"])
        period = _period(options["period"])
        mode: Mode = "live" if platform.organisation.mode == "live" else "test"
        found = Run.objects.open().filter(
            platform=platform, currency=options["currency"], period=period
        )
        try:
            run = found.first() or runs.start_run(
                actor=system_actor(mode=mode, label="manage.py settle"),
                now=timezone.now(),
                platform=platform,
                currency=options["currency"],
                period=period,
            )
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        console = Console(file=cast("IO[str]", self.stdout))
        run = _work(run.pk, console)
        _tell(run, console)


def _platform(shown: str) -> Platform:
    try:
        pk = ids.read(Platform.PREFIX, shown)
    except ValueError:
        raise CommandError(f"{shown} is not the id of a platform.") from None
    platform = Platform.objects.select_related("organisation").filter(pk=pk).first()
    if platform is None:
        raise CommandError(f"There is no platform {shown}.")
    return platform


def _period(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError:
        raise CommandError(f"{text} is not a month such as 2026-11.") from None


def _work(run_id: UUID, console: Console) -> Run:
    """Does one step after another beside whatever workers there are, and shows how far it is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("rows"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task("starting", total=None)
        while True:
            idle = drive(run_id=run_id, clock=timezone.now, most=1)
            run = Run.objects.select_related("platform").get(pk=run_id)
            found = progress_of(run)
            bars.update(
                bar,
                description=run.get_state_display().lower(),
                completed=found.rows_done,
                total=found.rows or None,
            )
            if run.state not in DRIVEN or (idle and found.parts == found.parts_done):
                return run
            if idle:
                # Other workers are at it, or a part waits for its next attempt.
                close_old_connections()
                bars.refresh()
                time.sleep(1)


def _tell(run: Run, console: Console) -> None:
    console.print(f"{run.shown_id}  {run}  {run.get_state_display()}")
    if run.state == RunState.IN_REVIEW:
        for each in review_of(run).payees:
            console.print(f"  {each.name or each.payee:<40} {each.amount}")
        console.print(f"  {'total':<40} {run.total}")
        console.print(f"Another person approves it, with content hash {run.content_hash_hex}")

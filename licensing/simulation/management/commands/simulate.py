"""`manage.py simulate`: what a draft would change, from the command line, with its progress."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import IO, Any, cast
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections
from django.utils import timezone
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ledger import ids
from ledger.actor import Mode, system_actor
from ledger.errors import DomainError
from licensing.catalog.models import Platform, Subject
from licensing.consent.models import ConsentRule
from licensing.simulation import simulations
from licensing.simulation.models import Simulation
from licensing.simulation.states import UNFINISHED, SimulationState
from licensing.simulation.working import work

# Values shown of each breakdown, and examples of each way.
_VALUES = 10
_EXAMPLES = 3


class Command(BaseCommand):
    """Starts a simulation, does its work beside whatever workers there are, and tells of it."""

    help = "Replay recorded requests against a rule's draft, before it is published."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rule", help="rul_…")
        parser.add_argument("--days", type=int, default=simulations.DAYS, help="how far back")

    def handle(self, *args: Any, **options: Any) -> None:
        rule = _rule(options["rule"])
        mode: Mode = "live" if rule.holder.organisation.mode == "live" else "test"
        try:
            simulation = simulations.start(
                actor=system_actor(mode=mode, label="manage.py simulate"),
                now=timezone.now(),
                rule=rule,
                days=options["days"],
            )
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        console = Console(file=cast("IO[str]", self.stdout))
        simulation = _work(simulation.pk, console)
        if simulation.state != SimulationState.DONE:
            state = simulation.get_state_display().lower()
            raise CommandError(f"{simulation.shown_id} has {state}. {simulation.error}".strip())
        _tell(simulation, console)


def _rule(shown: str) -> ConsentRule:
    try:
        pk = ids.read(ConsentRule.PREFIX, shown)
    except ValueError:
        raise CommandError(f"{shown} is not the id of a rule.") from None
    rule = ConsentRule.objects.select_related("holder__organisation").filter(pk=pk).first()
    if rule is None:
        raise CommandError(f"There is no rule {shown}.")
    return rule


def _work(simulation_id: UUID, console: Console) -> Simulation:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("requests"),
        TimeRemainingColumn(),
    )
    rows = Simulation.objects.all()
    with Progress(*columns, console=console) as bars:
        bar = bars.add_task("replaying", total=None)

        def show() -> None:
            found = rows.only("replayed", "requests").get(pk=simulation_id)
            bars.update(bar, completed=found.replayed, total=found.requests)

        while True:
            more = work(simulation_id=simulation_id, clock=timezone.now, seen=show)
            show()
            simulation = rows.get(pk=simulation_id)
            if simulation.state not in UNFINISHED:
                return simulation
            if not more:
                # Another worker is at it, or it waits for its next attempt.
                close_old_connections()
                time.sleep(0.5)


def _tell(simulation: Simulation, console: Console) -> None:
    result = simulation.result
    console.print(
        f"{simulation.shown_id}  {simulation.rule}, version {simulation.version.number}, "
        f"revision {simulation.revision}, as of {result['as_of']}"
    )
    console.print(f"{result['changed']:,} of {result['requests']:,} requests would change.\n")
    _table(
        console,
        "What they become",
        ("was", "becomes"),
        [(way["was"], way["becomes"], way["requests"]) for way in result["ways"]],
    )
    for name, found in result["by"].items():
        names = _names(name, [each["value"] for each in found["values"][:_VALUES]])
        rows = [
            (
                names.get(each["value"], each["value"] or "not said"),
                f"{each['changed']:,}",
                each["requests"],
            )
            for each in found["values"][:_VALUES]
        ]
        _table(console, f"By {name}", (name, "changed"), rows)
    _table(
        console,
        "Money",
        ("", "amount"),
        [(name, _money(stream), stream["requests"]) for name, stream in result["money"].items()],
    )
    for way in result["examples"]:
        console.print(f"From {way['was']} to {way['becomes']}, for example:")
        for example in way["requests"][:_EXAMPLES]:
            codes = ", ".join(reason["code"] for reason in example["reasons"])
            console.print(f"  {example['consent_check']}  {codes}")
            for option in example["would_allow"][:1]:
                console.print(f"    {option['sentence']}")
    for count, said in (
        (result["recorded"]["differ"], "were answered otherwise than the rules in force now would"),
        (result["hang_on_words"], "hang on words nobody searched their prompt for"),
        (result["stopped"], "are stopped whatever the rules say"),
    ):
        if count:
            console.print(f"{count:,} {said}.")
    console.print("Quotas are ignored.")


def _table(
    console: Console, title: str, names: tuple[str, str], rows: list[tuple[str, str, int]]
) -> None:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE)
    table.add_column(names[0], overflow="fold")
    table.add_column(names[1], justify="right")
    table.add_column("requests", justify="right")
    for first, second, requests in rows:
        table.add_row(first, second, f"{requests:,}")
    console.print(table)


def _money(stream: Mapping[str, Any]) -> str:
    told = [f"{each['amount']} {each['currency']}" for each in stream["amounts"]]
    if stream["by_agreement"]:
        told.append(f"{stream['by_agreement']:,} by agreement")
    if stream["unmeasured"]:
        told.append(f"{stream['unmeasured']:,} of unknown length")
    return "\n".join(told) or "none"


def _names(dimension: str, values: list[str | None]) -> dict[str | None, str]:
    """Platforms and subjects by their names."""
    models: dict[str, type[Platform] | type[Subject]] = {"platform": Platform, "subject": Subject}
    model = models.get(dimension)
    if model is None:
        return {}
    wanted = [ids.read(model.PREFIX, value) for value in values if value]
    return {row.shown_id: row.name for row in model._default_manager.filter(pk__in=wanted)}

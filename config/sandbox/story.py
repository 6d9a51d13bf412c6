"""The main job from end to end over the HTTP API: ask, make, report, settle, state, pay."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final

from rich.progress import Progress, TaskID

from config.sandbox.caller import Caller
from config.sandbox.round import Licence, as_ndjson, draw_checks, draw_lines, licence_of

GENERATIONS: Final = 20_000
CHECKS: Final = 10_000
CHECKS_A_CALL: Final = 250
LINES_A_BATCH: Final = 2_000
CURRENCY: Final = "USD"
PAYOUT_THRESHOLD: Final = "1.00"
_PATIENCE: Final = 300.0


class StoryBroken(Exception):
    """Something in the demonstration is not as it must be."""


@dataclass(kw_only=True)
class Told:
    """What happened, for the table at the end."""

    outcomes: Counter[str] = field(default_factory=Counter)
    batches: list[dict[str, Any]] = field(default_factory=list)
    generations: int = 0
    remixes: int = 0
    unlicensed: int = 0
    runs: list[dict[str, Any]] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    payout: dict[str, Any] | None = None
    earnings: dict[str, Decimal] = field(default_factory=dict)
    payable: dict[str, str] = field(default_factory=dict)
    trial_balance: dict[str, Any] = field(default_factory=dict)


class Story:
    """One telling. `sandbox` is what `manage.py sandbox` prints."""

    def __init__(self, sandbox: dict[str, Any], progress: Progress) -> None:
        base = sandbox["base_url"]
        self.sandbox = sandbox
        self.progress = progress
        self.platforms = [(each, Caller(base, each["api_key"])) for each in sandbox["platforms"]]
        self.holders = [(each, Caller(base, each["api_key"])) for each in sandbox["holders"]]
        self.preparer, self.approver = (
            Caller(base, each["api_key"]) for each in sandbox["finance"]
        )
        self.name = f"demo-{int(time.time())}"
        self.chance = random.Random(self.name)  # noqa: S311 - a story, not a secret
        self.told = Told()

    def tell(self) -> Told:
        """All of it, in order."""
        for platform, caller in self.platforms:
            licences = self._ask(platform, caller)
            self._report(platform, caller, licences)
        for platform, _ in self.platforms:
            self._settle(platform)
        self._state()
        self._pay()
        self._look()
        return self.told

    def _ask(self, platform: dict[str, Any], caller: Caller) -> list[Licence]:
        """Consent checks; the allows are what may be made."""
        count = CHECKS // len(self.platforms)
        licences: list[Licence] = []
        with self._step(f"{platform['name']} asks for consent", count) as task:
            checks = draw_checks(self.chance, self.sandbox["subjects"], count)
            for some in batched(checks, CHECKS_A_CALL):
                answers = caller.post("/consent-checks/batch", {"checks": some})["checks"]
                for check, answer in zip(some, answers, strict=True):
                    self.told.outcomes[answer["outcome"]] += 1
                    licence = licence_of(check, answer)
                    if licence is not None:
                        licences.append(licence)
                self.progress.advance(task, len(some))
        if not licences:
            raise StoryBroken(f"{platform['name']} was allowed nothing at all")
        return licences

    def _report(self, platform: dict[str, Any], caller: Caller, licences: list[Licence]) -> None:
        """NDJSON batches; the first is sent twice, and has one effect."""
        count = GENERATIONS // len(self.platforms)
        name = f"{self.name}-{platform['id'][-4:]}"
        lines = draw_lines(self.chance, licences, name=name, count=count, now=datetime.now(UTC))
        with self._step(f"{platform['name']} reports generations", count) as task:
            for number, some in enumerate(batched(lines, LINES_A_BATCH)):
                body = as_ndjson(some)
                batch = caller.upload("/generation-batches", body)
                if batch["state"] != "sealed" or batch["count"] != len(some):
                    raise StoryBroken(f"a batch of {len(some)} came back as {batch}")
                if number == 0 and caller.upload("/generation-batches", body)["id"] != batch["id"]:
                    raise StoryBroken("a batch sent twice was stored twice")
                self.told.batches.append(batch)
                self.told.generations += batch["count"]
                self.told.remixes += sum("parents" in line for line in some)
                self.told.unlicensed += sum("receipt" not in line for line in some)
                self.progress.advance(task, len(some))

    def _settle(self, platform: dict[str, Any]) -> None:
        """A run that one person starts and another approves."""
        wanted = {
            "platform": platform["id"],
            "currency": CURRENCY,
            "period": f"{datetime.now(UTC):%Y-%m}",
        }
        with self._step(f"Settlement of {platform['name']}", None) as task:
            open_runs = [
                run
                for run in self.preparer.all(
                    "/settlement-runs", platform=platform["id"], currency=CURRENCY
                )
                if run["state"] not in ("posted", "cancelled", "reversed")
                and run["period"] == wanted["period"]
            ]
            run = open_runs[0] if open_runs else self.preparer.post("/settlement-runs", wanted)
            run = self._follow(run["id"], {"in_review", "approved", "posting", "posted"}, task)
            if run["state"] == "in_review":
                path = f"/settlement-runs/{run['id']}/approve"
                self.approver.post(path, {"content_hash": run["content_hash"]})
            run = self._follow(run["id"], {"posted"}, task)
        self.told.runs.append(run)

    def _follow(self, run_id: str, states: set[str], task: TaskID) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE
        while True:
            run = self.preparer.get(f"/settlement-runs/{run_id}")
            done = run["progress"]
            self.progress.update(task, completed=done["parts_done"], total=done["parts"] or None)
            if run["state"] in states:
                return run
            if run["state"] in ("parked", "cancelled") or time.monotonic() > until:
                raise StoryBroken(f"the run is {run['state']}: {run.get('failures')}")
            time.sleep(0.25)

    def _state(self) -> None:
        """Statements of this month to date."""
        with self._step("Statements", 1) as task:
            self.preparer.post("/statements", {"month": f"{datetime.now(UTC):%Y-%m}"})
            for _, caller in self.holders:
                self.told.statements += caller.all("/statements")[:1]
            self.progress.advance(task)

    def _pay(self) -> None:
        """A payout that one person prepares and another approves."""
        with self._step("Payout", 5) as task:
            for holder, _ in self.holders:
                account = {
                    "party": holder["id"],
                    "kind": "manual",
                    "account": f"Sandbox Bank, {holder['username']}",
                    "account_name": holder["name"],
                }
                self.preparer.post("/payout-destinations", account)
            proposal = {"currency": CURRENCY, "threshold": PAYOUT_THRESHOLD}
            batch = self.preparer.post("/payout-batches", proposal)
            path = f"/payout-batches/{batch['id']}"
            self.progress.advance(task)
            batch = self.preparer.post(f"{path}/submit", {"content_hash": batch["content_hash"]})
            self.progress.advance(task)
            self.approver.post(f"{path}/approve", {"content_hash": batch["content_hash"]})
            self.progress.advance(task)
            self.preparer.post(f"{path}/execute", {})
            batch = self._until_sent(path)
            self.progress.advance(task)
            for item in batch["items"]:
                evidence = {
                    "reference": f"SANDBOX {item['id'][-8:]}",
                    "paid_on": f"{datetime.now(UTC):%Y-%m-%d}",
                }
                self.preparer.post(f"{path}/items/{item['id']}/mark-paid", evidence)
            self.told.payout = self.preparer.get(path)
            self.progress.advance(task)
        if self.told.payout["state"] != "settled":
            raise StoryBroken(f"the payout is {self.told.payout['state']}, not settled")

    def _until_sent(self, path: str) -> dict[str, Any]:
        until = time.monotonic() + _PATIENCE
        while True:
            batch = self.preparer.get(path)
            if batch["state"] == "submitted":
                return batch
            if time.monotonic() > until:
                raise StoryBroken(f"the payout is {batch['state']}")
            time.sleep(0.25)

    def _look(self) -> None:
        """What everybody sees in the end."""
        for holder, caller in self.holders:
            rows = caller.all("/earnings")
            amounts = [Decimal(row["amount"]["amount"]) for row in rows]
            self.told.earnings[holder["name"]] = sum(amounts, Decimal(0))
            for account in caller.all("/accounts"):
                if account["role"] == "payable":
                    self.told.payable[holder["name"]] = account["balance"]["amount"]
        self.told.trial_balance = self.preparer.get("/trial-balance")

    @contextmanager
    def _step(self, title: str, total: int | None) -> Iterator[TaskID]:
        task = self.progress.add_task(title, total=total)
        yield task
        row = self.progress.tasks[self.progress.task_ids.index(task)]
        self.progress.update(task, completed=row.total or 1, total=row.total or 1)


def batched(lines: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """`lines` in lists of `size`, the last one shorter."""
    rest = iter(lines)
    while some := list(islice(rest, size)):
        yield some

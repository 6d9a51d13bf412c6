"""`manage.py demo`: fills the sandbox and does the main job over the HTTP API of a running Assent."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Any, TypeVar

import httpx
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, connection
from django.utils import timezone
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from config.sandbox.caller import CallRefused
from config.sandbox.curtain import show
from config.sandbox.management.commands.sandbox import describe, fill
from config.sandbox.story import Story, StoryBroken, Told
from ledger.journal.verification import verify

Result = TypeVar("Result")


class Command(BaseCommand):
    help = "Does the main job end to end over the HTTP API (ASSENT_BASE_URL), with progress."

    def handle(self, *args: Any, **options: Any) -> None:
        base_url = os.environ.get("ASSENT_BASE_URL", settings.BASE_URL)
        sandbox = describe(_patiently(lambda: fill(now=timezone.now())), base_url)
        console = Console(file=sys.stdout)
        progress = Progress(
            TextColumn("{task.description:<38}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
        )
        try:
            with progress:
                told = Story(sandbox, progress).tell()
            verified = _verify(told)
        except (CallRefused, StoryBroken, httpx.HTTPError) as error:
            raise CommandError(str(error)) from error
        show(console, told, sandbox, verified)


def _verify(told: Told) -> str:
    """Reads the books back from their rows. Raises StoryBroken if they do not hold."""
    found = _patiently(verify)
    if not found.sound:
        raise StoryBroken(f"the books do not hold: {found.findings[0]}")
    for currency in told.trial_balance["currencies"]:
        if currency["debit"] != currency["credit"]:
            raise StoryBroken("the trial balance does not balance")
    return "balanced, chain verified"


def _patiently(act: Callable[[], Result]) -> Result:
    """`act`, which twice is as good as once, again for as long as a minute if the database goes away in the middle of it."""
    until = time.monotonic() + 60
    while True:
        try:
            return act()
        except OperationalError:
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(1)

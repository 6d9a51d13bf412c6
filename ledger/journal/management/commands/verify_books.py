"""`manage.py verify_books`: recomputes the books from their rows and says what does not hold."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from ledger import ids
from ledger.journal.models import Book
from ledger.journal.verification import Verification, rows_to_read, verify


class Command(BaseCommand):
    help = "Recomputes every hash, total, balance and closed month; exits with 1 if one differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--book", help="one book only, by its id (boo_…)")
        parser.add_argument(
            "--json", action="store_true", help="print the result as JSON and no more"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        book_id = self._book(options["book"])
        result = self._verify(book_id, quiet=options["json"])
        if options["json"]:
            self.stdout.write(json.dumps(_as_json(result), indent=2))
        else:
            self._tell(result)
        if not result.sound:
            raise SystemExit(1)

    def _book(self, text: str | None) -> UUID | None:
        if text is None:
            return None
        try:
            return Book.objects.get(pk=ids.read(Book.PREFIX, text)).pk
        except (ValueError, Book.DoesNotExist):
            raise CommandError(f"There is no book {text}.") from None

    def _verify(self, book_id: UUID | None, *, quiet: bool) -> Verification:
        console = Console(stderr=True, quiet=quiet)
        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True, disable=quiet) as bar:
            task = bar.add_task("Verifying", total=rows_to_read(book_id=book_id))
            return verify(book_id=book_id, progress=lambda rows: bar.advance(task, rows))

    def _tell(self, result: Verification) -> None:
        for finding in result.findings:
            self.stdout.write(self.style.ERROR(str(finding)))
        if result.truncated:
            self.stdout.write(self.style.ERROR("… and more."))
        read = (
            f"{result.entries:,} entries, {result.transfers:,} transfers,"
            f" {result.accounts:,} accounts, {result.periods:,} months read"
        )
        if result.sound:
            self.stdout.write(self.style.SUCCESS(f"The books hold: {read}."))
        else:
            self.stdout.write(
                self.style.ERROR(f"The books do NOT hold: {len(result.findings)} findings; {read}.")
            )


def _as_json(result: Verification) -> dict[str, Any]:
    return {
        "sound": result.sound,
        "entries": result.entries,
        "transfers": result.transfers,
        "accounts": result.accounts,
        "periods": result.periods,
        "truncated": result.truncated,
        "findings": [
            {
                "table": finding.table,
                "row": finding.row,
                "height": finding.height,
                "detail": finding.detail,
            }
            for finding in result.findings
        ],
    }

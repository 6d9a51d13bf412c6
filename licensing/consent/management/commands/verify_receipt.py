"""`manage.py verify_receipt`: whether a receipt is genuine, told by published keys alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from licensing.consent import keys, receipts


class Command(BaseCommand):
    """Verifies a receipt, offline when given a key set."""

    help = (
        "Verifies a receipt and prints its claims. With --jwks no database is asked. "
        "Exits 1 if it is not genuine or has expired."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("receipt", help="The compact JWS, or - to read it from standard input.")
        parser.add_argument(
            "--jwks",
            type=Path,
            help="A key set saved from /.well-known/jwks.json.",
        )

    def handle(self, *args: Any, receipt: str, jwks: Path | None = None, **options: Any) -> None:
        now = timezone.now()
        text = sys.stdin.read() if receipt == "-" else receipt
        try:
            known = (
                {"keys": keys.published(now=now)} if jwks is None else json.loads(jwks.read_bytes())
            )
        except (OSError, ValueError) as error:
            raise CommandError(f"{jwks} is not a key set: {error}") from None
        try:
            found = receipts.verify(text.strip(), jwks=known, now=now)
        except receipts.BadKeySet:
            raise CommandError(f"{jwks} is not a key set.") from None
        except receipts.BadReceipt as error:
            raise CommandError(str(error)) from None
        self.stdout.write(json.dumps(found.claims, indent=2, sort_keys=True, ensure_ascii=False))
        if not found.in_time:
            raise CommandError("It is genuine, but it has expired.")

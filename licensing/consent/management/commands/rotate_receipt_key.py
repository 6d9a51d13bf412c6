"""`manage.py rotate_receipt_key`: signs receipts with the next key from now on."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand
from django.utils import timezone

from ledger.actor import system_actor
from licensing.consent import keys


class Command(BaseCommand):
    """Rotates the key that signs receipts."""

    help = (
        "Retires the key that signs receipts for the next one, which verifiers know already. "
        "Receipts signed before stay verifiable."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        actor = system_actor(mode="live", label="manage.py rotate_receipt_key")
        key = keys.rotate(actor=actor, now=timezone.now())
        self.stdout.write(f"Receipts are signed with {key.kid} from now on.")

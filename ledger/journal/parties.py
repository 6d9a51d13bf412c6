"""Parties: who can be owed or owe."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ledger.actor import Mode
from ledger.journal.chart import PartyKind
from ledger.journal.models import Party
from ledger.journal.refusals import PartyDiffers, told_plainly

HOUSE = "house"
BANK = "bank"


def ensure(*, mode: Mode, ref: str, kind: PartyKind, name: str, now: datetime) -> Party:
    """The party known as `ref` in this mode, made if it is not there; a new name is taken over.

    Raises PartyDiffers if it stands as another kind.
    """
    with told_plainly(), transaction.atomic():
        # One at a time by the unique (mode, ref): the loser of a race finds the winner's row.
        party, made = Party.objects.get_or_create(
            mode=mode, ref=ref, defaults={"kind": kind, "name": name, "opened_at": now}
        )
        if party.kind != kind:
            raise PartyDiffers(f"{ref} stands as {party.kind}.")
        if not made and party.name != name:
            party.name = name
            party.save(update_fields=["name"])
    return party

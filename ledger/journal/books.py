"""Books: one legal entity's ledger in one mode."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from ledger.actor import Mode
from ledger.ids import new_id
from ledger.journal import parties
from ledger.journal.chart import PartyKind
from ledger.journal.models import Book
from ledger.journal.refusals import told_plainly
from ledger.journal.seals import genesis_hash

HOUSE = "house"


def open_book(*, mode: Mode, name: str, now: datetime) -> Book:
    """The book of this name and mode, opened if it is not there."""
    book_id = new_id()
    with told_plainly(), transaction.atomic():
        book, _ = Book.objects.get_or_create(
            mode=mode,
            name=name,
            defaults={
                "id": book_id,
                "head_hash": genesis_hash(book_id=book_id, mode=mode, name=name),
                "opened_at": now,
            },
        )
    return book


def house_book(*, mode: Mode, now: datetime) -> Book:
    """The house's own book in this mode, with the house and its bank as parties."""
    with transaction.atomic():
        parties.ensure(
            mode=mode, ref=parties.HOUSE, kind=PartyKind.HOUSE, name="The house", now=now
        )
        parties.ensure(mode=mode, ref=parties.BANK, kind=PartyKind.BANK, name="The bank", now=now)
        return open_book(mode=mode, name=HOUSE, now=now)

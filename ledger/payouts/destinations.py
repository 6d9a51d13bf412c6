"""Where payees are paid to: registered by the house, and slow to change."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction

from ledger.actor import Actor
from ledger.journal.books import house_book
from ledger.journal.chart import PartyKind
from ledger.journal.models import Party
from ledger.payouts import iban
from ledger.payouts.models import DestinationKind, PayoutDestination
from ledger.payouts.refusals import (
    BadAccount,
    BadIban,
    NobodyAnswerable,
    NoSuchPayee,
    NotAPayee,
    told_plainly,
)

WAIT: Final = timedelta(hours=72)
_REF = re.compile(r"[A-Za-z0-9_.:-]{1,80}\Z", re.ASCII)


def register(
    *, actor: Actor, now: datetime, party: str, kind: str, account: str, account_name: str
) -> PayoutDestination:
    """Registers or changes a payee's destination. The same again is the same row.

    The first is usable at once: the preparer who registers it has verified it. A change waits 72
    hours. Raises BadIban, BadAccount, NotAPayee, Raced.
    """
    actor.require("payouts:prepare")
    person = answerable(actor)
    account = _read_account(kind, account)
    _require_payee(actor, party)
    book = house_book(mode=actor.mode, now=now)
    with told_plainly(), transaction.atomic():
        rows = PayoutDestination.objects.filter(book=book, party=party)
        present = rows.current().select_for_update().first()
        if present is not None:
            if (present.kind, present.account, present.account_name) == (
                kind,
                account,
                account_name,
            ):
                return present
            present.replaced_at = now
            present.save(update_fields=["replaced_at"])
        return PayoutDestination.objects.create(
            book=book,
            party=party,
            kind=kind,
            account=account,
            account_name=account_name,
            registered_at=now,
            registered_by=person,
            registered_by_label=actor.label[:200],
            usable_from=now if present is None else now + WAIT,
        )


def answerable(actor: Actor) -> UUID:
    """The person who answers for the act; only the house's people do. Raises NobodyAnswerable."""
    if actor.person_id is None or not actor.is_house:
        raise NobodyAnswerable
    return actor.person_id


def _read_account(kind: str, account: str) -> str:
    if kind == DestinationKind.IBAN:
        account = iban.compact(account)
        if not iban.is_iban(account):
            raise BadIban(pointer="/account")
        return account
    account = account.strip()
    if not account:
        raise BadAccount(pointer="/account")
    return account


def _require_payee(actor: Actor, ref: str) -> None:
    """A payee may be registered before anything was earned, but never as another kind of party."""
    if not _REF.match(ref):
        raise NoSuchPayee(pointer="/party")
    party = Party.objects.filter(mode=actor.mode, ref=ref).first()
    if party is not None and party.kind != PartyKind.HOLDER:
        raise NotAPayee(pointer="/party")

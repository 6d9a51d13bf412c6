"""What payouts refuse, and how the database's refusals are told in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from ledger.errors import DomainError, Invalid, NotAllowed, NotFound, Refused


class NobodyAnswerable(NotAllowed):
    """Payouts are prepared and approved by people, not by the machine itself."""

    code = "nobody_answerable"


class OwnBatch(NotAllowed):
    """You prepared this batch. Somebody else has to approve it."""

    code = "own_batch"


class NotThePreparer(NotAllowed):
    """A draft is changed only by the person who prepared it, so that the other one stays another."""

    code = "not_the_preparer"


class NotInState(Refused):
    """The batch or item is no longer in the state this needs."""

    code = "not_in_state"


class DraftChanged(Refused):
    """The batch is not the one that was seen: its content has another hash."""

    code = "draft_changed"


class NothingToPay(Refused):
    """No payee can be paid."""

    code = "nothing_to_pay"


class AmountOverAvailable(Refused):
    """That is more than is payable to this payee."""

    code = "amount_over_available"


class PayeeUnverified(Refused):
    """No destination has been registered for this payee."""

    code = "payee_unverified"


class DestinationChanged(Refused):
    """The payee's destination was changed after the item was prepared. Prepare it again."""

    code = "destination_changed"


class DestinationWaiting(Refused):
    """The payee's destination was changed less than 72 hours ago."""

    code = "destination_waiting"


class AlreadySent(Refused):
    """The batch has been handed to the rail and can no longer be cancelled."""

    code = "already_sent"


class AlreadyPaid(Refused):
    """The item is recorded as paid with another reference or on another day."""

    code = "already_paid"


class TooManyPayees(Invalid):
    """A batch pays at most 5,000 payees."""

    code = "too_many_payees"


class NotMinorUnits(Invalid):
    """A payout is a whole number of the currency's minor units, above zero."""

    code = "not_minor_units"


class BadAccount(Invalid):
    """That is not an account that can be paid to."""

    code = "bad_account"


class BadIban(BadAccount):
    """That is not an IBAN: its length or its check digits are wrong."""

    code = "bad_iban"


class NotAPayee(Invalid):
    """That party is not one that is paid out to."""

    code = "not_a_payee"


class BadPaidOn(Invalid):
    """A payment is dated from the day its money was set aside up to today."""

    code = "bad_paid_on"


class NoSuchPayee(NotFound):
    """There is no such thing."""


class Raced(Refused):
    """Somebody else changed the same thing at the same moment. Look again."""

    code = "raced"


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns what the database refuses about payouts into the refusals above."""
    try:
        yield
    except DatabaseError as error:
        refusal = _refusal(str(error))
        if refusal is None:
            raise
        raise refusal from error


def _refusal(message: str) -> DomainError | None:
    if "maker_is_not_checker" in message:
        return OwnBatch()
    if "payout_content" in message or "payout_approval_of_content" in message:
        return DraftChanged()
    if "payout_frozen" in message or "payout_move" in message:
        return NotInState()
    if "payout_destination_one_current" in message or "payout_item_payee_once" in message:
        return Raced()
    return None

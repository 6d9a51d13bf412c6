"""What settlement refuses, and how the database's refusals are told in the same words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError

from ledger.errors import DomainError, Invalid, NotAllowed, Refused


class NobodyAnswerable(NotAllowed):
    """A run is approved or reversed by a person of the house, not by the machine itself."""

    code = "nobody_answerable"


class OwnRun(NotAllowed):
    """You started this run. Somebody else has to approve it."""

    code = "own_run"


class OwnReversal(OwnRun):
    """You started or approved this run. Somebody else has to reverse it."""


class RunOpen(Refused):
    """A run of this platform and currency is open: post or cancel it first."""

    code = "run_open"


class RunChanged(Refused):
    """The run is not the one that was seen: its content has another hash."""

    code = "run_changed"


class RunFollowed(Refused):
    """A later run of this platform and currency counts on this one: reverse or cancel that first."""

    code = "run_followed"


class PaidOut(Refused):
    """Some of what this run gave has been paid out, so it cannot be taken back whole. Nothing was
    posted."""

    code = "paid_out"


class NoReason(Invalid):
    """Say why: the words are kept with the run."""

    code = "no_reason"


class BadReason(Invalid):
    """A reason holds no control character: it stands in the journal for good."""

    code = "bad_reason"


class NotInState(Refused):
    """The run is not in the state this needs."""

    code = "not_in_state"


class BadPeriod(Invalid):
    """A period is a month, such as 2026-11."""

    code = "bad_period"


class FuturePeriod(Invalid):
    """That month has not begun."""

    code = "future_period"


class LeaseLost(Refused):
    """The part was taken over by another worker."""

    code = "lease_lost"


class PartsDoNotAddUp(Refused):
    """The shares do not add up to what is shared. Nothing was written."""

    code = "parts_do_not_add_up"


@contextmanager
def told_plainly() -> Iterator[None]:
    """Turns what the database refuses about runs into the refusals above."""
    try:
        yield
    except DatabaseError as error:
        refusal = _refusal(str(error))
        if refusal is None:
            raise
        raise refusal from error


def _refusal(message: str) -> DomainError | None:
    if "run_maker_is_not_checker" in message:
        return OwnRun()
    if "run_reversed_by_another" in message or "run_reversed_by_a_third" in message:
        return OwnReversal()
    if "run_followed" in message:
        return RunFollowed()
    if "run_one_open" in message or "run_revision_once" in message:
        return RunOpen()
    if "run_move" in message or "run_frozen" in message or "run_content" in message:
        return NotInState()
    return None

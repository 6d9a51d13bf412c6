"""The states of runs and their parts with the legal moves between them, and the words of a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices


class RunKind(TextChoices):
    """What a run settles."""

    USAGE = "usage", "Usage"


class RunState(TextChoices):
    """How far a run has come. Only `posting`, `posted` and `reversed` have moved money in
    the books, the last one there and back."""

    DRAFT = "draft", "Draft"
    COLLECTING = "collecting", "Collecting"
    RATING = "rating", "Rating"
    RATED = "rated", "Rated"
    IN_REVIEW = "in_review", "In review"
    APPROVED = "approved", "Approved"
    POSTING = "posting", "Posting"
    POSTED = "posted", "Posted"
    PARKED = "parked", "Parked"
    CANCELLED = "cancelled", "Cancelled"
    REVERSED = "reversed", "Reversed"


class PartKind(TextChoices):
    """What a part of a run does."""

    RATE = "rate", "Rate"
    RESTATE = "restate", "Restate"
    POST = "post", "Post"


class PartState(TextChoices):
    """How far a part has come. `quarantined`: it failed five times and a person has to look."""

    WAITING = "waiting", "Waiting"
    LEASED = "leased", "Leased"
    DONE = "done", "Done"
    QUARANTINED = "quarantined", "Quarantined"


class LineCode(TextChoices):
    """Whether a line earns, and if not, why not. Only `ok` and `unowned` have a price."""

    OK = "ok", "Priced and owned"
    UNPRICED = "unpriced", "The terms have no price for it"
    NO_AGREEMENT = "no_agreement", "No terms were in force"
    UNOWNED = "unowned", "Priced, but nobody owned it"


class Basis(TextChoices):
    """Why a subject earns from a generation."""

    DIRECT = "direct", "It appears"
    INHERITED = "inherited", "It appears in what was remixed"


class PayeeKind(TextChoices):
    """Who is paid by a share."""

    FEE = "fee", "The house's fee"
    HOLDER = "holder", "A rights holder"
    SUSPENSE = "suspense", "Suspense: nobody owned it"


# The table stands a second time in the migration `0002_guards`, where the database keeps it; a
# test holds the two equal.
RUN_MOVES: Final[Mapping[RunState, tuple[RunState, ...]]] = {
    RunState.DRAFT: (RunState.COLLECTING, RunState.CANCELLED),
    RunState.COLLECTING: (RunState.RATING, RunState.PARKED, RunState.CANCELLED),
    RunState.RATING: (RunState.RATED, RunState.PARKED, RunState.CANCELLED),
    RunState.RATED: (RunState.IN_REVIEW, RunState.PARKED, RunState.CANCELLED),
    RunState.IN_REVIEW: (RunState.APPROVED, RunState.CANCELLED),
    RunState.APPROVED: (RunState.POSTING, RunState.PARKED),
    RunState.POSTING: (RunState.POSTED, RunState.PARKED),
    RunState.POSTED: (RunState.REVERSED,),
    # Back to where it was parked from; a run that was approved is never cancelled.
    RunState.PARKED: (
        RunState.COLLECTING,
        RunState.RATING,
        RunState.RATED,
        RunState.APPROVED,
        RunState.POSTING,
        RunState.CANCELLED,
    ),
    RunState.CANCELLED: (),
    RunState.REVERSED: (),
}

PART_MOVES: Final[Mapping[PartState, tuple[PartState, ...]]] = {
    PartState.WAITING: (PartState.LEASED,),
    PartState.LEASED: (
        PartState.LEASED,
        PartState.WAITING,
        PartState.DONE,
        PartState.QUARANTINED,
    ),
    PartState.QUARANTINED: (PartState.WAITING,),
    PartState.DONE: (),
}

# A run in one of these needs nothing more; another of its platform and currency may start.
ENDED: Final = (RunState.POSTED, RunState.CANCELLED, RunState.REVERSED)
# What a run in one of these collected and rated counts for nothing, and is free for the next one.
VOID: Final = (RunState.CANCELLED, RunState.REVERSED)
# What the machine drives forward by itself.
DRIVEN: Final = (
    RunState.DRAFT,
    RunState.COLLECTING,
    RunState.RATING,
    RunState.RATED,
    RunState.APPROVED,
    RunState.POSTING,
)
# A run parked from one of these is not cancelled: it was approved.
NOT_CANCELLABLE_FROM: Final = (RunState.APPROVED, RunState.POSTING)
# A run in one of these has settled its inputs for good: later runs count its totals as old.
SETTLED: Final = (RunState.APPROVED, RunState.POSTING, RunState.POSTED)
# A run in one of these may still be cancelled.
CANCELLABLE: Final = (
    RunState.DRAFT,
    RunState.COLLECTING,
    RunState.RATING,
    RunState.RATED,
    RunState.IN_REVIEW,
    RunState.PARKED,
)
PRICED: Final = (LineCode.OK, LineCode.UNOWNED)

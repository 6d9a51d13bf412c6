"""The states of a period and its legal moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices


class PeriodState(TextChoices):
    """Whether a month still takes entries."""

    OPEN = "open", "Open"
    CLOSED = "closed", "Closed"


# The database's guard on periods knows the same table.
PERIOD_MOVES: Final[Mapping[PeriodState, frozenset[PeriodState]]] = {
    PeriodState.OPEN: frozenset({PeriodState.CLOSED}),
    PeriodState.CLOSED: frozenset(),
}

"""The states of a simulation, and the only moves there are between them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from django.db.models import TextChoices


class SimulationState(TextChoices):
    """How far a simulation has come. Only `done` has a result."""

    QUEUED = "queued", "Queued"
    RUNNING = "running", "Running"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"
    CANCELLED = "cancelled", "Cancelled"


# The table stands a second time in the migration `0002_guards`, where the database keeps it; a
# test holds the two equal.
SIMULATION_MOVES: Final[Mapping[SimulationState, tuple[SimulationState, ...]]] = {
    SimulationState.QUEUED: (SimulationState.RUNNING, SimulationState.CANCELLED),
    # Taken over by another worker, or set back to wait for its next attempt.
    SimulationState.RUNNING: (
        SimulationState.RUNNING,
        SimulationState.QUEUED,
        SimulationState.DONE,
        SimulationState.FAILED,
        SimulationState.CANCELLED,
    ),
    SimulationState.DONE: (),
    SimulationState.FAILED: (),
    SimulationState.CANCELLED: (),
}

# What a worker still has to do something about.
UNFINISHED: Final = (SimulationState.QUEUED, SimulationState.RUNNING)

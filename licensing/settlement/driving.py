"""Driving a run forward: moves and parts, one after the other, until there is nothing due."""

from __future__ import annotations

from uuid import UUID

import structlog

from licensing.settlement import parts, runs
from licensing.settlement.parts import Clock

log = structlog.get_logger(__name__)


def drive(*, run_id: UUID, clock: Clock, most: int = 100_000) -> bool:
    """Does what is due of a run, at most so many steps; answers whether it stopped for want of
    work rather than of steps. To be called outside any transaction, by any number at once."""
    for _ in range(most):
        if parts.work_next(run_id=run_id, clock=clock):
            continue
        try:
            moved = runs.advance(run_id=run_id, now=clock())
        except Exception as error:
            # Written down, so that a run that cannot go on is seen and not tried for ever.
            log.warning("settlement_run_failed", run=str(run_id), error=repr(error))
            runs.stumble(run_id=run_id, now=clock(), error=repr(error))
            return True
        if not moved:
            return True
    return False

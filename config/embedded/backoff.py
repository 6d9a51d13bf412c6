"""How long to wait before starting something again that keeps ending."""

from __future__ import annotations

import time
from collections import deque

_WINDOW = 60.0
_LONGEST = 10.0
STORM = 10


class Backoff:
    """Counts the ends of one process within a minute."""

    def __init__(self, first: float = 0.2) -> None:
        self._first = first
        self._ends: deque[float] = deque(maxlen=STORM)

    def next_delay(self) -> float:
        """Record an end now and return the seconds to wait: doubling, and bounded."""
        now = time.monotonic()
        self._ends.append(now)
        return min(self._first * 2.0 ** (self._recent(now) - 1), _LONGEST)

    @property
    def storm(self) -> bool:
        """Whether it ended so often within a minute that somebody should look."""
        return self._recent(time.monotonic()) >= STORM

    def _recent(self, now: float) -> int:
        return sum(now - end < _WINDOW for end in self._ends)

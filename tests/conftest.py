"""What every test may ask for."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest


@pytest.fixture
def now() -> datetime:
    """The moment the story is told at."""
    return datetime(2026, 10, 15, 12, 0, tzinfo=UTC)

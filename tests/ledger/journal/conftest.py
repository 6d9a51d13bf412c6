"""What tests of the books may ask for."""

from __future__ import annotations

import pytest

from tests.ledger.journal.builders import Ledger, build_ledger


@pytest.fixture
def ledger(db: None) -> Ledger:
    """A book with its parties and no entry."""
    return build_ledger()

"""A stage that many tests play on: what is built for all of them, and taken down once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction
from pytest_django import DjangoDbBlocker


@pytest.fixture(scope="module")
def stage(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """One transaction around a module's tests; each test's own is rolled back inside it."""
    whole = transaction.atomic()
    # As the framework marks its own: what insists on the outermost transaction may begin in it.
    whole._from_testcase = True  # type: ignore[attr-defined]
    with django_db_blocker.unblock(), whole:
        yield
        transaction.set_rollback(True)

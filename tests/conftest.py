"""What every test may ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations
from django.test import override_settings

pytest_plugins = ["tests.browser"]


@pytest.fixture
def now() -> datetime:
    """The moment the story is told at."""
    return datetime(2026, 10, 15, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True, scope="session")
def _emptying_between_stories() -> Iterator[None]:
    """Stories that commit are cleaned up by TRUNCATE, which append-only tables refuse.

    Only here, between two stories, their triggers stand aside for the length of the cleaning.
    """
    original = DatabaseOperations.execute_sql_flush

    def execute_sql_flush(operations: DatabaseOperations, sql_list: Iterable[str]) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "SELECT format('ALTER TABLE %s %%s TRIGGER %I', tgrelid::regclass, tgname)"
                " FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 32 <> 0"
                " AND tgenabled = 'A'"
            )
            triggers = [row[0] for row in cursor.fetchall()]
            for trigger in triggers:
                cursor.execute(trigger % "DISABLE")
            original(operations, sql_list)
            for trigger in triggers:
                cursor.execute(trigger % "ENABLE ALWAYS")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", execute_sql_flush)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_passwords() -> Iterator[None]:
    """Passwords are hashed slowly on purpose; a thousand stories need not wait for that."""
    with override_settings(PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]):
        yield

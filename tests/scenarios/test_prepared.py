"""What every consent check asks of PostgreSQL is planned once for a connection, and not every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection, connections

from tests.client import ApiClient
from tests.licensing.builders import build_property, build_subject
from tests.licensing.consent.builders import build_generator, build_studio, publish_rule

pytestmark = pytest.mark.django_db(transaction=True)

# PostgreSQL plans for the values it is given so many times, before it plans for any.
TRIES = 5


def test_a_check_is_planned_once() -> None:
    studio, generator = build_studio(), build_generator()
    franchise = build_property(studio.holder)
    hero = build_subject(studio.holder, property=build_property(studio.holder, parent=franchise))
    publish_rule(studio, property=franchise, actions=["generate_video"])
    client = ApiClient(generator.actor)
    for _ in range(TRIES + 3):
        body = {"subjects": [hero.shown_id], "action": "generate_video"}
        assert client.post("/consent-checks", body).status_code == 201
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement, generic_plans FROM pg_prepared_statements")
        found = cursor.fetchall()
    for begins in (
        "SELECT k.id, k.name",
        "SELECT s.id, o.mode",
        "INSERT INTO consent_consentcheck",
    ):
        plans = [n for statement, n in found if statement.strip().startswith(begins)]
        assert [n >= 1 for n in plans] == [True], (begins, found)


@contextmanager
def migrated(column: str) -> Iterator[None]:
    """Another type for a column, as a migration beside running servers makes it, and back."""
    table, name = column.split(".")
    other = connections.create_connection("default")
    with other.cursor() as cursor:
        cursor.execute(
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attname = %s",
            [table, name],
        )
        (was,) = cursor.fetchone() or ("",)
        cursor.execute(f"ALTER TABLE {table} ALTER COLUMN {name} TYPE varchar(999)")
        try:
            yield
        finally:
            # Not beside a transaction that a failure has left open.
            connection.close()
            cursor.execute(f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {was}")
            other.close()


def test_what_was_prepared_before_a_migration_is_prepared_anew() -> None:
    client = ApiClient(build_generator().actor)
    for _ in range(TRIES):
        assert client.get("/me").status_code == 200
    with migrated("access_apikey.name"):
        assert [client.get("/me").status_code for _ in range(2)] == [200, 200]


def test_in_a_transaction_it_is_refused_once() -> None:
    studio, generator = build_studio(), build_generator()
    hero = build_subject(studio.holder)
    publish_rule(studio, subject=hero, actions=["generate_video"])
    client = ApiClient(generator.actor)
    body = {"subjects": [hero.shown_id], "action": "generate_video"}
    for _ in range(TRIES):
        assert client.post("/consent-checks", body).status_code == 201
    with migrated("consent_signingkey.kid"):
        refused = client.post("/consent-checks", body)
        assert (refused.status_code, refused["Retry-After"]) == (503, "2")
        assert client.post("/consent-checks", body).status_code == 201

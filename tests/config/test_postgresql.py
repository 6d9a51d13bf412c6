"""The web server's connections: kept, and looked at before they are used again."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection
from django.test import Client

from tests.client import ApiClient
from tests.licensing.builders import build_holder

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def beside() -> Iterator[psycopg.Connection]:
    """Another session on the same server."""
    connection.ensure_connection()
    with psycopg.connect(**connection.get_connection_params(), autocommit=True) as other:
        yield other


def backend() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        row = cursor.fetchone()
    assert row
    return int(row[0])


def end_session(beside: psycopg.Connection) -> int:
    """Ends our session behind our back, as a restart of the server does."""
    own = backend()
    beside.execute("SELECT pg_terminate_backend(%s, 5000)", [own])
    return own


def test_a_session_that_was_ended_is_noticed_and_one_that_holds_is_kept(
    beside: psycopg.Connection,
) -> None:
    assert connection.is_usable()
    own = end_session(beside)
    assert not connection.is_usable()
    connection.health_check_done = False  # type: ignore[attr-defined]
    assert backend() != own


def test_a_word_from_the_server_is_no_end(beside: psycopg.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("LISTEN news")
    beside.execute("NOTIFY news")
    assert connection.is_usable()
    with connection.cursor() as cursor:
        cursor.execute("UNLISTEN news")


@pytest.mark.parametrize("path", ["/api/v1/me", "/portal/sign-in"])
def test_no_request_fails_because_its_session_was_ended(
    beside: psycopg.Connection, path: str
) -> None:
    client = ApiClient(build_holder().actor)
    for _ in range(2):
        end_session(beside)
        connection.health_check_done = False  # type: ignore[attr-defined]
        answer = client.http.get(path, headers=client.headers())
        assert answer.status_code == 200, answer.content
    assert Client().get("/readyz").status_code == 200

"""Statements prepared once per connection: planning them would cost more than running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import psycopg
from django.db import NotSupportedError, OperationalError, connection


def rows(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Runs a read on Django's connection, in its transaction if there is one.

    What was prepared is refused for good once a migration has changed the type of something it
    reads. Its connection is given up then; outside a transaction, another one is asked. Raises
    OperationalError in a transaction, or if the other one is no better.
    """
    if connection.queries_logged:
        # Somebody is looking at what is asked: Django's own way shows it.
        with connection.cursor() as shown:
            shown.execute(query, parameters)
            found: list[tuple[Any, ...]] = shown.fetchall()
            return found
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    try:
        return _fetched(query, parameters)
    except NotSupportedError as error:
        _give_up()
        if connection.in_atomic_block:
            raise OperationalError(_OUTDATED) from error
    connection.close()
    connection.ensure_connection()
    try:
        return _fetched(query, parameters)
    except NotSupportedError as error:
        _give_up()
        raise OperationalError(_OUTDATED) from error


_OUTDATED: Final = "What was prepared is older than the tables it reads."


def _fetched(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query, parameters, prepare=True)
        return cursor.fetchall()


def _give_up() -> None:
    """Ends the session itself, so that no pool hands it out again. What was begun in it is undone."""
    connection.connection.close()


def write(query: str, parameters: Sequence[Mapping[str, Any]]) -> None:
    """Runs a write once per parameters, all sent before the first answer is awaited."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        if len(parameters) == 1:
            cursor.execute(query, parameters[0], prepare=True)
        else:
            cursor.executemany(query, parameters)

"""Statements prepared once per connection: planning them would cost more than running them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection


def rows(query: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """Runs a read on Django's connection, in its transaction if there is one."""
    if connection.queries_logged:
        # Somebody is looking at what is asked: Django's own way shows it.
        with connection.cursor() as shown:
            shown.execute(query, parameters)
            found: list[tuple[Any, ...]] = shown.fetchall()
            return found
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        cursor.execute(query, parameters, prepare=True)
        return cursor.fetchall()


def write(query: str, parameters: Sequence[Mapping[str, Any]]) -> None:
    """Runs a write once per parameters, all sent before the first answer is awaited."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        if len(parameters) == 1:
            cursor.execute(query, parameters[0], prepare=True)
        else:
            cursor.executemany(query, parameters)

"""What every consent check asks of PostgreSQL is planned once for a connection, and not every time."""

from __future__ import annotations

import pytest
from django.db import connection

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

"""Simulations in the admin: found and read, and nothing else."""

from __future__ import annotations

import pytest
from django.contrib.auth.hashers import make_password
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from licensing.access.models import User
from tests.licensing.consent.builders import build_studio, draft_rule
from tests.licensing.simulation.builders import run, start

pytestmark = pytest.mark.django_db


def test_a_list_takes_no_more_queries_for_more_rows_and_one_tells_its_result() -> None:
    user = User.objects.create(
        username="root", password=make_password(None), is_staff=True, is_superuser=True
    )
    client = Client()
    client.force_login(user)
    studio = build_studio()
    where = reverse("admin:simulation_simulation_changelist")
    counts = []
    for _ in range(3):
        simulation = start(studio, draft_rule(studio))
        run(simulation)
        with CaptureQueriesContext(connection) as queries:
            page = client.get(where)
        counts.append(len(queries))
        assert simulation.shown_id in page.content.decode()
    assert counts[1] == counts[2]
    where = reverse("admin:simulation_simulation_change", args=[simulation.pk])
    page = client.get(where)
    assert "hang_on_words" in page.content.decode()
    assert client.post(where, {"state": "failed"}).status_code == 403

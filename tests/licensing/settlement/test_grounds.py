"""What a part rated by, written down with its lines; also for what was rated before it was."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.db import connection

from licensing.settlement.models import Ground, Restatement, RoyaltyLine
from tests.licensing.builders import build_holder, build_subject
from tests.licensing.commerce.builders import build_agreement
from tests.licensing.settlement.builders import (
    Made,
    Studio,
    build_batch,
    paid,
    settle,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def studio() -> Studio:
    """A remix of two, one of which is reported after the first run and one after the second."""
    studio = Studio()
    build_agreement(studio.platform, studio.owner)
    luna, milo = studio.character("Luna"), studio.character("Milo")
    stranger = build_holder().holder
    assert stranger is not None
    build_batch(
        studio.platform,
        [
            Made(subjects=[luna, build_subject(stranger)], parents=["one", "two"], licensed=True),
            Made(subjects=luna, medium="voice", seconds=3, licensed=True),
        ],
    )
    settle(studio)
    build_batch(studio.platform, [Made(subjects=milo, name="one", licensed=True)])
    settle(studio)
    return studio


def test_every_line_has_its_grounds(studio: Studio) -> None:
    grounds = {
        (each.part_id, each.subject_id, each.day, each.territory): each
        for each in Ground.objects.all()
    }
    for line in RoyaltyLine.objects.all():
        ground = grounds[line.part_id, line.subject_id, line.service_day, line.territory]
        assert (ground.terms_id, ground.step_id) == (line.terms_id, line.step_id)
        assert ground.priced or line.code not in ("ok", "unowned")


def test_what_was_rated_before_there_were_grounds_has_those_of_its_lines(studio: Studio) -> None:
    written = _written()
    luna = build_subject(studio.owner)
    with connection.cursor() as cursor:
        # As it was before the migration.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in ("settlement_ground", "settlement_restatement"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            cursor.execute(f"DELETE FROM {table}")
        cursor.execute(import_module("licensing.settlement.migrations.0004_grounds_kept").FILL)
        for table in ("settlement_ground", "settlement_restatement"):
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    assert _written() == written
    build_batch(studio.platform, [Made(subjects=luna, name="two", licensed=True)])
    settle(studio)
    # The second parent takes its part by what the lines said the remix had been divided by.
    assert sum(paid().values()) == sum(line.gross for line in RoyaltyLine.objects.all())
    assert not RoyaltyLine.objects.filter(basis="inherited", gross__lt=0).exists()


def _written() -> tuple[list[Any], list[Any]]:
    grounds = Ground.objects.values_list(
        "part", "subject", "day", "territory", "terms", "step", "priced"
    )
    return sorted(grounds, key=repr), sorted(Restatement.objects.values_list(), key=repr)

"""The blast radius: what an end of consent leaves in the world."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import OperationalError, connection, transaction

from licensing.catalog.models import Subject, SubjectQuerySet
from licensing.consent.models import ConsentCheck, ConsentCheckQuerySet, KillSwitch, RuleVersion

# An end of consent never waits for long until what it leaves is counted.
_PATIENCE: Final = "2s"


def open_receipts_of(version: RuleVersion, *, now: datetime) -> int | None:
    """How many receipts issued under `version` are still in time; None if counting takes too long."""
    return _count(_open(now).filter(rule_versions__contains=[version.pk]))


def open_receipts_stopped_by(switch: KillSwitch, *, now: datetime) -> int | None:
    """How many receipts still in time are over what `switch` stops; None if that takes too long."""
    subjects = subjects_under(switch).values_list("pk", flat=True)
    found = _open(now).filter(subject_ids__overlap=list(subjects))
    if switch.platform_id is not None:
        found = found.filter(platform=switch.platform_id)
    return _count(found)


def subjects_under(switch: KillSwitch) -> SubjectQuerySet:
    """The subjects that `switch` stops: its holder owns, or owned, a share of each."""
    subjects = Subject.objects.filter(ownership_steps__shares__holder=switch.holder_id)
    if switch.subject_id is not None:
        subjects = subjects.filter(pk=switch.subject_id)
    if switch.property_id is not None:
        subjects = subjects.filter(property__in=_below(switch))
    return subjects.distinct()


def _open(now: datetime) -> ConsentCheckQuerySet:
    return ConsentCheck.objects.filter(outcome="allow", expires_at__gt=now)


def _below(switch: KillSwitch) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE below AS (SELECT %s::uuid AS id UNION"
            " SELECT p.id FROM catalog_property p JOIN below b ON p.parent_id = b.id)"
            " SELECT id FROM below",
            [switch.property_id],
        )
        return [row[0] for row in cursor.fetchall()]


def _count(rows: ConsentCheckQuerySet) -> int | None:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            before = cursor.fetchone()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [_PATIENCE])
            found = rows.count()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", before)
            return found
    except OperationalError:
        return None

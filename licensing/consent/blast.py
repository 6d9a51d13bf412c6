"""The blast radius: what an end of consent leaves in the world.

Receipts are consent's own. What was made with them stands above it, so the settings name who counts
that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final, TypeVar, cast
from uuid import UUID

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.utils.module_loading import import_string

from licensing.catalog.models import Subject, SubjectQuerySet
from licensing.consent.models import (
    ConsentCheck,
    ConsentCheckQuerySet,
    ConsentRule,
    KillSwitch,
    RuleVersion,
)

# An end of consent never waits for long until what it leaves is counted: so long for each count.
_PATIENCE: Final = "1s"
Counted = TypeVar("Counted")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Whose receipts an end of consent is about: those over any of `subjects`, of one rule version
    or of all, of one platform or of all, none issued before `since`."""

    subjects: tuple[UUID, ...]
    version: UUID | None = None
    platform: UUID | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BlastRadius:
    """Receipts not yet expired, generations made under any receipt within reach, and remixes that
    descend from those and are not among them. None is what took too long to count."""

    open_receipts: int | None
    generations: int | None
    remixes: int | None


def of_version(version: RuleVersion, *, now: datetime) -> BlastRadius:
    """What the end of `version` leaves."""
    reach = Reach(
        subjects=_ids(subjects_under(version.rule)),
        version=version.pk,
        since=version.published_at,
    )
    return _radius(open_receipts_of(version, now=now), reach)


def stopped_by(switch: KillSwitch, *, now: datetime) -> BlastRadius:
    """What there is of what `switch` stops."""
    reach = Reach(subjects=_ids(subjects_under(switch)), platform=switch.platform_id)
    return _radius(open_receipts_stopped_by(switch, now=now), reach)


def open_receipts_of(version: RuleVersion, *, now: datetime) -> int | None:
    """How many receipts issued under `version` are still in time; None if counting takes too long."""
    return patiently(_open(now).filter(rule_versions__contains=[version.pk]).count)


def open_receipts_stopped_by(switch: KillSwitch, *, now: datetime) -> int | None:
    """How many receipts still in time are over what `switch` stops; None if that takes too long."""
    found = _open(now).filter(subject_ids__overlap=list(_ids(subjects_under(switch))))
    if switch.platform_id is not None:
        found = found.filter(platform=switch.platform_id)
    return patiently(found.count)


def subjects_under(end: KillSwitch | ConsentRule) -> SubjectQuerySet:
    """The subjects that a switch or a rule is over: its holder owns, or owned, a share of each."""
    subjects = Subject.objects.filter(ownership_steps__shares__holder=end.holder_id)
    if end.subject_id is not None:
        subjects = subjects.filter(pk=end.subject_id)
    if end.property_id is not None:
        subjects = subjects.filter(property__in=_below(end.property_id))
    return subjects.distinct()


def _open(now: datetime) -> ConsentCheckQuerySet:
    return ConsentCheck.objects.filter(outcome="allow", expires_at__gt=now)


def _radius(open_receipts: int | None, reach: Reach) -> BlastRadius:
    """With what was made, by whoever counts it."""
    counts = [
        cast("Callable[[Reach], int]", import_string(name))
        for name in (settings.CONSENT_GENERATIONS, settings.CONSENT_REMIXES)
    ]
    generations, remixes = (patiently(partial(count, reach)) for count in counts)
    return BlastRadius(open_receipts=open_receipts, generations=generations, remixes=remixes)


def _ids(subjects: SubjectQuerySet) -> tuple[UUID, ...]:
    return tuple(subjects.values_list("pk", flat=True))


def _below(property_id: UUID) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE below AS (SELECT %s::uuid AS id UNION"
            " SELECT p.id FROM catalog_property p JOIN below b ON p.parent_id = b.id)"
            " SELECT id FROM below",
            [property_id],
        )
        return [row[0] for row in cursor.fetchall()]


def patiently(count: Callable[[], Counted]) -> Counted | None:
    """What `count` finds, or None if it takes the database too long."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('statement_timeout')")
            before = cursor.fetchone()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [_PATIENCE])
            found = count()
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", before)
            return found
    except OperationalError:
        return None

"""A settled world for stories: a platform, a holder with a character, an agreement, and usage."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import connection, transaction

from ledger.actor import Actor
from ledger.ids import new_id
from ledger.journal.models import Entry
from ledger.journal.report import journal_text
from licensing.catalog.models import Platform, RightsHolder, Subject
from licensing.settlement import runs
from licensing.settlement.driving import drive
from licensing.settlement.models import Run, RunShare
from licensing.usage import sealing
from licensing.usage.models import (
    Batch,
    BatchOrigin,
    BatchState,
    Generation,
    GenerationParent,
    GenerationSubject,
)
from tests.licensing.builders import (
    Household,
    build_actor,
    build_holder,
    build_house,
    build_platform,
    build_subject,
)

# The first of November: October is over, and may be settled.
NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
OCTOBER = date(2026, 10, 1)
NOVEMBER = date(2026, 11, 1)
_number = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A generation to be reported, as a batch takes it: an image of the 10th of October."""

    subjects: Mapping[Subject, int] | Sequence[Subject] | Subject
    at: datetime = datetime(2026, 10, 10, 12, 0, tzinfo=UTC)
    medium: str = "image"
    seconds: int | None = None
    territory: str = ""
    licensed: bool = False
    name: str = ""
    parents: Sequence[str] = ()

    @property
    def weights(self) -> dict[Subject, int]:
        if isinstance(self.subjects, Subject):
            return {self.subjects: 1}
        if isinstance(self.subjects, Mapping):
            return dict(self.subjects)
        return dict.fromkeys(self.subjects, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finance:
    """The two people of the house without whom no money moves."""

    preparer: Actor
    approver: Actor


def build_finance() -> Finance:
    house = build_house()
    return Finance(preparer=house.actor, approver=build_actor(house.organisation, "approver"))


@dataclass(slots=True, kw_only=True)
class Studio:
    """A holder and a platform with everything that settles between them."""

    holder: Household = field(default_factory=build_holder)
    clips: Household = field(default_factory=build_platform)
    finance: Finance = field(default_factory=build_finance)

    @property
    def owner(self) -> RightsHolder:
        assert self.holder.holder is not None
        return self.holder.holder

    @property
    def platform(self) -> Platform:
        assert self.clips.platform is not None
        return self.clips.platform

    def character(self, name: str = "", **options: Any) -> Subject:
        return build_subject(self.owner, name, **options)


def build_batch(
    platform: Platform, made: Iterable[Made], *, now: datetime = NOW, sealed: bool = True
) -> Batch:
    """A batch of generations; parents are named by `Made.name`, reported before, here or later."""
    with transaction.atomic():
        batch = Batch.objects.create(
            platform=platform,
            opened_at=now,
            origin=BatchOrigin.UPLOAD,
            state=BatchState.OPEN,
            upload_hash=new_id().bytes * 2,
        )
        pairs = [(one, _generation(platform, batch, one)) for one in made]
        Generation.objects.bulk_create(generation for _, generation in pairs)
        GenerationSubject.objects.bulk_create(
            GenerationSubject(generation_id=generation.pk, subject_id=subject.pk, weight=weight)
            for one, generation in pairs
            for subject, weight in one.weights.items()
        )
        GenerationParent.objects.bulk_create(
            GenerationParent(
                generation_id=generation.pk,
                position=position,
                platform_id=platform.pk,
                parent_external_id=parent,
            )
            for one, generation in pairs
            for position, parent in enumerate(one.parents)
        )
        resolve_parents(now=now)
        if sealed:
            sealing.seal(batch_id=batch.pk, now=now)
    batch.refresh_from_db()
    return batch


def resolve_parents(*, now: datetime = NOW) -> None:
    """What an ingest does for parents that have come."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE usage_generationparent p SET parent_id = g.id, resolved_at = %s"
            "  FROM usage_generation g WHERE p.parent_id IS NULL"
            "   AND g.platform_id = p.platform_id AND g.external_id = p.parent_external_id",
            [now],
        )


def _generation(platform: Platform, batch: Batch, one: Made) -> Generation:
    licensing = (
        {"licensed": True, "consent_check_id": new_id()}
        if one.licensed
        else {"licensed": False, "unlicensed_reason": "no_receipt"}
    )
    return Generation(
        platform=platform,
        batch=batch,
        occurred_at=one.at,
        seconds=one.seconds,
        medium=one.medium,
        territory=one.territory,
        content_digest=bytes(32),
        external_id=one.name or f"g-{next(_number)}",
        **licensing,
    )


# One statement for both tables: as many generations of one subject as the story needs.
_MANY = """
WITH made AS (
    INSERT INTO usage_generation (id, platform_id, batch_id, occurred_at, licensed, medium,
        territory, unlicensed_reason, purpose, resolution, content_digest, external_id, model,
        metadata, consent_check_id)
    SELECT lpad(to_hex(n), 32, '0')::uuid, %(platform)s, %(batch)s, %(at)s, TRUE, 'image',
           '', '', '', '', '\\x00', n::text, '', '{}', %(batch)s
      FROM generate_series(1, %(count)s) n
    RETURNING id
)
INSERT INTO usage_generationsubject (generation_id, subject_id, weight)
SELECT id, %(subject)s, 1 FROM made
"""


def build_many(platform: Platform, subject: Subject, count: int, *, now: datetime = NOW) -> Batch:
    """A sealed batch of `count` licensed images of one subject, written by the database."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        batch = Batch.objects.create(
            platform=platform,
            opened_at=now,
            origin=BatchOrigin.UPLOAD,
            state=BatchState.OPEN,
            upload_hash=new_id().bytes * 2,
        )
        terms: dict[str, Any] = {
            "platform": platform.pk,
            "batch": batch.pk,
            "at": now - timedelta(days=20),
            "count": count,
            "subject": subject.pk,
        }
        cursor.execute(_MANY, terms)
        sealing.seal(batch_id=batch.pk, now=now)
    batch.refresh_from_db()
    return batch


def start(studio: Studio, *, period: date = OCTOBER, now: datetime = NOW, **said: Any) -> Run:
    """A run of the studio's platform, started by the preparer."""
    said.setdefault("currency", "USD")
    return runs.start_run(
        actor=studio.finance.preparer, now=now, platform=studio.platform, period=period, **said
    )


def forward(run: Run, *, now: datetime = NOW) -> Run:
    """The run, driven as far as the machine takes it."""
    drive(run_id=run.pk, clock=lambda: now)
    run.refresh_from_db()
    return run


def review(studio: Studio, *, now: datetime = NOW, **said: Any) -> Run:
    """A run that waits to be approved."""
    return forward(start(studio, now=now, **said), now=now)


def approve(studio: Studio, run: Run, *, now: datetime = NOW) -> Run:
    """The run, approved by the other person and posted."""
    runs.approve_run(
        actor=studio.finance.approver, now=now, run=run, content_hash=run.content_hash_hex
    )
    return forward(run, now=now)


def settle(studio: Studio, *, now: datetime = NOW, **said: Any) -> Run:
    """A run from its start to the books."""
    return approve(studio, review(studio, now=now, **said), now=now)


def paid(run: Run | None = None) -> dict[str, Decimal]:
    """What each payee got, by the holder's name or the kind of payee; of one run or of all."""
    rows = RunShare.objects.exclude(run__state__in=["cancelled", "reversed"])
    sums: dict[str, Decimal] = {}
    for share in (rows.filter(run=run) if run else rows).select_related("holder"):
        name = share.holder.name if share.holder else share.payee
        sums[name] = sums.get(name, Decimal(0)) + share.amount
    return {name: amount for name, amount in sorted(sums.items()) if amount}


def journal(**names: str) -> str:
    """The journal as an accountant reads it, with `names` in place of the things' ids."""
    text = journal_text(Entry.objects.order_by("height"))
    for name, shown in names.items():
        text = text.replace(shown, name)
    return text

"""Collecting a run's inputs: sealed batches not yet settled, cut into parts of bounded size."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

from ledger.ids import new_id
from licensing.settlement import restating
from licensing.settlement.models import Run, RunPart
from licensing.settlement.states import PartKind

# Generations a part rates: a few seconds' work, far below a worker's time limit.
PART_ROWS: Final = 100_000
_PART_BATCHES: Final = 2_000

# Reads the platform's sealed batches that end before the period does and are in no run of this
# currency; writes them as inputs of this one. Safe beside another run: the key is the batch and
# the currency. An empty batch has nothing to settle.
_COLLECT: Final = """
INSERT INTO settlement_input (batch_id, currency, run_id)
SELECT b.id, %(currency)s, %(run)s
  FROM usage_batch b
 WHERE b.platform_id = %(platform)s AND b.state = 'sealed' AND b.count > 0
   AND b.last_occurred_at < %(until)s
   AND NOT EXISTS (SELECT FROM settlement_input i
                    WHERE i.batch_id = b.id AND i.currency = %(currency)s)
"""
_COLLECTED: Final = """
SELECT b.id, b.count FROM settlement_input i JOIN usage_batch b ON b.id = i.batch_id
 WHERE i.run_id = %(run)s ORDER BY b.id
"""
# Where a batch of many generations is cut: the last id of every PART_ROWS of them.
_CUTS: Final = """
SELECT id FROM (
    SELECT id, row_number() OVER (ORDER BY id) AS place
      FROM usage_generation WHERE batch_id = %(batch)s) numbered
 WHERE place %% %(rows)s = 0 OR place = %(count)s
 ORDER BY id
"""
# What a void run lets go, so that the next one starts as this one did.
_RELEASE: Final = "DELETE FROM settlement_input WHERE run_id = %(run)s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """A sealed batch and how many generations it has."""

    batch: UUID
    count: int


def collect(*, run: Run, now: datetime) -> int:
    """Takes the run's inputs and makes its parts; answers how many generations there are to rate.

    Within the caller's transaction, which holds the run.
    """
    terms: dict[str, Any] = {
        "run": run.pk,
        "platform": run.platform_id,
        "currency": run.currency,
        "until": end_of(run.period),
    }
    with connection.cursor() as cursor:
        cursor.execute(_COLLECT, terms)
        cursor.execute(_COLLECTED, terms)
        batches = [Collected(batch=row[0], count=row[1]) for row in cursor.fetchall()]
    again = restating.choose(terms)
    parts = list(_rate_parts(run, now, batches))
    restate_parts = [
        _part(
            run,
            now,
            len(parts) + place,
            PartKind.RESTATE,
            rows=min(PART_ROWS, again - (place - 1) * PART_ROWS),
        )
        for place in range(1, math.ceil(again / PART_ROWS) + 1)
    ]
    RunPart.objects.bulk_create(parts + restate_parts, batch_size=500)
    restating.assign(terms, parts=[part.pk for part in restate_parts], rows=PART_ROWS)
    return sum(batch.count for batch in batches)


def release(*, run: Run) -> None:
    """Lets a void run's inputs go, for the next one to take."""
    terms = {"run": run.pk}
    restating.release(terms)
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, terms)


def end_of(period: date) -> datetime:
    """The moment a month ends."""
    return datetime(period.year + period.month // 12, period.month % 12 + 1, 1, tzinfo=UTC)


def _rate_parts(run: Run, now: datetime, batches: Iterable[Collected]) -> Iterator[RunPart]:
    number = 0
    together: list[Collected] = []
    for batch in batches:
        if batch.count > PART_ROWS:
            for first, last, rows in _ranges(batch):
                number += 1
                part = _part(run, now, number, PartKind.RATE, rows=rows)
                part.batches = [batch.batch]
                part.first_generation, part.last_generation = first, last
                yield part
            continue
        full = sum(each.count for each in together) + batch.count > PART_ROWS
        if together and (full or len(together) == _PART_BATCHES):
            number += 1
            yield _of_batches(run, now, number, together)
            together = []
        together.append(batch)
    if together:
        yield _of_batches(run, now, number + 1, together)


def _of_batches(run: Run, now: datetime, number: int, together: list[Collected]) -> RunPart:
    rows = sum(batch.count for batch in together)
    part = _part(run, now, number, PartKind.RATE, rows=rows)
    part.batches = [batch.batch for batch in together]
    return part


def _part(run: Run, now: datetime, number: int, kind: PartKind, *, rows: int) -> RunPart:
    return RunPart(id=new_id(), run=run, kind=kind, number=number, not_before=now, rows=rows)


def _ranges(batch: Collected) -> Iterator[tuple[UUID, UUID, int]]:
    """The ranges of generation ids a big batch is rated in: first, last, and how many."""
    terms: dict[str, Any] = {"batch": batch.batch, "rows": PART_ROWS, "count": batch.count}
    with connection.cursor() as cursor:
        cursor.execute(_CUTS, terms)
        cuts = [row[0] for row in cursor.fetchall()]
    first = UUID(int=0)
    left = batch.count
    for cut in cuts:
        rows = min(PART_ROWS, left)
        yield first, cut, rows
        first = UUID(int=cut.int + 1)
        left -= rows

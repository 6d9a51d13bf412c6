"""Rating and allocation, against the plainest hand-written INSERT ... SELECT of the same totals.

Ours is a whole run from its start to its review: collecting, entitlements by largest remainder,
terms and owners in force, exact lines, totals, shares and the content hash. The reference joins the
same generations with prices and adds up, and does nothing else.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.utils import timezone

from ledger.actor import system_actor
from licensing.catalog import holders, platforms, subjects
from licensing.catalog.models import Platform, Subject
from licensing.commerce.agreements import Price
from licensing.settlement import driving, runs
from licensing.settlement.models import Run
from tests.licensing.builders import LONG_AGO
from tests.licensing.commerce.builders import build_agreement, build_terms

TIMES: Final = 3
HOLDERS: Final = 6
SUBJECTS: Final = 10
BATCH: Final = 100_000
OCTOBER: Final = date(2026, 10, 1)

# A month of generations: eight in ten with one subject, one in ten with two, and one in ten a remix
# of an earlier one. Half of them are videos of a few seconds, a tenth are unlicensed.
_BATCHES: Final = """
INSERT INTO usage_batch (id, platform_id, origin, state, opened_at, count, lines, repeated, refused,
                         refusals, upload_hash)
VALUES (%(batch)s, %(platform)s, 'upload', 'closing', %(opened)s, 0, 0, 0, 0, '[]', %(hash)s)
"""
_ID: Final = """(lpad(to_hex({base} + ({n}) / 4096), 12, '0') || '7' || lpad(to_hex(({n}) %% 4096), 3, '0')
        || %(stamp)s)::uuid"""
_GENERATIONS: Final = (
    """
INSERT INTO usage_generation (id, platform_id, batch_id, occurred_at, seconds, licensed, medium,
    territory, unlicensed_reason, consent_check_id, purpose, resolution, content_digest,
    external_id, model, metadata)
SELECT """
    + _ID.format(base="%(base)s", n="n")
    + """, %(platform)s, %(batch)s,
       timestamptz '2026-10-01 00:00:00+00' + make_interval(mins => n %% 44640),
       CASE WHEN n %% 2 = 0 THEN 1 + n %% 29 END, n %% 10 <> 3,
       CASE WHEN n %% 2 = 0 THEN 'video' ELSE 'image' END,
       (ARRAY['', 'US', 'DE', 'FR', 'JP'])[1 + n %% 5],
       CASE WHEN n %% 10 = 3 THEN 'no_receipt' ELSE '' END,
       CASE WHEN n %% 10 <> 3 THEN %(platform)s::uuid END, '', '', '\\x00', n::text, '', '{{}}'
  FROM generate_series(%(first)s, %(last)s) n
"""
).replace("{{}}", "{}")
_APPEARANCES: Final = (
    """
INSERT INTO usage_generationsubject (generation_id, subject_id, weight)
SELECT """
    + _ID.format(base="%(base)s", n="n")
    + """, (%(subjects)s::uuid[])[1 + (n + k) %% %(cast)s], 1
  FROM generate_series(%(first)s, %(last)s) n, generate_series(0, (n %% 10 = 8)::int) k
"""
)
_PARENTS: Final = (
    """
INSERT INTO usage_generationparent (generation_id, position, platform_id, parent_external_id,
                                    parent_id, resolved_at)
SELECT """
    + _ID.format(base="%(base)s", n="n")
    + """, 0, %(platform)s, (n - 5)::text, """
    + _ID.format(base="%(base)s", n="n - 5")
    + """, %(opened)s
  FROM generate_series(%(first)s, %(last)s) n WHERE n %% 10 = 9
"""
)
_SEALED: Final = """
UPDATE usage_batch b
   SET state = 'sealed', sealed_at = %(opened)s, content_hash = %(hash)s, count = found.count,
       first_occurred_at = found.first, last_occurred_at = found.last
  FROM (SELECT count(*) AS count, min(occurred_at) AS first, max(occurred_at) AS last
          FROM usage_generation WHERE batch_id = %(batch)s) found
 WHERE b.id = %(batch)s
"""
_TABLE: Final = """
DROP TABLE IF EXISTS bench_rating;
CREATE TABLE bench_rating (terms_id uuid, subject_id uuid, day date, medium text, licensed boolean,
                           generations bigint, gross numeric)
"""
# The least that gives the same totals: every part times its price, added up.
_REFERENCE: Final = """
INSERT INTO bench_rating (terms_id, subject_id, day, medium, licensed, generations, gross)
SELECT v.id, x.subject_id, x.day, x.medium, x.licensed, count(*),
       sum(x.part * (coalesce(each.amount, 0) + coalesce(timed.amount * x.seconds, 0)))
  FROM (
    SELECT s.subject_id, (g.occurred_at AT TIME ZONE 'UTC')::date AS day, g.medium, g.licensed,
           g.seconds, s.weight::numeric / w.weights * CASE WHEN p.parent_id IS NULL THEN 1 ELSE 0.9 END AS part
      FROM usage_generation g
      JOIN usage_generationsubject s ON s.generation_id = g.id
      JOIN (SELECT generation_id, sum(weight) AS weights FROM usage_generationsubject
             GROUP BY generation_id) w ON w.generation_id = g.id
      LEFT JOIN usage_generationparent p ON p.generation_id = g.id
     WHERE g.platform_id = %(platform)s
     UNION ALL
    SELECT s.subject_id, (g.occurred_at AT TIME ZONE 'UTC')::date, g.medium, g.licensed,
           g.seconds, s.weight::numeric / w.weights * 0.1
      FROM usage_generationparent p
      JOIN usage_generation g ON g.id = p.generation_id
      JOIN usage_generationsubject s ON s.generation_id = p.parent_id
      JOIN (SELECT generation_id, sum(weight) AS weights FROM usage_generationsubject
             GROUP BY generation_id) w ON w.generation_id = p.parent_id
     WHERE g.platform_id = %(platform)s
  ) x
  JOIN catalog_subject c ON c.id = x.subject_id
  JOIN commerce_agreement a ON a.platform_id = %(platform)s AND a.holder_id = c.holder_id
  JOIN commerce_termsversion v ON v.agreement_id = a.id AND v.effective_on <= x.day
  LEFT JOIN commerce_termsprice each ON each.terms_id = v.id AND each.medium = x.medium
       AND each.licensed = x.licensed AND each.unit = 'generation'
  LEFT JOIN commerce_termsprice timed ON timed.terms_id = v.id AND timed.medium = x.medium
       AND timed.licensed = x.licensed AND timed.unit = 'second'
 GROUP BY 1, 2, 3, 4, 5
"""
# Empty if ours and the reference's totals are the same to the last digit.
_DIFFERENCES: Final = """
SELECT coalesce(o.subject_id, r.subject_id), o.gross, r.gross
  FROM (SELECT subject_id, terms_id, sum(gross) AS gross FROM settlement_royaltyline
         WHERE run_id = %(run)s GROUP BY 1, 2) o
  FULL JOIN (SELECT subject_id, terms_id, sum(gross) AS gross FROM bench_rating GROUP BY 1, 2) r
    ON r.subject_id = o.subject_id AND r.terms_id = o.terms_id
 WHERE o.gross IS DISTINCT FROM r.gross
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds for so many generations, ours and the reference's: the best of three of each."""

    generations: int
    ours: float
    reference: float

    @property
    def ratio(self) -> float:
        """Our rows per second over the reference's; the aim is 0.5."""
        return self.reference / self.ours


def measure(*, generations: int) -> Measured:
    """Reports a month of generations, and settles it both ways. To be run on a database that is
    thrown away: what was reported and settled stays."""
    platform = _build_month(generations)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(_TABLE)
        # As autovacuum does some minutes after a month of reports.
        cursor.execute(
            "ANALYZE usage_generation, usage_generationsubject, usage_generationparent, usage_batch"
        )
    ours = reference = float("inf")
    for _ in range(TIMES):
        reference = min(reference, _timed(lambda: _refer(platform)))
        run = runs.start_run(
            actor=system_actor(mode="test"),
            now=timezone.now(),
            platform=platform,
            currency="USD",
            period=OCTOBER,
        )
        ours = min(ours, _timed(lambda run=run: _settle(run)))  # type: ignore[misc]
        _require_same(run)
        runs.cancel_run(actor=system_actor(mode="test"), now=timezone.now(), run=run)
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE bench_rating")
    return Measured(generations=generations, ours=ours, reference=reference)


def _timed(act: Callable[[], None]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _refer(platform: Platform) -> None:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE bench_rating")
        cursor.execute(_REFERENCE, {"platform": platform.pk})


def _settle(run: Run) -> None:
    driving.drive(run_id=run.pk, clock=timezone.now)
    run.refresh_from_db()
    if run.state != "in_review":
        raise RuntimeError(f"the run is {run.state}: {list(run.parts.values_list('error'))[:3]}")


def _require_same(run: Run) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_DIFFERENCES, {"run": run.pk})
        differences = cursor.fetchall()
    if differences:
        raise RuntimeError(f"ours and the reference differ: {differences[:3]}")


def _build_month(generations: int) -> Platform:
    # Named for the moment, so that it may be measured again on the same database.
    moment = f"{timezone.now():%Y-%m-%d %H:%M:%S.%f}"
    system = system_actor(mode="test")
    platform = platforms.register_platform(actor=system, now=LONG_AGO, name=f"Platform {moment}")
    cast: list[Subject] = []
    for number in range(HOLDERS):
        holder = holders.register_holder(
            actor=system, now=LONG_AGO, name=f"Holder {number} of {moment}"
        )
        cast += [
            subjects.register_subject(
                actor=system,
                now=LONG_AGO,
                holder=holder,
                name=f"Character {number}-{place} of {moment}",
                kind="character",
            )
            for place in range(SUBJECTS)
        ]
        prices = [
            Price(medium=medium, unit=unit, amount=Decimal(amount), licensed=licensed)
            for medium, unit, amount in (
                ("image", "generation", "0.002"),
                ("video", "generation", "0.001"),
                ("video", "second", "0.0004"),
            )
            for licensed in (True, False)
        ]
        build_agreement(platform, holder, terms=build_terms(prices=prices))
    stamp = hashlib.sha256(platform.pk.bytes).hexdigest()[:15]
    terms: dict[str, Any] = {
        "platform": platform.pk,
        "subjects": [subject.pk for subject in cast],
        "cast": len(cast),
        "stamp": f"8{stamp}",
        "base": int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1000),
        "opened": datetime(2026, 10, 31, tzinfo=UTC),
    }
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        for first in range(1, generations + 1, BATCH):
            last = min(first + BATCH - 1, generations)
            digest = hashlib.sha256(f"{platform.pk}{first}".encode()).digest()
            batch = UUID(bytes=digest[:16])
            given = {**terms, "first": first, "last": last, "batch": batch, "hash": digest}
            for statement in (_BATCHES, _GENERATIONS, _APPEARANCES, _PARENTS, _SEALED):
                cursor.execute(statement, given)
    return platform

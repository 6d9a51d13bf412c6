"""The staging table of one ingest, and the statements that take it into the books of usage.

All statements work on sets: the same ones carry a single report and a million lines. Each runs in
the ingest's one transaction, and none has an effect the second time, because the platform's own
ids are unique for ever. What grows with history is reached by LATERAL with a LIMIT, which the
planner cannot turn into reading all of it; and a generation by its external id, with IS NOT
DISTINCT FROM for the platform: no index serves that, so none but the external id's can be chosen,
however stale the statistics.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from licensing.usage.lines import COLUMNS
from licensing.usage.refusals import LISTED, Finding

# A receipt is good from a little before its moment, for clocks differ.
SKEW: Final = timedelta(minutes=5)

# Kept for the session, emptied by each commit: a report must not pay for a new table.
_CREATE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_staged (
    id uuid NOT NULL,
    receipt_id uuid,
    occurred_at timestamptz NOT NULL,
    n integer NOT NULL,
    seconds integer,
    medium text NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    territory text NOT NULL,
    purpose text NOT NULL,
    resolution text NOT NULL,
    model text NOT NULL,
    receipt_digest bytea,
    subjects uuid[] NOT NULL,
    weights integer[],
    parents text[],
    metadata jsonb NOT NULL,
    content_digest bytea NOT NULL
) ON COMMIT DELETE ROWS
"""
_COPY: Final = f"COPY usage_staged ({', '.join(COLUMNS)}) FROM STDIN"

# Reads the staged lines, the checks their receipts claim and how many generations those have
# covered; writes the generations. What a receipt does not cover is kept as a fact, with the reason.
# Equality with the digest of what we issued proves the signature. Purpose and resolution bind only
# what is said; how many are covered is null in receipts for any number.
_INSERT_GENERATIONS: Final = """
INSERT INTO usage_generation (
    id, platform_id, batch_id, consent_check_id, occurred_at, seconds, licensed, unit, medium,
    territory, unlicensed_reason, purpose, resolution, content_digest, external_id, model, metadata)
SELECT id, %(platform)s, %(batch)s, check_id, occurred_at, seconds,
       reason = '' AND NOT over, CASE WHEN NOT over THEN unit END, medium,
       territory, CASE WHEN over THEN 'over_quota' ELSE reason END, purpose, resolution,
       content_digest, external_id, model, metadata
  FROM (
    SELECT *, coalesce(unit > generations, false) AS over
      FROM (
        SELECT judged.*,
               CASE WHEN reason = '' AND generations IS NOT NULL
                    THEN coalesce(used.unit, 0)
                       + row_number() OVER (PARTITION BY check_id, reason ORDER BY n)
               END AS unit
          FROM (
            SELECT s.*, c.generations,
                   CASE WHEN c.receipt_digest = s.receipt_digest
                          OR (c.outcome <> 'allow' AND c.platform_id = %(platform)s) THEN c.id
                   END AS check_id,
                   CASE WHEN s.receipt_digest IS NULL THEN 'no_receipt'
                        WHEN c.id IS NULL THEN 'unknown_receipt'
                        WHEN c.outcome <> 'allow' AND c.platform_id = %(platform)s
                            THEN 'denied'
                        WHEN c.receipt_digest IS DISTINCT FROM s.receipt_digest
                            THEN 'unknown_receipt'
                        WHEN c.platform_id <> %(platform)s THEN 'other_platform'
                        WHEN NOT (c.subject_ids @> s.subjects AND c.subject_ids <@ s.subjects)
                            THEN 'other_subjects'
                        WHEN c.action <> 'generate_' || s.medium
                             AND NOT (c.action = 'remix' AND s.parents IS NOT NULL)
                            THEN 'wrong_action'
                        WHEN c.territory NOT IN ('', s.territory) THEN 'other_territory'
                        WHEN s.purpose NOT IN ('', c.said ->> 'purpose') THEN 'other_purpose'
                        WHEN s.seconds > (c.said ->> 'duration_seconds')::integer
                            THEN 'over_duration'
                        WHEN s.resolution <> '' AND (c.said ->> 'resolution')::integer
                             < least(split_part(s.resolution, 'x', 1)::integer,
                                     split_part(s.resolution, 'x', 2)::integer)
                            THEN 'over_resolution'
                        WHEN s.occurred_at < c.issued_at - %(skew)s THEN 'not_yet_issued'
                        WHEN s.occurred_at > c.expires_at THEN 'expired'
                        ELSE ''
                   END AS reason
              FROM usage_staged s
              LEFT JOIN LATERAL (
                  SELECT *, facts -> 'request' AS said
                    FROM consent_consentcheck WHERE id = s.receipt_id LIMIT 1) c ON true
          ) judged
          LEFT JOIN LATERAL (
              SELECT unit FROM usage_generation
               WHERE consent_check_id = judged.check_id AND unit IS NOT NULL
               ORDER BY unit DESC LIMIT 1) used ON judged.reason = ''
      ) counted
  ) settled
 ORDER BY n
"""

# Reads the staged subjects that exist in this mode; writes who appears in what. The caller counts.
_INSERT_APPEARANCES: Final = """
WITH named AS MATERIALIZED (
    SELECT s.id, a.subject_id, coalesce(s.weights[a.place], 1) AS weight
      FROM usage_staged s CROSS JOIN unnest(s.subjects) WITH ORDINALITY AS a (subject_id, place)
), known AS MATERIALIZED (
    SELECT c.id
      FROM (SELECT DISTINCT subject_id FROM named) n
     CROSS JOIN LATERAL (
        SELECT c.id FROM catalog_subject c
          JOIN catalog_rightsholder h ON h.id = c.holder_id
          JOIN access_organisation o ON o.id = h.organisation_id
         WHERE c.id = n.subject_id AND o.mode = %(mode)s LIMIT 1) c
)
INSERT INTO usage_generationsubject (generation_id, subject_id, weight)
SELECT named.id, subject_id, weight FROM named JOIN known ON known.id = named.subject_id
"""

# Reads the staged parents, and the generations that have them as their ids: earlier ones and,
# since those stand by now, the ones of this very ingest in any order. Writes the lineage.
_INSERT_PARENTS: Final = """
INSERT INTO usage_generationparent
       (generation_id, platform_id, parent_id, resolved_at, position, parent_external_id)
SELECT s.id, %(platform)s, g.id, CASE WHEN g.id IS NOT NULL THEN %(now)s END, p.place - 1, p.name
  FROM usage_staged s
 CROSS JOIN unnest(s.parents) WITH ORDINALITY AS p (name, place)
  LEFT JOIN LATERAL (
      SELECT id FROM usage_generation
       WHERE platform_id IS NOT DISTINCT FROM %(platform)s AND external_id = p.name LIMIT 1) g ON true
 WHERE s.parents IS NOT NULL
"""

# Holds the receipts the staged lines cite, in one order, so that whoever counts them next waits.
_HOLD_RECEIPTS: Final = """
SELECT FROM consent_consentcheck
 WHERE id = ANY(ARRAY(SELECT receipt_id FROM usage_staged WHERE receipt_id IS NOT NULL))
 ORDER BY id FOR NO KEY UPDATE
"""

_FIND: Final = """
SELECT id FROM usage_generation
 WHERE platform_id IS NOT DISTINCT FROM %(platform)s
   AND external_id = %(external_id)s
"""

# Lines with a subject that does not exist in this mode. Takes them out of the staging table.
_TAKE_OUT_UNKNOWN: Final = """
WITH unknown AS (
    SELECT n.subject_id
      FROM (SELECT DISTINCT unnest(subjects) FROM usage_staged) n (subject_id)
      LEFT JOIN LATERAL (
        SELECT c.id FROM catalog_subject c
          JOIN catalog_rightsholder h ON h.id = c.holder_id
          JOIN access_organisation o ON o.id = h.organisation_id
         WHERE c.id = n.subject_id AND o.mode = %(mode)s LIMIT 1) c ON true
     WHERE c.id IS NULL
), gone AS (
    DELETE FROM usage_staged s
     WHERE s.subjects && (SELECT array_agg(subject_id) FROM unknown)
    RETURNING n, subjects
)
SELECT n, (SELECT min(place) - 1 FROM unnest(gone.subjects) WITH ORDINALITY AS a (id, place)
            WHERE a.id IN (SELECT subject_id FROM unknown)),
       count(*) OVER ()
  FROM gone ORDER BY n LIMIT %(listed)s
"""

# Lines whose id an earlier line of the same ingest has. Takes them out, and leaves the first.
_TAKE_OUT_DUPLICATES: Final = """
WITH gone AS (
    DELETE FROM usage_staged s
     USING (SELECT n, row_number() OVER (PARTITION BY external_id ORDER BY n) AS nth
              FROM usage_staged) counted
     WHERE counted.n = s.n AND counted.nth > 1
    RETURNING s.n
)
SELECT n, NULL, count(*) OVER () FROM gone ORDER BY n LIMIT %(listed)s
"""

# Lines whose id a line of an earlier slice of the same upload has. Takes them out.
_TAKE_OUT_LATER: Final = """
WITH gone AS (
    DELETE FROM usage_staged WHERE n IN (
        SELECT s.n FROM usage_staged s CROSS JOIN LATERAL (
            SELECT batch_id FROM usage_generation
             WHERE platform_id IS NOT DISTINCT FROM %(platform)s AND external_id = s.external_id LIMIT 1) g
         WHERE g.batch_id = %(upload)s)
    RETURNING n
)
SELECT n, NULL, count(*) OVER () FROM gone ORDER BY n LIMIT %(listed)s
"""

# Lines whose id has been reported with other content. Takes them out.
_TAKE_OUT_DIFFERENT: Final = """
WITH gone AS (
    DELETE FROM usage_staged WHERE n IN (
        SELECT s.n FROM usage_staged s CROSS JOIN LATERAL (
            SELECT content_digest FROM usage_generation
             WHERE platform_id IS NOT DISTINCT FROM %(platform)s AND external_id = s.external_id LIMIT 1) g
         WHERE g.content_digest <> s.content_digest)
    RETURNING n
)
SELECT n, NULL, count(*) OVER () FROM gone ORDER BY n LIMIT %(listed)s
"""

# Lines that have been reported before, just so. Takes them out: they have their effect already.
_TAKE_OUT_REPEATED: Final = """
DELETE FROM usage_staged WHERE n IN (
    SELECT s.n FROM usage_staged s CROSS JOIN LATERAL (
        SELECT content_digest FROM usage_generation
         WHERE platform_id IS NOT DISTINCT FROM %(platform)s AND external_id = s.external_id LIMIT 1) g
     WHERE g.content_digest = s.content_digest)
"""


class Staging:
    """The staging table of the current transaction, for one platform."""

    def __init__(self, *, platform_id: UUID, mode: str, now: datetime) -> None:
        self._terms: dict[str, Any] = {
            "platform": platform_id,
            "mode": mode,
            "now": now,
            "skew": SKEW,
            "listed": LISTED,
        }
        self._cursor: CursorWrapper = connection.cursor()
        self._cursor.execute(_CREATE)
        # A second ingest in one transaction finds the first one's lines.
        self._cursor.execute("DELETE FROM usage_staged")

    def fill(self, blocks: Iterable[str]) -> int:
        """Streams blocks of rows, as `Reader.read` writes them, into the table. Returns how many
        blocks there were."""
        taken = 0
        with self._cursor.copy(_COPY) as copy:
            for block in blocks:
                copy.write(block)
                taken += 1
        return taken

    def clear(self) -> None:
        """Empties the table for the next slice; TRUNCATE, so that it does not grow."""
        self._cursor.execute("TRUNCATE usage_staged")

    def analyze(self) -> None:
        """Tells the planner what it has to do with; worth it for many lines."""
        self._cursor.execute("ANALYZE usage_staged (n, receipt_id, external_id)")

    def hold_receipts(self) -> int:
        """Makes everyone else who holds the receipts cited wait until this transaction ends."""
        return self._run(_HOLD_RECEIPTS)

    def insert_generations(self, batch_id: UUID) -> int:
        """Writes the generations. Raises IntegrityError if an id has been reported before, or a
        unit of a receipt was given to another generation at this moment."""
        return self._run(_INSERT_GENERATIONS, batch=batch_id)

    def insert_appearances(self) -> int:
        """Writes the subjects that exist; fewer than there are if one does not."""
        return self._run(_INSERT_APPEARANCES)

    def insert_parents(self) -> int:
        """Writes the parents, those not yet reported as pending."""
        return self._run(_INSERT_PARENTS)

    def take_out_unknown(self) -> Finding:
        """Lines with an unknown subject, and its place in the line."""
        return self._take("unknown_subject", _TAKE_OUT_UNKNOWN)

    def take_out_duplicates(self, upload: UUID | None) -> list[Finding]:
        """Lines whose id stands in an earlier line, also of what is in the batch `upload` yet."""
        return [
            self._take("duplicate_external_id", _TAKE_OUT_DUPLICATES),
            self._take("duplicate_external_id", _TAKE_OUT_LATER, upload=upload),
        ]

    def take_out_different(self) -> Finding:
        """Lines whose id has been reported with other content."""
        return self._take("generation_differs", _TAKE_OUT_DIFFERENT)

    def take_out_repeated(self) -> int:
        """Lines that have been reported before, just so."""
        return self._run(_TAKE_OUT_REPEATED)

    def take_out(self, code: str, numbers: list[int]) -> Finding:
        """Lines by their numbers, in their order."""
        self._cursor.execute("DELETE FROM usage_staged WHERE n = ANY(%s)", [numbers])
        return Finding(
            code=code, count=len(numbers), places=[(number, None) for number in numbers[:LISTED]]
        )

    def find(self, external_id: str) -> UUID:
        """The generation that was reported under this id."""
        self._cursor.execute(_FIND, {**self._terms, "external_id": external_id})
        found: UUID = self._cursor.fetchone()[0]
        return found

    def count(self) -> tuple[int, int, int]:
        """How many lines, subjects in them, and lines with parents there still are."""
        self._cursor.execute(
            "SELECT count(*), coalesce(sum(cardinality(subjects)), 0), count(parents)"
            "  FROM usage_staged"
        )
        lines, appearances, remixes = self._cursor.fetchone()
        return lines, appearances, remixes

    def _run(self, statement: str, **terms: Any) -> int:
        self._cursor.execute(statement, {**self._terms, **terms})
        return int(self._cursor.rowcount)

    def _take(self, code: str, statement: str, **terms: Any) -> Finding:
        self._cursor.execute(statement, {**self._terms, **terms})
        rows = self._cursor.fetchall()
        return Finding(
            code=code,
            count=rows[0][2] if rows else 0,
            places=[(number, place) for number, place, _ in rows],
        )

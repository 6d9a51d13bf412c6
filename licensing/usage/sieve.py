"""The sieve: a staging table for reports of which some do not fit in, and what takes those out.

What is good and new as a whole never needs it. All statements work on sets: the same ones sift a
single report and a slice of an upload. What grows with history is reached by LATERAL with a LIMIT,
which the planner cannot turn into reading all of it; and a generation by its external id, with IS
NOT DISTINCT FROM for the platform: no index serves that, so none but the external id's can be
chosen, however stale the statistics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection

from licensing.usage.refusals import LISTED, Finding
from licensing.usage.reports import Report

# Kept for the session, emptied by each commit.
_CREATE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_staged (
    n integer NOT NULL,
    external_id text COLLATE "C" NOT NULL,
    subjects uuid[] NOT NULL,
    content_digest bytea NOT NULL
) ON COMMIT DELETE ROWS
"""
_FILL: Final = """
COPY usage_staged (n, external_id, subjects, content_digest) FROM STDIN
"""
_KEPT: Final = "SELECT n FROM usage_staged"

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


class Sieve:
    """The staging table of the current transaction, for one platform's reports."""

    def __init__(self, *, platform_id: UUID, mode: str, reports: Sequence[Report]) -> None:
        self._terms: dict[str, Any] = {"platform": platform_id, "mode": mode, "listed": LISTED}
        self._reports = reports
        self._cursor = connection.cursor()
        self._cursor.execute(_CREATE)
        # A second one in the same transaction finds the first one's reports.
        self._cursor.execute("TRUNCATE usage_staged")
        with connection.wrap_database_errors, self._cursor.copy(_FILL) as copy:
            for report in reports:
                copy.write_row(
                    (
                        report.number,
                        report.external_id,
                        [UUID(subject) for subject, _ in report.cast.appearances],
                        bytes.fromhex(report.digest),
                    )
                )
        if len(reports) > 1:
            self._cursor.execute("ANALYZE usage_staged (n, external_id)")

    def kept(self) -> list[Report]:
        """Those that have not been taken out."""
        self._cursor.execute(_KEPT)
        numbers = {number for (number,) in self._cursor.fetchall()}
        return [report for report in self._reports if report.number in numbers]

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
        self._cursor.execute(_TAKE_OUT_REPEATED, self._terms)
        return int(self._cursor.rowcount)

    def _take(self, code: str, statement: str, **terms: Any) -> Finding:
        self._cursor.execute(statement, {**self._terms, **terms})
        rows = self._cursor.fetchall()
        return Finding(
            code=code,
            count=rows[0][2] if rows else 0,
            places=[(number, place) for number, place, _ in rows],
        )

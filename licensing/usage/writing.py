"""Writing what was reported into the books of usage: COPY straight into their tables.

What is needed to write a set of reports is read first, as sets too: the receipts they cite and who
appears in them. All of it runs in the ingest's one transaction, and none has an effect the second
time, because the platform's own ids are unique for ever. What grows with history is reached by
LATERAL with a LIMIT, which the planner cannot turn into reading all of it; and a generation by its
external id, with IS NOT DISTINCT FROM for the platform: no index serves that, so none but the
external id's can be chosen, however stale the statistics.
"""

from __future__ import annotations

from collections.abc import Set
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from licensing.usage.judging import Judged
from licensing.usage.reports import ROW

# A receipt is good from a little before its moment, for clocks differ.
SKEW: Final = timedelta(minutes=5)
# How many subjects are remembered to be known.
_ROOM: Final = 100_000

_COPY_GENERATIONS: Final = f"""
COPY usage_generation (
    {", ".join(ROW)}, consent_check_id, licensed, unit, unlicensed_reason, platform_id, batch_id
) FROM STDIN
"""
_COPY_APPEARANCES: Final = """
COPY usage_generationsubject (generation_id, subject_id, weight) FROM STDIN
"""

# Holds the receipts, in one order, so that whoever counts them next waits.
_HOLD_RECEIPTS: Final = """
SELECT FROM consent_consentcheck
 WHERE id = ANY(%(checks)s::uuid[]) ORDER BY id FOR NO KEY UPDATE
"""

# Reads the checks that receipts claim to be of and, of those for a number of generations, how many
# they have covered: a text, a line to a check, its columns between tabs, which none of them holds.
_READ_RECEIPTS: Final = r"""
SELECT coalesce(string_agg(array_to_string(ARRAY[
           encode(uuid_send(c.id), 'hex'), encode(c.receipt_digest, 'hex'),
           (c.platform_id = %(platform)s)::text, (c.outcome = 'allow')::text,
           replace(array_to_string(c.subject_ids, ' '), '-', ''), c.action, c.territory,
           (extract(epoch FROM c.issued_at - %(skew)s) * 1000000)::bigint::text,
           (extract(epoch FROM c.expires_at) * 1000000)::bigint::text,
           c.generations::text, coalesce(used.unit, 0)::text,
           c.said ->> 'duration_seconds', c.said ->> 'resolution', c.said ->> 'purpose'
       ], E'\t', ''), E'\n'), '')
  FROM unnest(%(checks)s::uuid[]) AS cited (id)
 CROSS JOIN LATERAL (
      SELECT *, facts -> 'request' AS said
        FROM consent_consentcheck WHERE id = cited.id LIMIT 1) c
  LEFT JOIN LATERAL (
      SELECT unit FROM usage_generation
       WHERE consent_check_id = c.id AND unit IS NOT NULL
       ORDER BY unit DESC LIMIT 1) used ON c.generations IS NOT NULL
"""

# Whether any of the subjects does not exist in this mode.
_ANY_UNKNOWN: Final = """
SELECT EXISTS (
    SELECT FROM unnest(%(subjects)s::uuid[]) AS n (id)
      LEFT JOIN LATERAL (SELECT holder_id FROM catalog_subject WHERE id = n.id LIMIT 1) c ON true
      LEFT JOIN LATERAL (SELECT organisation_id FROM catalog_rightsholder
                          WHERE id = c.holder_id LIMIT 1) h ON true
      LEFT JOIN LATERAL (SELECT mode FROM access_organisation
                          WHERE id = h.organisation_id LIMIT 1) o ON true
     WHERE o.mode IS DISTINCT FROM %(mode)s)
"""

# Reads the generations that have the parents as their ids: earlier ones and, since those stand by
# now, the ones of this very ingest in any order. Writes the lineage.
_INSERT_PARENTS: Final = """
INSERT INTO usage_generationparent
       (generation_id, platform_id, parent_id, resolved_at, position, parent_external_id)
SELECT p.child, %(platform)s, g.id, CASE WHEN g.id IS NOT NULL THEN %(now)s END, p.place, p.name
  FROM unnest(%(children)s::uuid[], %(places)s::smallint[], %(names)s::text[])
       AS p (child, place, name)
  LEFT JOIN LATERAL (
      SELECT id FROM usage_generation
       WHERE platform_id IS NOT DISTINCT FROM %(platform)s AND external_id = p.name LIMIT 1) g ON true
"""

_FIND: Final = """
SELECT id FROM usage_generation
 WHERE platform_id IS NOT DISTINCT FROM %(platform)s
   AND external_id = %(external_id)s
"""


class Writer:
    """Writes one platform's reports in the current transaction, as of `now`."""

    def __init__(self, *, platform_id: UUID, mode: str, now: datetime) -> None:
        self.platform_id = platform_id
        self.mode = mode
        self.now = now
        self._terms: dict[str, Any] = {
            "platform": platform_id,
            "mode": mode,
            "now": now,
            "skew": SKEW,
        }
        self._cursor: CursorWrapper = connection.cursor()
        self._known: set[str] = set()

    def hold_receipts(self, checks: str) -> None:
        """Makes everyone else who holds these receipts wait until this transaction ends."""
        self._run(_HOLD_RECEIPTS, checks=checks)

    def read_receipts(self, checks: str) -> str:
        """What `judge` needs to know of the receipts."""
        self._run(_READ_RECEIPTS, checks=checks)
        found: str = self._cursor.fetchone()[0]
        return found

    def all_known(self, subjects: Set[str]) -> bool:
        """Whether all the subjects exist in this mode."""
        new = subjects - self._known
        if new:
            self._run(_ANY_UNKNOWN, subjects=f"{{{','.join(new)}}}")
            if self._cursor.fetchone()[0]:
                return False
            if len(self._known) > _ROOM:
                self._known.clear()
            self._known |= new
        return True

    def write(self, judged: Judged) -> None:
        """Writes generations, subjects and parents, those not yet reported as pending. Raises
        IntegrityError if an id has been reported before, a subject does not exist, or a unit of a
        receipt was given to another generation at this moment."""
        self._copy(_COPY_GENERATIONS, judged.generations)
        self._copy(_COPY_APPEARANCES, judged.appearances)
        for some in judged.parents:
            self._run(_INSERT_PARENTS, children=some.children, places=some.places, names=some.names)

    def find(self, external_id: str) -> UUID:
        """The generation that was reported under this id."""
        self._run(_FIND, external_id=external_id)
        found: UUID = self._cursor.fetchone()[0]
        return found

    def _copy(self, statement: str, rows: bytes) -> None:
        with connection.wrap_database_errors, self._cursor.copy(statement) as copy:
            copy.write(rows)

    def _run(self, statement: str, **terms: Any) -> None:
        self._cursor.execute(statement, {**self._terms, **terms})

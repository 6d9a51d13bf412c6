"""Writing what was reported into the books of usage: COPY straight into their tables.

What is needed to write a set of reports is read first, as sets too: the receipts they cite and who
appears in them. All of it runs in the ingest's one transaction, and none has an effect the second
time, because the platform's own ids are unique for ever. What grows with history is reached by
LATERAL with a LIMIT, which the planner cannot turn into reading all of it; and a generation by its
external id, with IS NOT DISTINCT FROM for the platform: no index serves that, so none but the
external id's can be chosen, however stale the statistics.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import Any, Final, TypeVar
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper

from licensing.usage.covering import Receipt, verdict
from licensing.usage.reports import ROW, Report

Thing = TypeVar("Thing")

# A receipt is good from a little before its moment, for clocks differ.
SKEW: Final = timedelta(minutes=5)

# Rows to a piece of COPY, and parents to a statement.
_PIECE: Final = 500
_PARENTS: Final = 4_000
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
# they have covered.
_READ_RECEIPTS: Final = """
SELECT encode(uuid_send(c.id), 'hex'), encode(c.receipt_digest, 'hex'),
       c.platform_id = %(platform)s, c.outcome = 'allow',
       replace(array_to_string(c.subject_ids, ' '), '-', ''), c.action, c.territory,
       c.said ->> 'purpose', (c.said ->> 'duration_seconds')::integer,
       (c.said ->> 'resolution')::integer,
       (extract(epoch FROM c.issued_at - %(skew)s) * 1000000)::bigint,
       (extract(epoch FROM c.expires_at) * 1000000)::bigint,
       c.generations, coalesce(used.unit, 0)
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
    """Writes one platform's reports in the current transaction."""

    def __init__(self, *, platform_id: UUID, mode: str, now: datetime) -> None:
        self._terms: dict[str, Any] = {
            "platform": platform_id,
            "mode": mode,
            "now": now,
            "skew": SKEW,
        }
        self._cursor: CursorWrapper = connection.cursor()
        self._known: set[str] = set()

    def hold_receipts(self, reports: Sequence[Report]) -> None:
        """Makes everyone else who holds the receipts cited wait until this transaction ends."""
        self._run(_HOLD_RECEIPTS, checks=_cited(reports))

    def all_known(self, reports: Iterable[Report]) -> bool:
        """Whether all the subjects exist in this mode."""
        subjects = {subject for report in reports for subject in report.cast.members}
        subjects -= self._known
        if subjects:
            self._run(_ANY_UNKNOWN, subjects=f"{{{','.join(subjects)}}}")
            if self._cursor.fetchone()[0]:
                return False
            if len(self._known) > _ROOM:
                self._known.clear()
            self._known |= subjects
        return True

    def write_generations(self, reports: Sequence[Report], batch_id: UUID) -> None:
        """Writes the generations. Raises IntegrityError if an id has been reported before, or a
        unit of a receipt was given to another generation at this moment."""
        receipts = self._receipts(reports)
        end = f"\t{self._terms['platform']}\t{batch_id}\n"
        self._copy(
            _COPY_GENERATIONS,
            (f"{report.row}\t{verdict(report, receipts)}{end}" for report in reports),
        )

    def write_appearances(self, reports: Sequence[Report]) -> None:
        """Writes the subjects. Raises IntegrityError if one does not exist."""
        self._copy(
            _COPY_APPEARANCES,
            (
                f"{report.id:032x}\t{subject}\t{weight}\n"
                for report in reports
                for subject, weight in report.cast.appearances
            ),
        )

    def write_parents(self, remixes: Iterable[Report]) -> None:
        """Writes the parents, those not yet reported as pending."""
        parents = (
            (f"{report.id:032x}", place, name)
            for report in remixes
            for place, name in enumerate(report.parents)
        )
        for some in _batched(parents, _PARENTS):
            children, places, names = zip(*some, strict=True)
            self._run(
                _INSERT_PARENTS,
                children=f"{{{','.join(children)}}}",
                places=list(places),
                names=list(names),
            )

    def find(self, external_id: str) -> UUID:
        """The generation that was reported under this id."""
        self._run(_FIND, external_id=external_id)
        found: UUID = self._cursor.fetchone()[0]
        return found

    def _receipts(self, reports: Sequence[Report]) -> dict[str, Receipt]:
        """The receipts cited, by the ids of their checks."""
        self._run(_READ_RECEIPTS, checks=_cited(reports))
        return {
            row[0]: Receipt(
                id=row[0],
                digest=row[1],
                own=row[2],
                allowed=row[3],
                subjects=frozenset(row[4].split()),
                action=row[5],
                territory=row[6],
                purpose=row[7],
                seconds=row[8],
                resolution=row[9],
                since=row[10],
                until=row[11],
                generations=row[12],
                used=row[13],
            )
            for row in self._cursor.fetchall()
        }

    def _copy(self, statement: str, rows: Iterable[str]) -> None:
        with connection.wrap_database_errors, self._cursor.copy(statement) as copy:
            for some in _batched(rows, _PIECE):
                copy.write("".join(some))

    def _run(self, statement: str, **terms: Any) -> None:
        self._cursor.execute(statement, {**self._terms, **terms})


def _cited(reports: Iterable[Report]) -> str:
    """The checks that the reports' receipts claim to be of, as PostgreSQL writes an array."""
    checks = {report.cited.check for report in reports if report.cited and report.cited.check}
    return f"{{{','.join(checks)}}}"


def _batched(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    rest = iter(things)
    while some := list(islice(rest, size)):
        yield some

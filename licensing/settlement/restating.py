"""Choosing what a run restates: generations that earlier runs rated and that come to something
else by now.

There are two reasons. A parent that was not known has been reported since. Or a question that had
no answer has one: terms that begin in the past govern what nothing governed or priced, a first
owner what nobody owned. Prices and owners that were found are never asked for again, so nothing
else that is recorded later restates anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection

from licensing.catalog.ownership import IN_FORCE
from licensing.commerce.coverage import GOVERNING
from licensing.settlement.states import SETTLED

_TABLES: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS settlement_answered (
    part_id uuid NOT NULL, subject_id uuid NOT NULL, day date NOT NULL, territory text NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS settlement_again (
    generation_id uuid NOT NULL, before_id uuid NOT NULL, place bigint NOT NULL
) ON COMMIT DELETE ROWS;
TRUNCATE settlement_answered, settlement_again
"""
# Reads the open grounds of this platform and currency up to the period's end (through the index of
# `ground_open`), and asks them again; writes those that have another answer. Its cost follows what
# is open, not what was settled.
_ASK: Final = """
INSERT INTO settlement_answered (part_id, subject_id, day, territory)
WITH open AS MATERIALIZED (
    SELECT k.part_id, k.subject_id, k.day, k.territory, k.terms_id, k.priced
      FROM settlement_run r
      JOIN settlement_runpart p ON p.run_id = r.id
      JOIN settlement_ground k ON k.part_id = p.id
     WHERE r.platform_id = %(platform)s AND r.currency = %(currency)s
       AND r.state = ANY(%(settled)s) AND k.day < (%(until)s AT TIME ZONE 'UTC')::date
       AND k.asked_again_by_id IS NULL
       AND (k.terms_id IS NULL OR (NOT k.divided AND NOT k.priced)
            OR (k.priced AND k.step_id IS NULL))
), governing AS MATERIALIZED (
    {governing}
)
SELECT o.part_id, o.subject_id, o.day, o.territory
  FROM open o
  LEFT JOIN governing g ON g.subject_id = o.subject_id AND g.day = o.day
  LEFT JOIN LATERAL (
    {owned}
  ) step ON o.priced
 WHERE CASE WHEN o.priced THEN step.step_id IS NOT NULL
            ELSE g.terms_id IS DISTINCT FROM o.terms_id END
"""
_ANSWERED: Final = _ASK.format(
    governing=GOVERNING.format(pairs="SELECT subject_id, day FROM open WHERE NOT priced"),
    owned=IN_FORCE.format(subject="o.subject_id", territory="o.territory", day="o.day"),
)
# Reads the parents that were unknown and are known, and the generations of the parts whose grounds
# have another answer; writes each generation that such a part was the last to rate, once, with that
# part. Those of a platform's rated batches are in a rate part or, later, in restate parts.
_AGAIN: Final = """
INSERT INTO settlement_again (generation_id, before_id, place)
WITH asked AS MATERIALIZED (
    SELECT p.id, p.kind, p.batches, p.first_generation, p.last_generation
      FROM settlement_runpart p WHERE p.id IN (SELECT part_id FROM settlement_answered)
), rated AS MATERIALIZED (
    SELECT a.id AS part_id, g.id, (g.occurred_at AT TIME ZONE 'UTC')::date AS day, g.territory
      FROM asked a
     CROSS JOIN LATERAL unnest(a.batches) batch (id)
      JOIN usage_generation g ON g.batch_id = batch.id
     WHERE a.kind = 'rate'
       AND (a.first_generation IS NULL
            OR g.id BETWEEN a.first_generation AND a.last_generation)
     UNION ALL
    SELECT a.id, g.id, (g.occurred_at AT TIME ZONE 'UTC')::date, g.territory
      FROM asked a
      JOIN settlement_restatement x ON x.part_id = a.id
      JOIN usage_generation g ON g.id = x.generation_id
), answered AS (
    SELECT r.part_id, r.id
      FROM rated r
      JOIN usage_generationsubject s ON s.generation_id = r.id
      JOIN settlement_answered k
        ON k.part_id = r.part_id AND k.subject_id = s.subject_id AND k.day = r.day
       AND k.territory = r.territory
     UNION
    SELECT r.part_id, r.id
      FROM rated r
      JOIN usage_generationparent p ON p.generation_id = r.id
      JOIN usage_generationsubject s ON s.generation_id = p.parent_id
      JOIN settlement_answered k
        ON k.part_id = r.part_id AND k.subject_id = s.subject_id AND k.day = r.day
       AND k.territory = r.territory
), resolved AS (
    SELECT DISTINCT g.id, g.batch_id
      FROM settlement_unknownparent u
      JOIN usage_generationparent p
        ON p.generation_id = u.generation_id AND p.position = u.position
      JOIN usage_generation g ON g.id = u.generation_id AND g.occurred_at < %(until)s
     WHERE u.currency = %(currency)s AND u.restated_by_id IS NULL
       AND p.platform_id = %(platform)s AND p.parent_id IS NOT NULL
), first AS MATERIALIZED (
    SELECT p.id AS part_id, batch.id AS batch_id, p.first_generation, p.last_generation
      FROM settlement_input i
      JOIN settlement_runpart p ON p.run_id = i.run_id AND p.kind = 'rate'
     CROSS JOIN LATERAL unnest(p.batches) batch (id)
     WHERE i.batch_id IN (SELECT batch_id FROM resolved) AND i.currency = %(currency)s
       AND batch.id = i.batch_id
), chosen AS (
    SELECT a.id, a.part_id
      FROM answered a
     WHERE NOT EXISTS (SELECT FROM settlement_restatement x
                        WHERE x.generation_id = a.id AND x.currency = %(currency)s
                          AND x.part_id > a.part_id)
     UNION
    SELECT r.id, coalesce(latest.part_id, f.part_id)
      FROM resolved r
      JOIN first f
        ON f.batch_id = r.batch_id
       AND (f.first_generation IS NULL
            OR r.id BETWEEN f.first_generation AND f.last_generation)
      LEFT JOIN LATERAL (
        SELECT x.part_id FROM settlement_restatement x
         WHERE x.generation_id = r.id AND x.currency = %(currency)s
         ORDER BY x.part_id DESC LIMIT 1
      ) latest ON TRUE
)
SELECT id, part_id, row_number() OVER (ORDER BY id) FROM chosen
"""
# Writes which part restates what was chosen: so many to a part, in the order of their ids. Twice is
# refused by the key.
_ASSIGN: Final = """
INSERT INTO settlement_restatement (generation_id, currency, part_id, before_id)
SELECT generation_id, %(currency)s, (%(parts)s::uuid[])[1 + (place - 1) / %(rows)s], before_id
  FROM settlement_again
"""
# Writes by whom the questions are answered, so that no later run asks them again.
_PARENTS_KNOWN: Final = """
UPDATE settlement_unknownparent u
   SET restated_by_id = x.part_id
  FROM settlement_restatement x, usage_generationparent p
 WHERE x.part_id = ANY(%(parts)s) AND u.generation_id = x.generation_id
   AND u.currency = x.currency AND u.restated_by_id IS NULL
   AND p.generation_id = u.generation_id AND p.position = u.position AND p.parent_id IS NOT NULL
"""
_ASKED_AGAIN: Final = """
UPDATE settlement_ground k
   SET asked_again_by_id = %(run)s
  FROM settlement_answered a
 WHERE k.part_id = a.part_id AND k.subject_id = a.subject_id AND k.day = a.day
   AND k.territory = a.territory
"""
# What a void run had chosen is open again.
_RELEASE: Final = """
DELETE FROM settlement_restatement
 WHERE part_id IN (SELECT id FROM settlement_runpart WHERE run_id = %(run)s);
UPDATE settlement_ground SET asked_again_by_id = NULL WHERE asked_again_by_id = %(run)s;
UPDATE settlement_unknownparent SET restated_by_id = NULL
 WHERE restated_by_id IN (SELECT id FROM settlement_runpart WHERE run_id = %(run)s);
DELETE FROM settlement_unknownparent WHERE run_id = %(run)s
"""


def choose(terms: dict[str, Any]) -> int:
    """Finds what a run restates, and answers how many generations. `terms` are the run, platform
    and currency, and `until`, the end of its period."""
    terms = {**terms, "settled": [str(state) for state in SETTLED]}
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")
        cursor.execute(_ANSWERED, terms)
        cursor.execute("ANALYZE settlement_answered")
        cursor.execute(_AGAIN, terms)
        return int(cursor.rowcount)


def assign(terms: dict[str, Any], *, parts: Sequence[UUID], rows: int) -> None:
    """Gives what was chosen to these parts, `rows` to each, in the same transaction."""
    terms = {**terms, "parts": list(parts), "rows": rows}
    with connection.cursor() as cursor:
        cursor.execute(_ASSIGN, terms)
        cursor.execute(_PARENTS_KNOWN, terms)
        cursor.execute(_ASKED_AGAIN, terms)


def release(terms: dict[str, Any]) -> None:
    """Opens again what a void run had chosen."""
    with connection.cursor() as cursor:
        cursor.execute(_RELEASE, terms)

"""Entitlement vectors of many generations at once: `entitlements` as SQL over stored usage.

The statements fill tables of the session that each commit empties:

- `settlement_link`: the parents of the generations at hand, and which of them count;
- `settlement_parent`: the direct vectors of those parents;
- `settlement_take`: what the terms give the parents' subjects of a remix, as asked by this part;
- `settlement_claim`: the vectors of those remixes whose parents take something;
- `settlement_fact`: what each subject is entitled to, added up by everything a price or an owner
  depends on, with the part whose grounds it is priced by. A million generations make a handful of
  facts.

A restate part says everything twice: what its remixes are entitled to now, and what they were by
the grounds of the part that rated them before, which are written down and not asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from django.db import connection

from licensing.settlement import grounds

# Kept for the session and emptied by each commit, so that a part does not pay for new tables.
_TABLES: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS settlement_link (
    generation_id uuid NOT NULL, position smallint NOT NULL, parent_id uuid, day date NOT NULL,
    territory text NOT NULL, before_id uuid, counts boolean NOT NULL, counted boolean NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS settlement_parent (
    generation_id uuid NOT NULL, subject_id uuid NOT NULL, units bigint NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS settlement_take (
    subject_id uuid NOT NULL, day date NOT NULL, territory text NOT NULL, terms_id uuid,
    remix_percent numeric
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS settlement_claim (
    generation_id uuid NOT NULL, subject_id uuid NOT NULL, origin_id uuid, units bigint NOT NULL
) ON COMMIT DELETE ROWS;
CREATE TEMPORARY TABLE IF NOT EXISTS settlement_fact (
    grounds_id uuid NOT NULL, subject_id uuid NOT NULL, origin_id uuid, day date NOT NULL,
    territory text NOT NULL, medium text NOT NULL, licensed boolean NOT NULL,
    generations bigint NOT NULL, seconds bigint NOT NULL, units numeric NOT NULL,
    unit_seconds numeric NOT NULL
) ON COMMIT DELETE ROWS;
TRUNCATE settlement_link, settlement_parent, settlement_take, settlement_claim, settlement_fact;
"""

# The generations of a part. A rate part has batches, or a range of the generations of one; a
# restate part has generations that were rated before, each with the part that did.
OF_BATCHES: Final = """
    SELECT g.id, g.occurred_at, g.territory, g.medium, g.licensed, g.seconds,
           NULL::uuid AS before_id
      FROM usage_generation g WHERE g.batch_id = ANY(%(batches)s)
"""
OF_RANGE: Final = OF_BATCHES + " AND g.id BETWEEN %(first)s AND %(last)s"
OF_RESTATED: Final = """
    SELECT g.id, g.occurred_at, g.territory, g.medium, g.licensed, g.seconds, x.before_id
      FROM settlement_restatement x JOIN usage_generation g ON g.id = x.generation_id
     WHERE x.part_id = %(part)s
"""

# Reads the parents of the generations at hand; writes which of them count in this part, and which
# counted before it. One that was unknown counts from the part that restates it; part ids are in
# the order of time, so that the answer about a part is the same whenever it is asked.
_LINKS: Final = """
INSERT INTO settlement_link (generation_id, position, parent_id, day, territory, before_id,
                             counts, counted)
SELECT p.generation_id, p.position, p.parent_id, (g.occurred_at AT TIME ZONE 'UTC')::date,
       g.territory, g.before_id,
       p.parent_id IS NOT NULL
         AND (u.generation_id IS NULL OR coalesce(u.restated_by_id <= %(part)s, FALSE)),
       p.parent_id IS NOT NULL
         AND (u.generation_id IS NULL OR coalesce(u.restated_by_id < %(part)s, FALSE))
  FROM ({generations}) g
  JOIN usage_generationparent p ON p.generation_id = g.id
  LEFT JOIN settlement_unknownparent u
    ON u.generation_id = p.generation_id AND u.position = p.position
   AND u.currency = %(currency)s
"""

# Writes down which parents were not known when this part was rated. Twice is refused by the key,
# as is rating a generation twice.
_UNKNOWN: Final = """
INSERT INTO settlement_unknownparent (generation_id, position, currency, run_id)
SELECT generation_id, position, %(currency)s, %(run)s FROM settlement_link WHERE parent_id IS NULL
"""

# The direct vectors of some generations, by largest remainder over 10^8, ties to the lowest id:
# (generation_id, subject_id, units). `generations` is a subselect of their ids.
DIRECT: Final = """
    SELECT generation_id, subject_id,
           whole + (place <= 100000000 - sum(whole) OVER (PARTITION BY generation_id))::int AS units
      FROM (
        SELECT generation_id, subject_id, 100000000::bigint * weight / weights AS whole,
               row_number() OVER (
                   PARTITION BY generation_id
                   ORDER BY mod(100000000::bigint * weight, weights) DESC, subject_id) AS place
          FROM (
            SELECT s.generation_id, s.subject_id, s.weight,
                   sum(s.weight) OVER (PARTITION BY s.generation_id) AS weights
              FROM usage_generationsubject s WHERE s.generation_id IN ({generations})
          ) weighed
      ) divided
"""

# Reads the parents of the generations at hand; writes their vectors.
_VECTORS: Final = """
INSERT INTO settlement_parent (generation_id, subject_id, units)
{direct}
"""
_PARENTS: Final = _VECTORS.format(
    direct=DIRECT.format(generations="SELECT parent_id FROM settlement_link WHERE counts")
)

# Reads the links that count (or counted); writes the vectors of the remixes whose parents take
# something. All in integers: what a parent's subject takes is in parts of 10^16, and the shares of
# the last division in parts of 10^24. The origin of what is inherited is the remix's own subject
# with the largest part, the lowest id first.
_CLAIMS: Final = """
INSERT INTO settlement_claim (generation_id, subject_id, origin_id, units)
WITH link AS MATERIALIZED (
    SELECT generation_id, parent_id, day, territory, {grounds} AS grounds_id
      FROM settlement_link WHERE {counting}
), take AS MATERIALIZED (
    {takes}
), taken AS MATERIALIZED (
    SELECT l.generation_id, p.subject_id,
           sum(p.units::numeric * (t.remix_percent * 1000000)::bigint) AS units
      FROM link l
      JOIN settlement_parent p ON p.generation_id = l.parent_id
      JOIN take t ON t.grounds_id = l.grounds_id AND t.subject_id = p.subject_id
       AND t.day = l.day AND t.territory = l.territory
     WHERE t.remix_percent > 0
     GROUP BY l.generation_id, p.subject_id
), own AS MATERIALIZED (
    {vectors_of_remixes}
), foremost AS (
    SELECT DISTINCT ON (generation_id) generation_id, subject_id
      FROM own ORDER BY generation_id, units DESC, subject_id
), claim AS (
    SELECT t.generation_id, t.subject_id, l.subject_id AS origin_id, t.units * 100000000 AS weight
      FROM taken t JOIN foremost l USING (generation_id)
     UNION ALL
    SELECT o.generation_id, o.subject_id, NULL,
           greatest(0, 10000000000000000 - t.units) * o.units
      FROM own o
      JOIN (SELECT generation_id, sum(units) AS units FROM taken GROUP BY generation_id) t
     USING (generation_id)
)
SELECT generation_id, subject_id, origin_id,
       whole + (place <= 100000000 - sum(whole) OVER (PARTITION BY generation_id))::int
  FROM (
    SELECT generation_id, subject_id, origin_id, div(100000000 * weight, weights) AS whole,
           row_number() OVER (
               PARTITION BY generation_id
               ORDER BY mod(100000000 * weight, weights) DESC, subject_id,
                        origin_id IS NOT NULL) AS place
      FROM (SELECT c.*, sum(weight) OVER (PARTITION BY generation_id) AS weights
              FROM claim c) weighed
  ) divided
"""

# Reads the generations at hand with the vectors of the remixes among them; adds what each subject
# is entitled to, `sign` times, to the facts. A generation with one subject and no claims is that
# subject's whole.
_FACTS: Final = """
INSERT INTO settlement_fact (grounds_id, subject_id, origin_id, day, territory, medium,
                             licensed, generations, seconds, units, unit_seconds)
WITH generation AS MATERIALIZED ({generations}),
appearing AS MATERIALIZED (
    SELECT s.generation_id, s.subject_id, s.weight,
           count(*) OVER w AS subjects, sum(s.weight) OVER w AS weights
      FROM generation g JOIN usage_generationsubject s ON s.generation_id = g.id
     WHERE NOT EXISTS (SELECT FROM settlement_claim c WHERE c.generation_id = g.id)
    WINDOW w AS (PARTITION BY s.generation_id)
), entitled AS (
    SELECT generation_id, subject_id, NULL::uuid AS origin_id, 100000000::bigint AS units
      FROM appearing WHERE subjects = 1
     UNION ALL
    SELECT generation_id, subject_id, NULL,
           whole + (place <= 100000000 - sum(whole) OVER (PARTITION BY generation_id))::int
      FROM (
        SELECT generation_id, subject_id, 100000000::bigint * weight / weights AS whole,
               row_number() OVER (
                   PARTITION BY generation_id
                   ORDER BY mod(100000000::bigint * weight, weights) DESC, subject_id) AS place
          FROM appearing WHERE subjects > 1
      ) divided
     UNION ALL
    SELECT generation_id, subject_id, origin_id, units FROM settlement_claim
)
SELECT {grounds}, e.subject_id, e.origin_id, (g.occurred_at AT TIME ZONE 'UTC')::date, g.territory,
       g.medium, g.licensed, %(sign)s * count(*), %(sign)s * coalesce(sum(g.seconds), 0),
       %(sign)s * sum(e.units), %(sign)s * coalesce(sum(e.units * g.seconds), 0)
  FROM entitled e JOIN generation g ON g.id = e.generation_id
 GROUP BY {group}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side of what a part says: which links it counts, by the grounds of which part (an SQL
    expression), and where the takes by those grounds stand."""

    counting: str
    grounds: str
    takes: str
    sign: int


# What a part is entitling, while it does and once it has been written down, and what a restate part
# takes back.
RATING: Final = Side(counting="counts", grounds="%(part)s::uuid", takes=grounds.TAKES_ASKED, sign=1)
RATED: Final = Side(
    counting="counts", grounds="%(part)s::uuid", takes=grounds.TAKES_WRITTEN, sign=1
)
TAKEN_BACK: Final = Side(
    counting="counted", grounds="before_id", takes=grounds.TAKES_WRITTEN, sign=-1
)


def make_tables() -> None:
    """The session's tables, empty."""
    with connection.cursor() as cursor:
        cursor.execute(_TABLES)
        # A part is one big statement after another: sort in memory, and do not compile plans.
        cursor.execute("SET LOCAL work_mem = '64MB'; SET LOCAL jit = off")


def entitle(*, generations: str, terms: dict[str, Any]) -> None:
    """Fills the facts of a rate part, and writes down which parents are not known yet.

    `generations` is one of the three selects above; `terms` are its parameters with run, part,
    platform and currency.
    """
    _find_parents(generations, terms)
    _run(_UNKNOWN, terms)
    _run(grounds.TAKES, terms)
    _add(RATING, generations, terms)


def restate(*, generations: str, terms: dict[str, Any]) -> None:
    """Fills the facts of a restate part: what its generations are entitled to, less what they were
    by the grounds of the parts that rated them before."""
    _find_parents(generations, terms)
    _add(TAKEN_BACK, generations, terms)
    _run("DELETE FROM settlement_claim", {})
    _run(grounds.TAKES, terms)
    _add(RATING, generations, terms)


def recall(*, generations: str, terms: dict[str, Any], side: Side) -> None:
    """Fills the claims of some generations of a rated part again, to explain it."""
    _find_parents(generations, terms)
    _run(_claims(side), terms)


def _find_parents(generations: str, terms: dict[str, Any]) -> None:
    _run(_LINKS.format(generations=generations), terms)
    _run(_PARENTS, terms)


def _add(side: Side, generations: str, terms: dict[str, Any]) -> None:
    _run(_claims(side), terms)
    # Nothing is gained by grouping by what is one and the same.
    group = "2, 3, 4, 5, 6, 7" if side is RATING else "1, 2, 3, 4, 5, 6, 7"
    facts = _FACTS.format(generations=generations, grounds=side.grounds, group=group)
    _run(facts, {**terms, "sign": side.sign})


def _claims(side: Side) -> str:
    return _CLAIMS.format(
        counting=side.counting,
        grounds=side.grounds,
        takes=side.takes,
        vectors_of_remixes=DIRECT.format(generations="SELECT generation_id FROM taken"),
    )


def _run(statement: str, terms: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, terms)

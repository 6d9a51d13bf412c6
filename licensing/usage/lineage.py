"""Which generation remixes which: cycles and depth refused, pending parents found when they come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

DEPTH: Final = 64
# Longer than any ingest may take: whoever was reported before that has been seen by all since.
_RECENT: Final = timedelta(minutes=15)

# The generations that have just been written: their ids follow one on the other.
_FRESH: Final = """
SELECT id, external_id FROM usage_generation
 WHERE id BETWEEN %(first)s AND %(last)s AND batch_id = %(batch)s OFFSET 0
"""
# Reads them and the platform's pending parents; sets those that have come. Twice does nothing: a
# parent that is set is no longer pending.
_RESOLVE_FRESH: Final = f"""
UPDATE usage_generationparent p
   SET parent_id = s.id, resolved_at = %(now)s
  FROM ({_FRESH}) s
 WHERE p.parent_id IS NULL AND p.platform_id = %(platform)s
   AND p.parent_external_id = s.external_id
RETURNING 1
"""  # noqa: S608 - no input in it
_ANY_FRESH_PENDING: Final = f"""
SELECT EXISTS (
    SELECT FROM ({_FRESH}) s CROSS JOIN LATERAL (
        SELECT FROM usage_generationparent
         WHERE platform_id = %(platform)s AND parent_external_id = s.external_id
           AND parent_id IS NULL LIMIT 1) p)
"""  # noqa: S608 - no input in it
_ANY_PENDING: Final = """
SELECT EXISTS (SELECT FROM usage_generationparent
                WHERE platform_id = %(platform)s AND parent_id IS NULL)
"""
# A cycle needs an edge that was pending. So that its last edge is set by someone who sees all the
# others, those edges of a platform are set one transaction after the other.
_ALONE: Final = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"

# Reads the pending parents of children reported lately that are there by now: child and parent
# may have been reported side by side, each too early to see the other.
_MISSED: Final = """
SELECT p.platform_id, p.generation_id, p.parent_external_id, g.id
  FROM usage_generationparent p
 CROSS JOIN LATERAL (
    SELECT id FROM usage_generation
     WHERE platform_id IS NOT DISTINCT FROM p.platform_id
       AND external_id = p.parent_external_id LIMIT 1) g
 WHERE p.parent_id IS NULL AND p.generation_id >= %(since)s
 ORDER BY p.platform_id, p.generation_id LIMIT %(most)s
"""
# Sets one of them, unless the child is an ancestor of the parent: then it stays pending for good.
# Twice does nothing: a parent that is set is no longer pending.
_RESOLVE_MISSED: Final = """
WITH RECURSIVE above (id) AS (
    SELECT %(parent)s::uuid
     UNION
    SELECT p.parent_id FROM above CROSS JOIN LATERAL (
        SELECT parent_id FROM usage_generationparent
         WHERE generation_id = above.id AND parent_id IS NOT NULL OFFSET 0) p
)
UPDATE usage_generationparent
   SET parent_id = %(parent)s, resolved_at = %(now)s
 WHERE generation_id = %(child)s AND parent_external_id = %(name)s AND parent_id IS NULL
   AND NOT EXISTS (SELECT FROM above WHERE id = %(child)s)
"""

_CREATE: Final = """
CREATE TEMPORARY TABLE IF NOT EXISTS usage_lineage (
    child_id uuid NOT NULL, parent_id uuid NOT NULL
) ON COMMIT DELETE ROWS
"""
# Whether a parent of the remixes that have just been written has a parent itself: if none has, they
# are one step deep, and in no cycle.
_ANY_GRANDPARENT: Final = """
SELECT EXISTS (
    SELECT FROM unnest(%(remixes)s::uuid[]) AS r (id)
     CROSS JOIN LATERAL (
        SELECT parent_id FROM usage_generationparent
         WHERE generation_id = r.id AND parent_id IS NOT NULL OFFSET 0) p
     CROSS JOIN LATERAL (
        SELECT FROM usage_generationparent
         WHERE generation_id = p.parent_id AND parent_id IS NOT NULL LIMIT 1) q)
"""
# The edges above those remixes. UNION drops what was seen, so that this ends on a cycle too
# and costs no more than there are ancestors; OFFSET keeps it from reading the whole lineage.
_CLIMB: Final = """
INSERT INTO usage_lineage (child_id, parent_id)
WITH RECURSIVE above (id) AS (
    SELECT id FROM unnest(%(remixes)s::uuid[]) AS r (id)
     UNION
    SELECT p.parent_id FROM above CROSS JOIN LATERAL (
        SELECT parent_id FROM usage_generationparent
         WHERE generation_id = above.id AND parent_id IS NOT NULL OFFSET 0) p
)
SELECT above.id, p.parent_id
  FROM above CROSS JOIN LATERAL (
      SELECT parent_id FROM usage_generationparent
       WHERE generation_id = above.id AND parent_id IS NOT NULL OFFSET 0) p
"""
# One step down from the roots: drops the edges to parents with nothing above them (any more).
_PEEL_ROOTS: Final = """
DELETE FROM usage_lineage e
 WHERE NOT EXISTS (SELECT FROM usage_lineage f WHERE f.child_id = e.parent_id)
"""
# One step up from the leaves: drops the edges from children that nobody descends from (any more).
_PEEL_LEAVES: Final = """
DELETE FROM usage_lineage e
 WHERE NOT EXISTS (SELECT FROM usage_lineage f WHERE f.parent_id = e.child_id)
"""
_LEFT: Final = """
SELECT DISTINCT child_id FROM usage_lineage WHERE child_id = ANY(%(remixes)s::uuid[])
"""


def resolve_fresh(
    *, platform_id: UUID, batch_id: UUID, first: UUID, last: UUID, now: datetime
) -> int:
    """Finds the platform's pending parents among the generations from `first` to `last`, which have
    just been written; returns how many."""
    terms: dict[str, Any] = {
        "platform": platform_id,
        "batch": batch_id,
        "first": first,
        "last": last,
        "now": now,
    }
    with connection.cursor() as cursor:
        for question in (_ANY_PENDING, _ANY_FRESH_PENDING):
            cursor.execute(question, terms)
            if not cursor.fetchone()[0]:
                return 0
        cursor.execute(_ALONE, [f"usage_lineage:{platform_id}"])
        cursor.execute(_RESOLVE_FRESH, terms)
        return int(cursor.rowcount)


def resolve_missed(*, now: datetime, most: int = 500) -> int:
    """Finds parents that were reported at the same moment as their children; returns how many.
    Bounded by time and number; again, or beside itself, it does no more."""
    since = UUID(int=int((now - _RECENT).timestamp() * 1000) << 80)
    with connection.cursor() as cursor:
        cursor.execute(_MISSED, {"since": since, "most": most})
        missed = cursor.fetchall()
    found = 0
    for platform_id, child, name, parent in missed:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(_ALONE, [f"usage_lineage:{platform_id}"])
            terms: dict[str, Any] = {"child": child, "name": name, "parent": parent, "now": now}
            cursor.execute(_RESOLVE_MISSED, terms)
            found += int(cursor.rowcount)
    return found


def find_faults(remixes: Sequence[int]) -> tuple[str, set[int]]:
    """Which of the remixes, by their ids, stand in a cycle or deeper than 64, with the code that
    says which of the two. Called when their parents stand."""
    terms = {"remixes": f"{{{','.join(f'{remix:032x}' for remix in remixes)}}}"}
    with connection.cursor() as cursor:
        cursor.execute(_ANY_GRANDPARENT, terms)
        if not cursor.fetchone()[0]:
            return "", set()
        cursor.execute(_CREATE)
        cursor.execute("DELETE FROM usage_lineage")
        cursor.execute(_CLIMB, terms)
        left = cursor.rowcount
        code = "lineage_cycle"
        for _ in range(DEPTH):
            if not left:
                return "", set()
            cursor.execute(_PEEL_ROOTS)
            left -= cursor.rowcount
            if not cursor.rowcount:
                break
        else:
            code = "lineage_too_deep"
        if not left:
            return "", set()
        for _ in range(DEPTH if code == "lineage_cycle" else 0):
            cursor.execute(_PEEL_LEAVES)
            if not cursor.rowcount:
                break
        cursor.execute(_LEFT, terms)
        return code, {child.int for (child,) in cursor.fetchall()}

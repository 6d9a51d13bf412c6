"""Which generation remixes which: cycles and depth refused, pending parents found when they come."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

DEPTH: Final = 64
# Longer than any ingest may take: whoever was reported before that has been seen by all since.
_RECENT: Final = timedelta(minutes=15)

# Reads the staged lines, which stand as generations by now, and the platform's pending parents;
# sets those that have come. Twice does nothing: a parent that is set is no longer pending.
_RESOLVE_STAGED: Final = """
UPDATE usage_generationparent p
   SET parent_id = s.id, resolved_at = %(now)s
  FROM usage_staged s
 WHERE p.parent_id IS NULL AND p.platform_id = %(platform)s
   AND p.parent_external_id = s.external_id
RETURNING 1
"""
_ANY_STAGED_PENDING: Final = """
SELECT EXISTS (
    SELECT FROM usage_staged s CROSS JOIN LATERAL (
        SELECT FROM usage_generationparent
         WHERE platform_id = %(platform)s AND parent_external_id = s.external_id
           AND parent_id IS NULL LIMIT 1) p)
"""
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
# The edges above the staged remixes. UNION drops what was seen, so that this ends on a cycle too
# and costs no more than there are ancestors; OFFSET keeps it from reading the whole lineage.
_CLIMB: Final = """
INSERT INTO usage_lineage (child_id, parent_id)
WITH RECURSIVE above (id) AS (
    SELECT s.id FROM usage_staged s WHERE s.parents IS NOT NULL
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
SELECT n FROM usage_staged WHERE id IN (SELECT child_id FROM usage_lineage) ORDER BY n
"""


def resolve_staged(*, platform_id: UUID, now: datetime) -> int:
    """Finds the platform's pending parents among the staged lines; returns how many."""
    terms: dict[str, Any] = {"platform": platform_id, "now": now}
    with connection.cursor() as cursor:
        for question in (_ANY_PENDING, _ANY_STAGED_PENDING):
            cursor.execute(question, terms)
            if not cursor.fetchone()[0]:
                return 0
        cursor.execute(_ALONE, [f"usage_lineage:{platform_id}"])
        cursor.execute(_RESOLVE_STAGED, terms)
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


def find_faults() -> tuple[str, list[int]]:
    """The numbers of the staged lines that stand in a cycle, or deeper than 64, with the code that
    says which of the two. Called when their parents stand."""
    with connection.cursor() as cursor:
        cursor.execute(_CREATE)
        cursor.execute("DELETE FROM usage_lineage")
        cursor.execute(_CLIMB)
        left = cursor.rowcount
        code = "lineage_cycle"
        for _ in range(DEPTH):
            if not left:
                return "", []
            cursor.execute(_PEEL_ROOTS)
            left -= cursor.rowcount
            if not cursor.rowcount:
                break
        else:
            code = "lineage_too_deep"
        if not left:
            return "", []
        for _ in range(DEPTH if code == "lineage_cycle" else 0):
            cursor.execute(_PEEL_LEAVES)
            if not cursor.rowcount:
                break
        cursor.execute(_LEFT)
        return code, [n for (n,) in cursor.fetchall()]

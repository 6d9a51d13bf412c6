"""What was made with consent that ends, and what descends from that: counted for the blast radius."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection

from licensing.consent.blast import Reach

# Reads the licensed generations in which any of the subjects appears and whose receipt is within
# reach, going in by subject: ids are ordered by time, so what was reported before the receipts
# could be is not read. It changes nothing.
_MADE: Final = """
SELECT DISTINCT g.id
  FROM unnest(%(subjects)s::uuid[]) AS s (id)
 CROSS JOIN LATERAL (
      SELECT a.generation_id FROM usage_generationsubject a
       WHERE a.subject_id = s.id AND a.generation_id >= %(since)s OFFSET 0) a
  JOIN usage_generation g ON g.id = a.generation_id AND g.licensed
 CROSS JOIN LATERAL (
      SELECT FROM consent_consentcheck c
       WHERE c.id = g.consent_check_id
         AND (%(version)s::uuid IS NULL OR c.rule_versions @> ARRAY[%(version)s::uuid])
       LIMIT 1) c
 WHERE %(platform)s::uuid IS NULL OR g.platform_id = %(platform)s
"""
_GENERATIONS: Final = f"SELECT count(*) FROM ({_MADE}) made"  # noqa: S608 - no input in it

# Goes down from them, through remixes of remixes. UNION drops what was seen, so that this ends on a
# cycle too and costs no more than there are descendants; OFFSET keeps it from reading the whole
# lineage.
_REMIXES: Final = f"""
WITH RECURSIVE made AS MATERIALIZED ({_MADE}), below (id) AS (
    SELECT id FROM made
     UNION
    SELECT p.generation_id
      FROM below CROSS JOIN LATERAL (
          SELECT generation_id FROM usage_generationparent
           WHERE parent_id = below.id AND parent_id IS NOT NULL OFFSET 0) p
)
SELECT count(*) FROM below WHERE NOT EXISTS (SELECT FROM made WHERE made.id = below.id)
"""  # noqa: S608 - no input in it

# A receipt may be cited at once, by a server whose clock is a little behind.
_EARLIER: Final = timedelta(hours=1)


def generations_within(reach: Reach) -> int:
    """How many generations were made under receipts within reach."""
    return _count(_GENERATIONS, reach)


def remixes_of(reach: Reach) -> int:
    """How many remixes descend from those, by any number of steps, and are not among them."""
    return _count(_REMIXES, reach)


def _count(query: str, reach: Reach) -> int:
    since = UUID(int=0)
    if reach.since is not None:
        since = UUID(int=int((reach.since - _EARLIER).timestamp() * 1000) << 80)
    terms: dict[str, Any] = {
        "subjects": list(reach.subjects),
        "version": reach.version,
        "platform": reach.platform,
        "since": since,
    }
    with connection.cursor() as cursor:
        cursor.execute(query, terms)
        row = cursor.fetchone()
    return int(row[0])

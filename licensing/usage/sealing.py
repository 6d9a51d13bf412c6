"""Batches: the open one that single reports join, and the seal after which none changes."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import connection, transaction

from ledger import ids
from ledger.actor import system_actor
from ledger.ids import new_id
from licensing.access import audit
from licensing.usage.models import Batch
from licensing.usage.refusals import Busy

OPEN_FOR: Final = timedelta(seconds=5)
OPEN_UP_TO: Final = 10_000
_ATTEMPTS: Final = 8

# KEY SHARE lets reporters work side by side and lets the batch be closed under them; only the seal
# itself waits for them, because it takes the row FOR UPDATE.
_JOIN: Final = """
SELECT id FROM usage_batch
 WHERE platform_id = %(platform)s AND state = 'open' AND origin = 'reports'
   FOR KEY SHARE
"""
_OPEN: Final = """
INSERT INTO usage_batch (id, platform_id, origin, state, opened_at, count, lines, repeated, refused,
                         refusals)
VALUES (%(id)s, %(platform)s, 'reports', 'open', %(now)s, 0, 0, 0, 0, '[]')
ON CONFLICT (platform_id) WHERE origin = 'reports' AND state = 'open' DO NOTHING
RETURNING id
"""
# Reads the open batches; closes those that are old or full, so that the next report opens another.
# Twice does nothing: a closing batch is not open.
_CLOSE: Final = """
UPDATE usage_batch SET state = 'closing'
 WHERE id IN (
    SELECT id FROM usage_batch b
     WHERE state = 'open' AND origin = 'reports'
       AND (opened_at <= %(before)s
            OR (SELECT count(*) FROM (SELECT FROM usage_generation g WHERE g.batch_id = b.id
                                       LIMIT %(full)s) counted) >= %(full)s)
     ORDER BY opened_at LIMIT %(most)s
       FOR NO KEY UPDATE SKIP LOCKED)
"""
# A closing batch that nobody writes to any more.
_TAKE: Final = """
SELECT id FROM usage_batch WHERE state = 'closing' AND origin = 'reports'
 ORDER BY opened_at LIMIT 1 FOR UPDATE SKIP LOCKED
"""
# Reads a batch's generations; writes what the batch says of them, and seals it. Twice is refused.
_SEAL: Final = """
UPDATE usage_batch b
   SET state = 'sealed', sealed_at = %(now)s, count = found.count,
       first_occurred_at = found.first, last_occurred_at = found.last,
       content_hash = coalesce(%(hash)s, found.hash)
  FROM (SELECT count(*) AS count, min(occurred_at) AS first, max(occurred_at) AS last,
               CASE WHEN %(hash)s::bytea IS NULL
                    THEN sha256(coalesce(string_agg(content_digest, ''::bytea ORDER BY id), ''))
               END AS hash
          FROM usage_generation WHERE batch_id = %(batch)s) found
 WHERE b.id = %(batch)s
"""


def open_batch(*, platform_id: UUID, now: datetime) -> UUID:
    """The platform's open batch, which cannot be sealed before this transaction ends."""
    terms: dict[str, Any] = {"platform": platform_id, "now": now, "id": new_id()}
    with connection.cursor() as cursor:
        for _ in range(_ATTEMPTS):
            for statement in (_JOIN, _OPEN):
                cursor.execute(statement, terms)
                row = cursor.fetchone()
                if row:
                    found: UUID = row[0]
                    return found
    raise Busy


def seal(*, batch_id: UUID, now: datetime, content_hash: bytes | None = None) -> None:
    """Seals a batch of this transaction, or one that is locked for update. `content_hash` is given
    where it is known already."""
    terms: dict[str, Any] = {"batch": batch_id, "now": now, "hash": content_hash}
    with connection.cursor() as cursor:
        cursor.execute(_SEAL, terms)


def close_batches(*, now: datetime, most: int = 500) -> int:
    """Closes the open batches that are older than five seconds or full; returns how many."""
    terms: dict[str, Any] = {"before": now - OPEN_FOR, "full": OPEN_UP_TO + 1, "most": most}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_CLOSE, terms)
        return int(cursor.rowcount)


def seal_next(*, now: datetime) -> UUID | None:
    """Seals one closing batch that nobody writes to any more; None if there is none."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_TAKE)
            row = cursor.fetchone()
        if row is None:
            return None
        batch_id: UUID = row[0]
        seal(batch_id=batch_id, now=now)
        batch = Batch.objects.select_related("platform__organisation").get(pk=batch_id)
        organisation = batch.platform.organisation
        audit.record(
            actor=system_actor(mode="live" if organisation.mode == "live" else "test"),
            now=now,
            verb="usage.seal_batch",
            thing=ids.show(Batch.PREFIX, batch_id),
            organisation_id=organisation.pk,
            detail={"count": batch.count},
        )
    return batch_id

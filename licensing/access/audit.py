"""The audit trail's one way in: a record in the same transaction as the change it tells of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from ledger.actor import Actor
from licensing.access.models import AuditRecord


def record(
    *,
    actor: Actor,
    now: datetime,
    verb: str,
    thing: str,
    organisation_id: UUID | None = None,
    detail: Mapping[str, Any] | None = None,
) -> AuditRecord:
    """Writes who did `verb` to `thing` (a prefixed id).

    Raises RuntimeError outside a transaction, because a record of its own could outlive or miss
    the change.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("an audit record is written in the transaction of its change")
    return AuditRecord.objects.create(
        at=now,
        mode=actor.mode,
        actor_kind=actor.kind,
        actor_label=actor.label[:200],
        person_id=actor.person_id,
        key_id=actor.key_id,
        organisation_id=organisation_id or actor.organisation_id,
        verb=verb,
        thing=thing,
        detail=dict(detail or {}),
        request_id=actor.request_id,
    )

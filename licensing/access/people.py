"""Organisations and their members; the actor a person or a key is."""

from __future__ import annotations

from ledger.actor import Actor
from licensing.access.models import ApiKey


def actor_of(*, key: ApiKey, request_id: str = "") -> Actor | None:
    """To be completed."""
    return None

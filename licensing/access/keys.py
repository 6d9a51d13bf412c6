"""API keys: made once, kept as a hash, rotated with an overlap, revoked at the next request."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime

from ledger.actor import Actor
from licensing.access.models import ApiKey
from licensing.access.people import actor_of

_BEARER = re.compile(r"Bearer (ak_(?:test|live)_[A-Za-z0-9_-]{22,64})\Z", re.ASCII)


def digest_of(secret: str) -> bytes:
    """What is kept of a key: a plain SHA-256, for the secret itself has 160 random bits."""
    return hashlib.sha256(secret.encode()).digest()


def authenticate(*, authorization: str, now: datetime, request_id: str = "") -> Actor | None:
    """The actor behind an `Authorization` header, or None for anything that is not a key in force."""
    match = _BEARER.match(authorization)
    if match is None:
        return None
    key = (
        ApiKey.objects.select_related("organisation", "user")
        .filter(digest=digest_of(match.group(1)), revoked_at=None, user__is_active=True)
        .first()
    )
    if key is None or (key.expires_at is not None and key.expires_at <= now):
        return None
    return actor_of(key=key, request_id=request_id)

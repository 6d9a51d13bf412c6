"""Rate limits, counted atomically in Redis. If Redis is away, nobody is refused for it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import redis
import structlog
from django.conf import settings
from limits import RateLimitItem, parse
from redis.commands.core import Script

# Counts one more in a window that begins with the first; gives the count and the seconds left of it,
# in one journey.
_COUNT = """
local count = redis.call('INCR', KEYS[1])
if count == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return {count, redis.call('TTL', KEYS[1])}
"""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of a caller's limit: requests, and seconds until it is whole again."""

    granted: bool
    limit: int
    window: int
    remaining: int
    reset: int


def take(caller: str, limit: str) -> Allowance | None:
    """Counts one request of `caller` against `limit` (such as `600/minute`); None without Redis."""
    item = _item(limit)
    try:
        count, left = _count()(keys=[item.key_for(caller)], args=[item.get_expiry()])
    except redis.RedisError as error:
        log.warning("rate_limit_unavailable", error=str(error))
        return None
    return Allowance(
        granted=count <= item.amount,
        limit=item.amount,
        window=item.get_expiry(),
        remaining=max(0, item.amount - count),
        reset=max(0, left),
    )


@lru_cache(maxsize=16)
def _item(limit: str) -> RateLimitItem:
    return parse(limit)


@lru_cache(maxsize=1)
def _count() -> Script:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5
    )
    return client.register_script(_COUNT)

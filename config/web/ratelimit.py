"""Rate limits, counted atomically in Redis. If Redis is away, nobody is refused for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import lru_cache

import redis
import structlog
from django.conf import settings
from limits import RateLimitItem, parse
from limits.storage import RedisStorage
from limits.strategies import FixedWindowRateLimiter

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
        limiter = _limiter()
        granted = limiter.hit(item, caller)
        stats = limiter.get_window_stats(item, caller)
    except redis.RedisError as error:
        log.warning("rate_limit_unavailable", error=str(error))
        return None
    return Allowance(
        granted=granted,
        limit=item.amount,
        window=item.get_expiry(),
        remaining=max(0, stats.remaining),
        reset=max(0, int(stats.reset_time - time.time())),
    )


@lru_cache(maxsize=16)
def _item(limit: str) -> RateLimitItem:
    return parse(limit)


@lru_cache(maxsize=1)
def _limiter() -> FixedWindowRateLimiter:
    storage = RedisStorage(settings.REDIS_URL, socket_timeout=0.5, socket_connect_timeout=0.5)
    return FixedWindowRateLimiter(storage)

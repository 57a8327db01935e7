"""Redis or Valkey: the client, and its exceptions in our words."""

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from shared.errors import ChatError, unavailable

_TIMEOUT_S = 2.0


def create_client(url: str) -> redis.asyncio.Redis:
    """Return a client with a pool; nothing is connected yet. Text in, text out."""
    return redis.asyncio.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
    )


def translate(exc: Exception) -> ChatError | None:
    """Return `unavailable` for any failure of Redis, else None."""
    if isinstance(exc, (RedisError, OSError, TimeoutError)):
        return unavailable("Redis does not answer")
    return None

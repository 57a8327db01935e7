"""Redis or Valkey: the client, and its exceptions in our words."""

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError

from shared.errors import ChatError, unavailable

_TIMEOUT_S = 2.0
# One Redis thread serves them all: more connections make nothing faster.
_CONNECTIONS = 32


def create_client(url: str) -> redis.asyncio.Redis:
    """Return a client with a pool; nothing is connected yet. Text in, text out.

    Calls beyond the pool wait for their turn, up to the timeout; the default pool refuses them.
    """
    pool = redis.asyncio.BlockingConnectionPool.from_url(
        url,
        max_connections=_CONNECTIONS,
        timeout=_TIMEOUT_S,
        decode_responses=True,
        socket_timeout=_TIMEOUT_S,
        socket_connect_timeout=_TIMEOUT_S,
        health_check_interval=15,
        retry=Retry(ExponentialBackoff(cap=0.5, base=0.05), 2),
    )
    return redis.asyncio.Redis.from_pool(pool)


def translate(exc: Exception) -> ChatError | None:
    """Return `unavailable` for any failure of Redis, else None."""
    if isinstance(exc, (RedisError, OSError, TimeoutError)):
        return unavailable("Redis does not answer")
    return None

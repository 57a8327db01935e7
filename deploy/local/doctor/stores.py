"""PostgreSQL and Redis: do they answer, how fast, what of their settings loses data, what piles up."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
from alembic.script import ScriptDirectory
from asyncpg.exceptions import InterfaceError, PostgresError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from deploy.local.doctor.clocks import judge_clock
from deploy.local.doctor.finding import Finding, fail, judge, ok, warn
from deploy.local.doctor.latency import measure
from shared.migrate import SERVICES, get_config

_connect: Callable[..., Awaitable[Any]] = asyncpg.connect
_TIMEOUT_S = 5
_SLOW_S = (0.02, 2.0)
_USED_SHARE = (0.8, 0.95)
# A row is deleted within a second of its commit.
_OUTBOX_AGE_S = (10.0, 60.0)

_CONNECTIONS = """
SELECT (SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL),
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
"""
_UNSAFE = "SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off'"
_OUTBOX = """
SELECT count(*), coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::float
FROM messages.outbox
"""


async def examine_database(url: str) -> list[Finding]:
    """Look at the database of that URL."""
    try:
        connection = await _connect(url, timeout=_TIMEOUT_S, command_timeout=_TIMEOUT_S)
    except (OSError, TimeoutError, ValueError, PostgresError, InterfaceError) as exc:
        return [_away("database", exc, "start PostgreSQL, or correct CHATCRAFT_DATABASE_URL")]
    try:
        return [
            await _judge_database(connection),
            await _judge_database_clock(connection),
            *await _judge_schemas(connection),
        ]
    except (OSError, TimeoutError, PostgresError, InterfaceError) as exc:
        return [_away("database", exc, "look into PostgreSQL's log")]
    finally:
        connection.terminate()


async def examine_redis(url: str) -> list[Finding]:
    """Look at the Redis or Valkey of that URL."""
    try:
        async with Redis.from_url(
            url, socket_timeout=_TIMEOUT_S, socket_connect_timeout=_TIMEOUT_S
        ) as client:
            latency_s = await measure(client.ping)
            asked_at = datetime.now(UTC)
            seconds, micros = await client.time()
            answered_at = datetime.now(UTC)
            memory: dict[str, Any] = await client.info("memory")
    except (OSError, TimeoutError, ValueError, RedisError) as exc:
        return [_away("redis", exc, "start Redis, or correct CHATCRAFT_REDIS_URL; chat goes on without it")]
    theirs = datetime.fromtimestamp(seconds + micros / 1e6, UTC)
    answers = f"answers in {latency_s * 1000:.1f} ms"
    found = judge("redis", latency_s, _SLOW_S, answers, "look for what keeps it busy: SLOWLOG GET")
    return [found, judge_clock("redis", theirs, asked_at, answered_at), _judge_memory(memory)]


def _judge_memory(memory: dict[str, Any]) -> Finding:
    policy, limit = memory.get("maxmemory_policy"), memory.get("maxmemory", 0)
    if limit and policy != "noeviction":
        return warn(
            "redis memory",
            f"it forgets what does not fit ({policy})",
            "set maxmemory-policy noeviction: presence would forget who is here",
        )
    return ok("redis memory", f"holds {int(memory.get('used_memory', 0)) / 2**20:.1f} MiB, forgets nothing")


async def _judge_database(connection: Any) -> Finding:
    if await connection.fetchval("SELECT pg_is_in_recovery()"):
        return fail(
            "database", "is a standby and takes no writes", "point CHATCRAFT_DATABASE_URL at the primary"
        )
    unsafe = [row["name"] for row in await connection.fetch(_UNSAFE)]
    if unsafe:
        return fail(
            "database",
            f"runs with {' and '.join(unsafe)} off: a power cut loses acknowledged messages",
            "switch it on in postgresql.conf and restart PostgreSQL",
        )
    latency_s = await measure(lambda: connection.fetchval("SELECT 1"))
    used, allowed = await connection.fetchrow(_CONNECTIONS)
    text = f"answers in {latency_s * 1000:.1f} ms; {used} of {allowed} connections"
    if used / allowed >= _USED_SHARE[0]:
        return judge(
            "database", used / allowed, _USED_SHARE, text,
            "raise max_connections, or lower CHATCRAFT_DATABASE_POOL or the number of processes",
        )  # fmt: skip
    return judge(
        "database", latency_s, _SLOW_S, text, "look for load, locks and slow disks: pg_stat_activity"
    )


async def _judge_database_clock(connection: Any) -> Finding:
    asked_at = datetime.now(UTC)
    theirs = await connection.fetchval("SELECT clock_timestamp()")
    return judge_clock("database", theirs, asked_at, datetime.now(UTC))


async def _judge_schemas(connection: Any) -> list[Finding]:
    """The versions of the schemas, and the outbox if there is one."""
    findings = []
    for service in SERVICES:
        name, newest = f"schema of {service}", _find_newest(service)
        found = None
        if await connection.fetchval("SELECT to_regclass($1)", f"{service}.schema_version") is not None:
            found = await connection.fetchval(f"SELECT version_num FROM {service}.schema_version")  # noqa: S608 - a constant
        if found is None or found < newest:
            has = f"is at {found}" if found else "is not there"
            findings.append(fail(name, f"{has}, this program has {newest}", "run `chatcraft migrate`"))
        elif found > newest:
            advice = "update this program; services older than the schema may go on"
            findings.append(warn(name, f"is at {found}, newer than this program's {newest}", advice))
        else:
            findings.append(ok(name, f"is at {found}"))
    if await connection.fetchval("SELECT to_regclass('messages.outbox')") is not None:
        findings.append(_judge_outbox(*await connection.fetchrow(_OUTBOX)))
    return findings


def _judge_outbox(rows: int, age_s: float) -> Finding:
    return judge(
        "outbox", age_s, _OUTBOX_AGE_S,
        f"{rows} batches wait, the oldest for {age_s:.1f} s" if rows else "is empty",
        "the feed does not acknowledge or no messages service runs: see `nats`, `feed` and `messages`",
    )  # fmt: skip


def _find_newest(service: str) -> str:
    return str(ScriptDirectory.from_config(get_config(service)).get_current_head())


def _away(name: str, exc: Exception, advice: str) -> Finding:
    reason = (str(exc) or type(exc).__name__).partition("\n")[0]
    return fail(name, f"does not answer: {reason[:200]}", advice)

"""The epoch, and what every new connection of this service is told and asked.

A history of the database other than the known one raises the epoch, so that clients reload.
"""

from time import monotonic
from typing import Any, NamedTuple, cast

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import ConnectionPoolEntry

from services.messages.store.connection import Connection
from shared.telemetry import get_logger

log = get_logger(__name__)

# Schemas this code runs on: the oldest has all that it names. Migrations expand first, so newer ones are fine
# until one contracts.
SCHEMA_OLDEST = 8
SCHEMA_NEWEST = 99

# Every statement here looks rows up by key. On tables that are still small the planner would rather
# scan and join by hash, and a cached plan would keep that after they have grown.
_SETTINGS = """
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET lock_timeout = '2s';
"""

# The WAL's name tells of a promotion at once, the control file only after the next checkpoint.
_HISTORY = """
SELECT greatest(c.timeline_id,
                ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::bigint) AS timeline_id,
       s.system_identifier
FROM pg_control_checkpoint() c, pg_control_system() s
"""
_KNOWN = "SELECT timeline_id, system_identifier FROM messages.deployment"
# A dump brings back the epoch of its day, while clients may hold a later one: by the time, it is higher.
_NEXT = "greatest(epoch + 1, floor(extract(epoch FROM clock_timestamp()))::bigint)"
_SET = f"UPDATE messages.deployment SET epoch = {_NEXT}, timeline_id = $1, system_identifier = $2"
_RAISE_IF_OTHER = f"{_SET} WHERE (timeline_id, system_identifier) IS DISTINCT FROM ($1, $2) RETURNING epoch"
_RAISE = f"{_SET} RETURNING epoch"
# A plan made while a table was small must not be kept when it has grown; later it changes ever more rarely.
_PLANS_KEPT_S = 1.0
_PLANS_KEPT_MAX_S = 300.0
_SCHEMA = "SELECT version_num FROM messages.schema_version"


def watch_connections(engine: AsyncEngine) -> None:
    """Prepare each connection the engine opens, and raise the epoch if it shows another history."""

    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        cast("Any", connection).run_async(prepare)
        record.info["plans"] = _Plans(monotonic(), _PLANS_KEPT_S)

    @event.listens_for(engine.sync_engine, "checkout")
    def _on_checkout(connection: DBAPIConnection, record: ConnectionPoolEntry, _proxy: object) -> None:
        plans: _Plans = record.info["plans"]
        if monotonic() - plans.since_s > plans.kept_s:
            cast("Any", connection).run_async(discard_plans)
            record.info["plans"] = _Plans(monotonic(), min(2 * plans.kept_s, _PLANS_KEPT_MAX_S))


class _Plans(NamedTuple):
    since_s: float
    kept_s: float


async def discard_plans(connection: Connection) -> None:
    """Let statements be planned anew: the tables have grown."""
    await connection.execute("DISCARD PLANS")


async def prepare(connection: Connection) -> None:
    """Set up a new connection for the store's statements, and raise the epoch if it shows another history."""
    await connection.execute(_SETTINGS)
    if await find_schema_version(connection) is None:
        return  # start-up says so
    history = await read_history(connection)
    if history != await read_known_history(connection):
        epoch = await connection.fetchval(_RAISE_IF_OTHER, *history)
        if epoch is not None:
            log.warning("epoch_raised", epoch=epoch, timeline_id=history[0])


async def read_history(connection: Connection) -> tuple[int, int]:
    """Return what tells this history of the database from another: timeline and system identifier."""
    timeline_id, system_identifier = await connection.fetchrow(_HISTORY)
    return timeline_id, system_identifier


async def read_known_history(connection: Connection) -> tuple[int, int]:
    """Return the history that the epoch belongs to."""
    timeline_id, system_identifier = await connection.fetchrow(_KNOWN)
    return timeline_id, system_identifier


async def raise_epoch(connection: Connection) -> int:
    """Raise the epoch whatever the history is, and return it: higher than any that was ever given out."""
    epoch: int = await connection.fetchval(_RAISE, *await read_history(connection))
    return epoch


async def find_schema_version(connection: Connection) -> int | None:
    """Return the number of the schema's newest migration, or None where nothing was migrated."""
    if await connection.fetchval("SELECT to_regclass('messages.schema_version')") is None:
        return None
    version = await connection.fetchval(_SCHEMA)
    return int(version) if version else None

"""Migrations go up and down one by one, with data in the tables, and end in the same schema."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from services.auth.store import schema as auth_schema
from services.messages.store import deployment as messages_schema
from shared.ids import new_id
from shared.migrate import SERVICES, get_config

if TYPE_CHECKING:
    from tests.databases import DatabaseFactory

SHAPE = """
SELECT table_name, column_name, data_type, column_default, is_nullable FROM information_schema.columns
WHERE table_schema = $1 ORDER BY 1, 2
"""
INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = $1 ORDER BY 1"
CONSTRAINTS = """
SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
WHERE connamespace = $1::regnamespace ORDER BY 1, 2
"""
USER, ROOM, MESSAGE, LOGIN = (new_id() for _ in range(4))
# Into tables of the first migration, so that the rows outlive all the others.
DATA = {
    "auth": f"""
        INSERT INTO auth.users
            (id, username, display_name, display_key, role, bio, email_verified, created_at)
        VALUES ('{USER}', 'ada', 'Ada', 'ada', 'member', '', false, now());
        INSERT INTO auth.logins (id, user_id, created_at, last_used_at, expires_at)
        VALUES ('{LOGIN}', '{USER}', now(), now(), now());
    """,
    "messages": f"""
        INSERT INTO messages.rooms
            (id, kind, name, created_by, created_at, rev, last_seq, member_count, active_at)
        VALUES ('{ROOM}', 'public', 'Room', '{USER}', now(), 2, 1, 1, now());
        INSERT INTO messages.memberships (room_id, user_id, role, joined_at, rev)
        VALUES ('{ROOM}', '{USER}', 'owner', now(), 1);
        INSERT INTO messages.messages (room_id, id, seq, rev, sender_id, text, created_at)
        VALUES ('{ROOM}', '{MESSAGE}', 1, 2, '{USER}', 'kept', now());
        INSERT INTO messages.user_timelines (user_id, rev, room_count) VALUES ('{USER}', 1, 1);
        INSERT INTO messages.user_rooms (user_id, room_id, user_rev) VALUES ('{USER}', '{ROOM}', 1);
    """,
}
ROWS = {
    "auth": "SELECT u.username, l.id::text FROM auth.users u JOIN auth.logins l ON l.user_id = u.id",
    "messages": """
        SELECT g.text, r.rev, m.role, t.room_count, d.epoch
        FROM messages.rooms r JOIN messages.messages g ON g.room_id = r.id
        JOIN messages.memberships m ON m.room_id = r.id JOIN messages.user_rooms u ON u.room_id = r.id
        JOIN messages.user_timelines t ON t.user_id = u.user_id CROSS JOIN messages.deployment d
    """,
}
EXPECTED: dict[str, tuple[Any, ...]] = {"auth": ("ada", LOGIN), "messages": ("kept", 2, "owner", 1, 1)}


def list_revisions(service: str) -> list[str]:
    """From the first to the newest."""
    scripts = ScriptDirectory.from_config(get_config(service)).walk_revisions()
    return [script.revision for script in scripts][::-1]


async def move(url: str, service: str, step: Callable[..., None], revision: str) -> None:
    def run(connection: Connection) -> None:
        step(get_config(service, connection), revision)

    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://", 1))
    async with engine.begin() as connection:
        await connection.run_sync(run)
    await engine.dispose()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[asyncpg.Connection]:
    database = await asyncpg.connect(url)
    try:
        yield database
    finally:
        await database.close()


async def read_shape(database: asyncpg.Connection, service: str) -> list[tuple[Any, ...]]:
    records = [await database.fetch(query, service) for query in (SHAPE, INDEXES, CONSTRAINTS)]
    return [tuple(record) for each in records for record in each]


@pytest.mark.parametrize("service", SERVICES)
async def test_every_migration_goes_up_and_down_and_keeps_the_data(
    databases: "DatabaseFactory", service: str
):
    url = await databases.create_empty()
    revisions = list_revisions(service)
    shapes = {}
    for revision in revisions:
        await move(url, service, command.upgrade, revision)
        async with opened(url) as database:
            if revision == revisions[0]:
                await database.execute(DATA[service])
            shapes[revision] = await read_shape(database, service)
    # Down to the first one, and up again at once.
    for revision, step in [
        *((each, command.downgrade) for each in revisions[-2::-1]),
        ("head", command.upgrade),
    ]:
        await move(url, service, step, revision)
        async with opened(url) as database:
            shape = shapes[revisions[-1] if revision == "head" else revision]
            assert await read_shape(database, service) == shape, revision
            assert tuple(await database.fetchrow(ROWS[service])) == EXPECTED[service]
    await move(url, service, command.downgrade, "base")
    async with opened(url) as database:
        assert {record[0] for record in await database.fetch(SHAPE, service)} == {"schema_version"}


WINDOWS = {
    "auth": (auth_schema.OLDEST_REVISION, auth_schema.NEWEST_REVISION),
    "messages": (messages_schema.SCHEMA_OLDEST, messages_schema.SCHEMA_NEWEST),
}


@pytest.mark.parametrize("service", SERVICES)
def test_the_newest_schema_is_one_that_the_service_runs_on(service: str):
    oldest, newest = WINDOWS[service]
    assert oldest <= int(list_revisions(service)[-1]) <= newest

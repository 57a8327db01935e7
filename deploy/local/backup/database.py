"""What backup and restore ask of PostgreSQL itself. Knows neither files nor programs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import metadata
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg
from asyncpg.exceptions import InterfaceError, ObjectInUseError, PostgresError

from deploy.local.backup.archive import Manifest
from deploy.local.errors import StartError

# asyncpg has no types of its own.
Connection = Any
_connect: Callable[..., Awaitable[Connection]] = asyncpg.connect

_MAJOR = 10_000
_OURS = "chatcraft restore"
_SESSIONS_END_S = 5.0
_SESSIONS_POLL_S = 0.1

_SCHEMAS = (
    "SELECT to_regclass('auth.schema_version') IS NOT NULL AND to_regclass('messages.deployment') IS NOT NULL"
)
_FACTS = """
SELECT (SELECT version_num FROM auth.schema_version) AS auth,
       (SELECT version_num FROM messages.schema_version) AS messages,
       (SELECT epoch FROM messages.deployment) AS epoch,
       (SELECT count(*) FROM auth.users) AS people,
       (SELECT count(*) FROM messages.rooms) AS rooms,
       now() AS made_at
"""
_FOREIGN = """
SELECT n.nspname || '.' || c.relname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT IN ('auth', 'messages', 'information_schema')
  AND n.nspname NOT LIKE 'pg\\_%'
LIMIT 1
"""
_SESSIONS = """
SELECT DISTINCT coalesce(nullif(application_name, ''), 'unnamed')
FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
"""
_COMMENT = "SELECT shobj_description(oid, 'pg_database') AS comment FROM pg_database WHERE datname = $1"


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Connection]:
    """Open a connection; what goes wrong on it is a StartError with PostgreSQL's words."""
    try:
        connection = await _connect(url, server_settings={"application_name": "chatcraft-backup"})
    except (PostgresError, InterfaceError, OSError) as exc:
        raise StartError(f"PostgreSQL: {exc or type(exc).__name__}") from exc
    try:
        yield connection
    except (PostgresError, InterfaceError) as exc:
        raise StartError(f"PostgreSQL: {exc or type(exc).__name__}") from exc
    finally:
        await connection.close()


def read_major(connection: Connection) -> int:
    """Return the major version of the server."""
    return int(connection.get_server_version().major)


async def read_manifest(connection: Connection, secret: str | None) -> Manifest:
    """Return what a backup of this moment says of itself. Raises StartError where nothing was migrated."""
    if not await connection.fetchval(_SCHEMAS):
        raise StartError("the database holds no ChatCraft yet: there is nothing to back up")
    facts = await connection.fetchrow(_FACTS)
    made_at: datetime = facts["made_at"]
    return Manifest(
        made_at=made_at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        chatcraft=metadata.version("chatcraft"),
        postgres=read_major(connection),
        schemas={"auth": facts["auth"], "messages": facts["messages"]},
        epoch=facts["epoch"],
        people=facts["people"],
        rooms=facts["rooms"],
        secret=secret,
    )


async def find_foreign_table(connection: Connection) -> str | None:
    """Return a table that is not ChatCraft's, if there is one."""
    found: str | None = await connection.fetchval(_FOREIGN)
    return found


async def count_people(connection: Connection) -> int:
    """Return how many accounts there are; none where nothing was migrated."""
    if not await connection.fetchval(_SCHEMAS):
        return 0
    return int(await connection.fetchval("SELECT count(*) FROM auth.users"))


async def list_sessions(connection: Connection) -> list[str]:
    """Return who else is connected, once those have gone who were about to."""
    deadline = asyncio.get_running_loop().time() + _SESSIONS_END_S
    while True:
        names = [row[0] for row in await connection.fetch(_SESSIONS)]
        if not names or asyncio.get_running_loop().time() > deadline:
            return names
        await asyncio.sleep(_SESSIONS_POLL_S)


async def settle(connection: Connection) -> None:
    """Prepare a database that was just filled for its first use.

    What its outbox holds is of the epoch before, when everybody was told of it or reloads.
    """
    await connection.execute("DELETE FROM messages.outbox")
    await connection.execute("ANALYZE")


class Place:
    """The database that a restore is for, and the two that it is exchanged with by their names.

    So there is a whole one under its name at any moment: the old one, then the new one.
    """

    def __init__(self, url: str, admin_url: str) -> None:
        """`admin_url` names another database of the server, and a role that may create some."""
        self.url = url
        self.admin_url = admin_url
        self._owner = unquote(urlsplit(url).username or "")
        self.name = unquote(urlsplit(url).path[1:]) or self._owner  # as PostgreSQL takes a URL without one
        self._fresh, self._replaced = f"{self.name}_restoring", f"{self.name}_replaced"

    @property
    def fresh_url(self) -> str:
        """Where the database is filled before it takes its place."""
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{self._fresh}"))

    async def create_fresh(self, admin: Connection) -> None:
        """Make an empty one, without what a restore before this one left. Raises StartError."""
        if not await admin.fetchval(
            "SELECT rolsuper OR rolcreatedb FROM pg_roles WHERE rolname = current_user"
        ):
            role = await admin.fetchval("SELECT current_user")
            raise StartError(
                f"the role {role} may not create databases, and a restore fills a new one; as an "
                f'administrator of the server: ALTER ROLE "{role}" CREATEDB'
            )
        await self.drop_rest(admin)
        owner = f"OWNER {_quote(self._owner)}" if self._owner else ""
        await admin.execute(
            f"CREATE DATABASE {_quote(self._fresh)} {owner} TEMPLATE template0 ENCODING 'UTF8'"
        )
        await admin.execute(f"COMMENT ON DATABASE {_quote(self._fresh)} IS '{_OURS}'")

    async def exchange(self, admin: Connection) -> None:
        """Give the filled one its name, in one transaction. Raises StartError while somebody is connected."""
        try:
            async with admin.transaction():
                await admin.execute(f"ALTER DATABASE {_quote(self.name)} RENAME TO {_quote(self._replaced)}")
                await admin.execute(f"COMMENT ON DATABASE {_quote(self._replaced)} IS '{_OURS}'")
                await admin.execute(f"COMMENT ON DATABASE {_quote(self._fresh)} IS NULL")
                await admin.execute(f"ALTER DATABASE {_quote(self._fresh)} RENAME TO {_quote(self.name)}")
        except ObjectInUseError:
            raise StartError(
                f"somebody has connected to the database {self.name} meanwhile; it was left as it is. "
                "Stop the services and try again"
            ) from None

    async def drop_rest(self, admin: Connection) -> None:
        """Delete what is left under the two other names. Raises StartError where that is not a restore's."""
        for name in (self._fresh, self._replaced):
            found = await admin.fetchrow(_COMMENT, name)
            if found is not None and found["comment"] != _OURS:
                raise StartError(
                    f"there is a database {name} that no restore has left; rename it, or drop it"
                )
            if found is not None:
                await admin.execute(f"DROP DATABASE {_quote(name)} WITH (FORCE)")


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

"""New migrated databases on the test servers, copied from a template in a few milliseconds."""

import itertools
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local.data_dir import DataDir
from deploy.local.migrations import migrate
from deploy.local.postgres import ROLE, postgres_url
from deploy.local.servers import EmbeddedServers

TEMPLATE = "chatcraft_template"


class DatabaseFactory:
    """Makes databases; the first one costs the migration."""

    def __init__(self, servers: EmbeddedServers, data_dir: DataDir) -> None:
        self._admin_url = postgres_url(data_dir, as_admin=True)
        self._url = servers.endpoints.database_url
        self._numbers = itertools.count(1)
        self._has_template = False

    async def create(self) -> str:
        """Return the URL of a new database with all schemas at head."""
        if not self._has_template:
            await self._execute(f"CREATE DATABASE {TEMPLATE} OWNER {ROLE}")
            await migrate(_with_database(self._url, TEMPLATE))
            self._has_template = True
        name = f"test_{next(self._numbers)}"
        await self._execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE} OWNER {ROLE}")
        return _with_database(self._url, name)

    async def create_empty(self) -> str:
        """Return the URL of a new database without any schema: for tests of migrations."""
        name = f"test_{next(self._numbers)}"
        await self._execute(f"CREATE DATABASE {name} OWNER {ROLE}")
        return _with_database(self._url, name)

    async def drop(self, url: str) -> None:
        """Drop a database, whoever is still connected."""
        await self._execute(f"DROP DATABASE IF EXISTS {urlsplit(url).path[1:]} WITH (FORCE)")

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self._admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _with_database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))

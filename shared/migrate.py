"""Bring the database schemas up to date: `python -m shared.migrate [auth messages]`.

One Alembic history per service in `services/<name>/migrations`; safe to run from many processes.
"""

import asyncio
import importlib.resources
import sys

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.settings import find_setting

SERVICES = ("auth", "messages")
_LOCK = 0x43484154  # "CHAT": one migration at a time, whoever starts it


async def migrate(database_url: str, services: tuple[str, ...] = SERVICES, revision: str = "head") -> None:
    """Upgrade each service's schema, in one transaction per service, under an advisory lock."""
    engine = create_async_engine(database_url.replace("postgresql://", "postgresql+asyncpg://", 1))
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
            await connection.commit()
            for service in services:
                await connection.run_sync(_upgrade, service, revision)
                await connection.commit()
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            await connection.commit()
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, service: str, revision: str) -> None:
    command.upgrade(get_config(service, connection), revision)


def get_config(service: str, connection: Connection | None = None) -> Config:
    """Return what Alembic's own commands need to work on a service's history."""
    config = Config()
    location = importlib.resources.files(f"services.{service}") / "migrations"
    # Alembic reads options with %-interpolation: a path may hold one.
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["schema"] = service
    return config


def run_env(schema: str) -> None:
    """What each service's `migrations/env.py` calls: run the history on the given connection."""
    from alembic import context  # noqa: PLC0415 - a proxy that only exists while Alembic runs env.py

    connection = context.config.attributes["connection"]
    connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
    context.configure(connection=connection, version_table="schema_version", version_table_schema=schema)
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    """Entry point; the database is CHATCRAFT_DATABASE_URL."""
    url = find_setting("CHATCRAFT_DATABASE_URL")
    if not url:
        sys.exit("CHATCRAFT_DATABASE_URL is not set: postgresql://user:password@host:port/database")
    asyncio.run(migrate(url, tuple(sys.argv[1:]) or SERVICES))


if __name__ == "__main__":
    main()

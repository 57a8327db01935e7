"""A migrated PostgreSQL for every stack's data directory: made once by this process, and copied."""

import asyncio
import shutil
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from deploy.local.data_dir import DataDir
from deploy.local.migrations import MIGRATED_NOTE, migrate_embedded
from deploy.local.postgres import CREATED_NOTE
from deploy.local.servers import EmbeddedServers, ExternalUrls

_POSTGRES_ONLY = ExternalUrls(nats="nats://127.0.0.1:1", redis="redis://127.0.0.1:1")
_SECRETS = ("postgres_admin", "postgres")
_NOTES = (CREATED_NOTE, MIGRATED_NOTE)


async def lay_database(data_dir: DataDir) -> None:
    """Give a new data directory its cluster: a copy takes a tenth of what making one does."""
    if (data_dir.path / "postgres").exists():
        return
    template = await _template()
    for name in _SECRETS:
        data_dir.set_secret(name, template.secret(name))
    await asyncio.to_thread(shutil.copytree, template.path / "postgres", data_dir.path / "postgres")
    for name in _NOTES:
        data_dir.write_note(name, template.read_note(name) or "")


@cache
def _folder() -> TemporaryDirectory[str]:
    return TemporaryDirectory(prefix="chatcraft-template-")


@cache
def _template() -> "asyncio.Task[DataDir]":
    return asyncio.create_task(_make_template())


async def _make_template() -> DataDir:
    with DataDir.open(Path(_folder().name) / "data") as data_dir:
        async with EmbeddedServers(data_dir, _POSTGRES_ONLY) as servers:
            await migrate_embedded(data_dir, servers.endpoints.database_url)
    return data_dir

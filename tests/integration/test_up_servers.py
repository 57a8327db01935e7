"""The three embedded servers: how they run as root, and what a second start finds."""

import os
import shutil
import tempfile
from pathlib import Path

import asyncpg
import pytest

from deploy.local import postgres
from deploy.local.data_dir import DataDir
from deploy.local.servers import EmbeddedServers


@pytest.fixture
def open_directory():
    """A directory that every user of the machine may pass through, unlike pytest's own."""
    path = Path(tempfile.mkdtemp(prefix="chatcraft "))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another identity for PostgreSQL")
@pytest.mark.parametrize("order", [("userns", "nobody"), ("nobody", "userns")])
async def test_postgres_runs_for_root_either_way_on_the_same_files(monkeypatch, open_directory, order):
    for isolation in order:
        monkeypatch.setattr(postgres, "ISOLATIONS_AS_ROOT", (isolation,))
        with DataDir.open(open_directory / "data") as data_dir:
            async with EmbeddedServers(data_dir) as servers:
                connection = await asyncpg.connect(servers.endpoints.database_url)
                await connection.execute("CREATE TABLE IF NOT EXISTS kept (who text)")
                await connection.execute("INSERT INTO kept VALUES ($1)", isolation)
                kept = await connection.fetch("SELECT who FROM kept")
                await connection.close()
    assert tuple(row["who"] for row in kept) == order


async def test_nothing_less_than_committed_is_acknowledged(servers):
    connection = await asyncpg.connect(servers.endpoints.database_url)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        assert await connection.fetchval(f"SHOW {setting}") == "on"
    assert await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    await connection.close()

"""A synchronous standby of a stack's PostgreSQL, that can be promoted."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from deploy.local import ports
from deploy.local.child import Child
from deploy.local.postgres import postgres_url
from deploy.local.servers import start_and_wait
from tests.stack import Stack
from tests.up_process import run_program
from tests.wire import eventually

IS_SYNCHRONOUS = "SELECT count(*) = 1 FROM pg_stat_replication WHERE sync_state = 'sync'"


class Standby:
    """The second server."""

    def __init__(self, server: Child, home: Path, port: int, admin_url: str) -> None:
        self.server = server
        self.home = home
        self.port = port
        self.admin_url = admin_url

    @property
    def is_promoted(self) -> bool:
        return not (self.home / "standby.signal").exists()

    async def ask(self, query: str) -> object:
        """Return one value, as the superuser."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def promote(self) -> None:
        assert await self.ask("SELECT pg_promote(true, 60)")


@asynccontextmanager
async def standby_of(stack: Stack, home: Path) -> AsyncIterator[Standby]:
    """Add a standby without which nothing commits; promoted, it takes the first server's place for good."""
    primary = stack.find("postgres")
    primary_home = Path(primary.program.argv[primary.program.argv.index("-D") + 1])
    admin_url = postgres_url(stack._data_dir, as_admin=True)
    copy = str(Path(primary.program.argv[0]).with_name("pg_basebackup"))
    code, lines = await run_program(
        copy, "-D", str(home), "-R", "-X", "stream", "-c", "fast", "-d", admin_url
    )
    assert code == 0, lines
    standby = make_standby(primary, home, admin_url)
    try:
        await start_and_wait(standby.server)
        await wait_for_it(admin_url)
        yield standby
    finally:
        await standby.server.stop()
        await primary.stop()
        await asyncio.to_thread(leave_one, standby, primary_home)
        await stack.restart("postgres")


def leave_one(standby: Standby, primary_home: Path) -> None:
    """Keep the files of the server that has the last word, and let it wait for nobody."""
    if standby.is_promoted:
        shutil.rmtree(primary_home)
        standby.home.rename(primary_home)
    (primary_home / "postgresql.auto.conf").write_text("")


def make_standby(primary: Child, home: Path, admin_url: str) -> Standby:
    port = ports.pick_free(avoid=())
    argv = list(primary.program.argv)
    argv[argv.index("-D") + 1], argv[argv.index("-p") + 1] = str(home), str(port)

    async def is_ready(_pid: int) -> bool:
        pid_file = home / "postmaster.pid"
        return pid_file.exists() and pid_file.read_text().strip().endswith("ready")

    log = primary.program.log
    assert isinstance(log, Path)
    program = replace(
        primary.program, name="standby", argv=tuple(argv), is_ready=is_ready, log=log.with_name("standby.log")
    )
    return Standby(Child(program), home, port, with_port(admin_url, port))


async def wait_for_it(admin_url: str) -> None:
    """Let every commit wait for the standby: then what was acked is there."""
    primary = await asyncpg.connect(admin_url)
    try:
        await primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await primary.execute("SELECT pg_reload_conf()")
        await eventually(lambda: primary.fetchval(IS_SYNCHRONOUS))
    finally:
        await primary.close()


def with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{port}")))

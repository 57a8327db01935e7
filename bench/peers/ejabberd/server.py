"""ejabberd as a running server on a PostgreSQL of its own, set up just as ours is: fsync on."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg

from bench.peers.ejabberd.install import install_ejabberd
from bench.peers.install import PeerMissing
from bench.peers.servers import LOGS
from deploy.local import ports
from deploy.local.child import Child, Program
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from deploy.local.servers import EmbeddedServers, ExternalUrls, start_and_wait

HOST = "127.0.0.1"
DOMAIN = "localhost"
ROOMS = "conference.localhost"
PASSWORD = "benchmark password 1"
_TEMPLATE = Path(__file__).with_name("ejabberd.yml")


@dataclass(frozen=True)
class Ejabberd:
    """Where it listens, and what belongs to it."""

    port: int
    pid: int
    postgres_pid: int
    database_url: str
    version: str

    async def add_users(self, count: int) -> list[str]:
        """Create accounts and return their names."""
        connection = await asyncpg.connect(self.database_url)
        try:
            first = await connection.fetchval("SELECT count(*) FROM users")
            names = [f"user{first + number}" for number in range(count)]
            await connection.executemany(
                "INSERT INTO users (username, password) VALUES ($1, $2)", [(each, PASSWORD) for each in names]
            )
        finally:
            await connection.close()
        return names

    async def count_archived(self) -> int:
        """Return how many messages its archive holds."""
        connection = await asyncpg.connect(self.database_url)
        try:
            return int(await connection.fetchval("SELECT count(*) FROM archive"))
        finally:
            await connection.close()


@asynccontextmanager
async def run_ejabberd() -> AsyncIterator[Ejabberd]:
    """Start both. Raises PeerMissing."""
    root = await install_ejabberd()
    nobody = ExternalUrls(nats="nats://none", redis="redis://none")
    with tempfile.TemporaryDirectory() as folder, DataDir.open(Path(folder) / "data") as data_dir:
        async with EmbeddedServers(data_dir, nobody) as servers:
            url = servers.endpoints.database_url
            connection = await asyncpg.connect(url)
            await connection.execute((root / "usr/share/ejabberd/sql/pg.sql").read_text())
            await connection.close()
            port = ports.pick_free()
            child = Child(_program(root, Path(folder), port, url))
            try:
                await start_and_wait(child)
                version = next(root.glob("usr/lib/*/ejabberd-*")).name
                yield Ejabberd(port, child.pid, servers.children[0].pid, url, version)
            except StartError as exc:
                raise PeerMissing(str(exc)) from exc
            finally:
                await child.stop()


def _program(root: Path, folder: Path, port: int, database_url: str) -> Program:
    """Return how to run it; what it says goes to a log that outlives the run."""
    argv, env = _command(root, folder)
    (folder / "ejabberd.yml").write_text(_configure(port, database_url))
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "ejabberd.log"
    log.unlink(missing_ok=True)

    async def is_ready(pid: int) -> bool:
        del pid
        return not ports.is_free(HOST, port)

    return Program(name="ejabberd", argv=tuple(argv), env=env, log=log, is_ready=is_ready)


def _command(root: Path, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return what ejabberdctl would run, with the unpacked folder in place of `/`."""
    binaries = next(root.glob("usr/lib/erlang/erts-*/bin"))
    libraries = next(root.glob("usr/lib/*/ejabberd-*")).parent
    env = {
        "ROOTDIR": str(root / "usr/lib/erlang"),
        "BINDIR": str(binaries),
        "EMU": "beam",
        "PROGNAME": "erl",
        "ERL_LIBS": str(libraries),
        "LD_LIBRARY_PATH": str(libraries),
        "HOME": str(folder),
        "EJABBERD_CONFIG_PATH": str(folder / "ejabberd.yml"),
        "EJABBERD_LOG_PATH": str(folder / "ejabberd.log"),
    }
    # Without it a message waits 40 ms: its driver sends a query in pieces, and Nagle holds back the second.
    nodelay = "[{nodelay,true}]"
    options = ("+K", "true", "+P", "250000", "-mnesia", "dir", f'"{folder}/mnesia"')
    sockets = ("-kernel", "inet_default_connect_options", nodelay, "inet_default_listen_options", nodelay)
    return [str(binaries / "erlexec"), *options, *sockets, "-noinput", "-s", "ejabberd"], env


def _configure(port: int, database_url: str) -> str:
    database = urlsplit(database_url)
    words = {
        "DATABASE_PORT": str(database.port),
        "DATABASE_NAME": database.path.strip("/"),
        "DATABASE_USER": database.username or "",
        "DATABASE_PASSWORD": database.password or "",
        "PORT": str(port),
    }
    text = _TEMPLATE.read_text(encoding="utf-8").partition("hosts:")
    body = text[1] + text[2]
    for word, value in words.items():
        body = body.replace(word, value)
    return body

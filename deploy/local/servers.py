"""PostgreSQL, NATS and Valkey of one data directory, started together. For `chatcraft up` and for tests."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from deploy.local.child import Child, Program
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from deploy.local.nats import USERS, nats_program, nats_url
from deploy.local.postgres import ensure_database, postgres_program, postgres_url
from deploy.local.valkey import valkey_program, valkey_url

READY_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Endpoints:
    """Where the services find their stores."""

    database_url: str
    nats_url_by_user: Mapping[str, str]
    redis_url: str


@dataclass(frozen=True)
class ExternalUrls:
    """Servers that somebody else runs; what is None is started here."""

    database: str | None = None
    nats: str | None = None
    redis: str | None = None

    @classmethod
    def from_environment(cls) -> Self:
        """Read what is set."""
        return cls(
            database=os.environ.get("CHATCRAFT_DATABASE_URL") or None,
            nats=os.environ.get("CHATCRAFT_NATS_URL") or None,
            redis=os.environ.get("CHATCRAFT_REDIS_URL") or None,
        )


class EmbeddedServers:
    """Those of the three servers that no URL was given for.

    `start_child` is how one is started and waited for: by a supervisor, or plainly.
    """

    def __init__(
        self,
        data_dir: DataDir,
        external: ExternalUrls | None = None,
        start_child: Callable[[Child], Coroutine[Any, Any, None]] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.children: list[Child] = []
        self._external = external or ExternalUrls()
        self._start_child = start_child or start_and_wait

    async def start(self) -> Endpoints:
        """Start them at the same time; return once all answer. Raises StartError."""
        external = self._external
        starts: list[Coroutine[Any, Any, None]] = []
        if external.nats is None:
            starts.append(self._start(nats_program(self.data_dir)))
        if external.redis is None:
            starts.append(self._start(valkey_program(self.data_dir)))
        if external.database is None:
            starts.append(self._start_postgres())
        await run_together(*starts)
        self.endpoints = Endpoints(
            database_url=external.database or postgres_url(self.data_dir),
            nats_url_by_user={user: external.nats or nats_url(self.data_dir, user) for user in USERS},
            redis_url=external.redis or valkey_url(self.data_dir),
        )
        return self.endpoints

    async def stop(self) -> None:
        """Stop all that were started, at the same time."""
        await asyncio.gather(*(child.stop() for child in self.children))

    async def __aenter__(self) -> Self:
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def _start(self, program: Program) -> None:
        child = Child(program)
        self.children.append(child)
        await self._start_child(child)

    async def _start_postgres(self) -> None:
        await self._start(await postgres_program(self.data_dir))
        await ensure_database(self.data_dir)


async def run_together(*starts: Coroutine[Any, Any, object]) -> None:
    """Run them at the same time; the first that fails cancels the others, and its error is raised."""
    try:
        async with asyncio.TaskGroup() as group:
            for start in starts:
                group.create_task(start)
    except ExceptionGroup as group_exc:
        raise group_exc.exceptions[0] from None


async def start_and_wait(child: Child) -> None:
    """Start a child and wait until it is ready. Raises StartError, with the last line of its log."""
    await child.start()
    try:
        if await child.wait_ready(READY_TIMEOUT_S):
            return
    except TimeoutError:
        raise StartError(
            f"{child.name} is not ready after {READY_TIMEOUT_S:.0f} s{log_hint(child)}"
        ) from None
    raise StartError(f"{child.name} did not start{log_hint(child)}")


def log_hint(child: Child) -> str:
    """Return the last line of a child's log file and where that is; empty when its log is no file."""
    log = child.program.log
    if not isinstance(log, Path) or not log.exists():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-1:]
    return f": {''.join(lines).strip()} (more in {log})"

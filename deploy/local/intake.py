"""A service's own process that takes in what an import brings, driven by lines: `services.<name>.importing`.

So the statements stay with the service, and this side can already read on while that one writes.
"""

import asyncio
import os
import sys
from collections import deque
from typing import Self, TypeVar

import msgspec
from msgspec import Struct

from deploy.local.errors import StartError

Reply = TypeVar("Reply", bound=Struct)

_LINE_MAX_BYTES = 16 * 1024 * 1024
_STOP_S = 30.0


class Intake:
    """One process; `async with` ends it. What was asked is done before that."""

    def __init__(self, service: str, database_url: str) -> None:
        self._service = service
        self._env = {**os.environ, "CHATCRAFT_DATABASE_URL": database_url}
        self._waiting: deque[asyncio.Future[bytes]] = deque()

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", f"services.{self._service}.importing"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self._env,
            limit=_LINE_MAX_BYTES,
            start_new_session=True,  # Ctrl-C is for this process, which ends the other by its input
        )
        self._replies = asyncio.create_task(self._read_replies())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_S)
        except TimeoutError:
            self._process.kill()
        await self._replies

    async def send(self, request: Struct) -> asyncio.Future[bytes]:
        """Ask; return where the reply will be. Replies come in the order of asking."""
        assert self._process.stdin is not None
        reply: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append(reply)
        try:
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            await self._process.stdin.drain()
        except ConnectionError:
            pass  # it has ended: what it said last comes with the reply
        return reply

    async def ask(self, request: Struct, kind: type[Reply]) -> Reply:
        """Ask, and wait for the reply. Raises StartError if the process ended."""
        return msgspec.json.decode(await (await self.send(request)), type=kind)

    async def _read_replies(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        said = asyncio.create_task(self._process.stderr.read())
        while line := await self._process.stdout.readline():
            reply = self._waiting.popleft()
            if not reply.done():
                reply.set_result(line)
        last = (await said).decode("utf-8", "replace").strip().splitlines()[-1:]
        problem = StartError(f"the import into {self._service} ended: {''.join(last) or 'it says nothing'}")
        for reply in self._waiting:
            if not reply.done():
                reply.set_exception(problem)
                reply.exception()  # somebody may have stopped waiting
        await self._process.wait()

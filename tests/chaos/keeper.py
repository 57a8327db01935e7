"""Starts again whatever has ended, as a supervisor does, and notes what ended without being told to."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Self

from deploy.local.child import Child

_READY_WITHIN_S = 60.0
_RETRY_S = 0.5


class _Kept:
    """A child, and whether it may run now."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.may_run = asyncio.Event()
        self.may_run.set()
        self.is_ready = True
        self.is_told_to_end = False
        self.changing = asyncio.Lock()

    def forbid(self) -> None:
        self.may_run.clear()
        self.is_told_to_end = True


class Keeper:
    """Keeps children running that were started before. Use as an async context manager."""

    def __init__(self, children: Iterable[Child]) -> None:
        self.wrong: list[str] = []
        """Who ended of itself after it had been ready, or did not stop when asked."""
        self._kept = {child.name: _Kept(child) for child in children}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._tasks = [asyncio.create_task(self._keep(each)) for each in self._kept.values()]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @asynccontextmanager
    async def killed(self, name: str, number: signal.Signals) -> AsyncIterator[None]:
        """End a process by a signal; it stays down during the body."""
        kept = self._kept[name]
        async with kept.changing:
            kept.forbid()
            kept.child.send_signal(number)
            await kept.child.wait()
        try:
            yield
        finally:
            kept.may_run.set()

    @asynccontextmanager
    async def stopped(self, name: str) -> AsyncIterator[None]:
        """Stop a process as an operator does; it stays down during the body."""
        kept = self._kept[name]
        async with kept.changing:
            kept.forbid()
            if not await kept.child.stop():
                self.wrong.append(f"{name} did not stop in time and was killed")
        try:
            yield
        finally:
            kept.may_run.set()

    async def wait_ready(self, name: str) -> None:
        """Wait until a process is ready. Raises TimeoutError."""
        kept = self._kept[name]
        async with asyncio.timeout(_READY_WITHIN_S):
            # It may end and be started again before it is ready.
            while not (kept.child.is_running and await kept.child.wait_ready(_READY_WITHIN_S)):  # noqa: ASYNC110 - see above
                await asyncio.sleep(_RETRY_S)

    async def find_unready(self) -> list[str]:
        """Name those that do not run, or do not say that they are ready."""
        children = [each.child for each in self._kept.values()]
        answers = [child.is_running and await child.program.is_ready(child.pid) for child in children]
        return [
            f"{child.name} is not ready"
            for child, is_ready in zip(children, answers, strict=True)
            if not is_ready
        ]

    async def _keep(self, kept: _Kept) -> None:
        child = kept.child
        while True:
            code = await child.wait()
            if kept.is_ready and not kept.is_told_to_end:
                self.wrong.append(f"{child.name} ended of itself with exit code {code}")
            if not kept.is_ready:
                await asyncio.sleep(_RETRY_S)
            await kept.may_run.wait()
            async with kept.changing:
                kept.is_ready = kept.is_told_to_end = False
                await child.start()
            await self._wait_ready(kept)

    @staticmethod
    async def _wait_ready(kept: _Kept) -> None:
        try:
            kept.is_ready = await kept.child.wait_ready(_READY_WITHIN_S)
        except TimeoutError:
            return  # it runs; the end of the chaos asks again

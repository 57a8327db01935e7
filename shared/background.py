"""Tasks that run for the life of a process: supervised, restarted after a failure, stopped together.

One edge of three where any exception is caught.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Self

from shared.errors import ChatError
from shared.outages import Outage
from shared.telemetry import FAILURES, get_logger

log = get_logger(__name__)

_RESTART_S = 0.5
_RESTART_MAX_S = 10.0
_CANCEL_AGAIN_S = 0.5


class Background:
    """Use as an async context manager; leaving it cancels what still runs and waits for it.

    Without an `outage` there is no store that may be away, and each failure is logged whole.
    """

    def __init__(self, outage: Outage | None = None) -> None:
        self._outage = outage
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        # Up to Python 3.11 `asyncio.wait_for` can swallow a cancellation that meets a result, and nats-py
        # waits with it: ask until they have ended.
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_CANCEL_AGAIN_S)

    def run(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` until it returns; after an exception, again, with growing pauses."""
        self._keep(asyncio.get_running_loop().create_task(self._supervise(name, work), name=name))

    def spawn(self, name: str, work: Coroutine[object, object, None]) -> None:
        """Run once; a failure is logged and counted."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._keep(task)
        task.add_done_callback(self._report)

    def note(self, name: str, failure: ChatError, retry_in_s: float) -> None:
        """Log in a line, and once in an outage, what a task goes on after by itself; it is not counted."""
        self._note(name, str(failure), retry_in_s)

    async def _supervise(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        pause_s = _RESTART_S
        while True:
            started = asyncio.get_running_loop().time()
            try:
                await work()
            except Exception as exc:  # noqa: BLE001 - the edge of supervised tasks
                if asyncio.get_running_loop().time() - started > _RESTART_MAX_S:
                    pause_s = _RESTART_S
                self._tell(name, exc, pause_s)
            else:
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _RESTART_MAX_S)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _report(self, task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and isinstance(failure := task.exception(), Exception):
            self._tell(task.get_name(), failure)

    def _tell(self, name: str, failure: Exception, retry_in_s: float = 0.0) -> None:
        """Count a failure and log it: whole, but in a line where a store is away."""
        FAILURES.labels(name).inc()
        reason = self._outage.explain(failure) if self._outage else None
        if reason is None:
            log.error("task_failed", task=name, retry_in_s=retry_in_s, exc_info=failure)
        else:
            self._note(name, reason, retry_in_s)

    def _note(self, name: str, reason: str, retry_in_s: float) -> None:
        if self._outage is None:
            log.warning("task_failed", task=name, reason=reason, retry_in_s=retry_in_s)
        elif self._outage.note(name, reason, retry_in_s):
            self.spawn("outage", self._outage.watch())

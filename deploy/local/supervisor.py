"""Keeps children running: starts them, waits until they are ready, starts them again when they die.

Knows nothing of what they are; `up.py` says who and in which order.
"""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

from deploy.local.child import Child
from deploy.local.console import Console
from deploy.local.errors import StartError
from deploy.local.servers import log_hint

READY_TIMEOUT_S = 60.0
FIRST_RETRY_S = 0.5
MAX_RETRY_S = 30.0
# Who lived this long has recovered: the next failure counts from one again.
RECOVERED_AFTER_S = 30.0
# Before it was ever ready, this many ends in a row are not bad luck but a mistake to report.
MAX_FAILED_STARTS = 5


class Supervisor:
    """The process tree: layers of children, started first to last and stopped last to first."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._layers: list[list[Child]] = []
        self._keepers: dict[Child, asyncio.Task[None]] = {}

    def add_layer(self) -> Callable[[Child], Coroutine[Any, Any, None]]:
        """Return the function that starts a child in a new layer, which is stopped before those so far.

        It returns once the child is ready, and the child is kept running from then on. Raises StartError.
        """
        layer: list[Child] = []
        self._layers.append(layer)
        return partial(self._add, layer)

    async def _add(self, layer: list[Child], child: Child) -> None:
        layer.append(child)
        ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        keeper = asyncio.create_task(self._keep(child, ready), name=f"keep {child.name}")
        self._keepers[child] = keeper
        await asyncio.wait({ready, keeper}, return_when=asyncio.FIRST_COMPLETED)
        await (ready if ready.done() else keeper)

    async def stop(self) -> None:
        """Stop every layer, last first; the children of one layer at the same time."""
        for layer in reversed(self._layers):
            await asyncio.gather(*(self._stop_child(child) for child in layer))

    def kill(self) -> None:
        """Kill everything now."""
        for child in self._keepers:
            child.send_signal(signal.SIGKILL)

    async def _stop_child(self, child: Child) -> None:
        keeper = self._keepers[child]
        keeper.cancel()
        await asyncio.wait({keeper})
        if not await child.stop():
            self._console.problem(child.name, f"did not stop within {child.program.grace_s:g} s; killed")

    async def _keep(self, child: Child, ready: asyncio.Future[None]) -> None:
        failures = 0
        loop = asyncio.get_running_loop()
        while True:
            started_at = loop.time()
            await child.start()
            await self._await_ready(child, ready, loop.time() - started_at)
            code = await child.wait()
            if loop.time() - started_at > RECOVERED_AFTER_S:
                failures = 0
            failures += 1
            if not ready.done() and failures >= MAX_FAILED_STARTS:
                ready.set_exception(StartError(f"{child.name} {describe_end(code)}{log_hint(child)}"))
                return
            delay_s = retry_delay_s(failures)
            self._console.problem(child.name, f"{describe_end(code)}; next try in {delay_s:g} s")
            await asyncio.sleep(delay_s)

    async def _await_ready(self, child: Child, ready: asyncio.Future[None], waited_s: float) -> None:
        try:
            is_ready = await child.wait_ready(READY_TIMEOUT_S - waited_s)
        except TimeoutError:
            problem = f"is not ready after {READY_TIMEOUT_S:.0f} s"
            if ready.done():
                self._console.problem(child.name, problem)
            else:
                ready.set_exception(StartError(f"{child.name} {problem}{log_hint(child)}"))
            return
        if is_ready and ready.done():
            self._console.notice(child.name, f"is ready again (pid {child.pid})")
        elif is_ready:
            self._console.ready(child.name, child.program.address)
            ready.set_result(None)


def retry_delay_s(failures: int) -> float:
    """Return how long to wait after that many failures in a row: 0.5, 1, 2 … at most 30 s."""
    return float(min(FIRST_RETRY_S * 2 ** (min(failures, 16) - 1), MAX_RETRY_S))


def describe_end(code: int) -> str:
    """Say how a process ended, in words."""
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"was killed by signal {-code}"

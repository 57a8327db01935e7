"""Leaving a NATS server that says that it will stop, before it closes the link: nobody notices.

Requests stop coming, those under way are answered, here and elsewhere, and then the link is made anew at
another server. The bus uses it; it knows nothing of what the requests are.
"""

import asyncio

import nats.errors

from shared.bus.fan_in import FanInClient
from shared.bus.requests import Requests
from shared.telemetry import get_logger

log = get_logger(__name__)

# A server in lame duck mode closes no link for its first 10 s.
_FINISH_S = 5.0
_POLL_S = 0.01
# Then the link is down, as if nobody had moved, and whoever asks is told so.
_ARRIVE_S = 5.0


class Mover:
    """One per connection; at rest but for the moments of a move."""

    def __init__(self, client: FanInClient, requests: Requests) -> None:
        self._client = client
        self._requests = requests
        self._move: asyncio.Task[None] | None = None
        self._arrived = asyncio.Event()
        self.is_holding = False
        """Whether a request has to wait: it would be lost with the link, or find none."""

    def begin(self) -> None:
        """Move now. The server may say so more than once."""
        if self._move is None or self._move.done():
            self._move = asyncio.get_running_loop().create_task(self._run(), name="bus_move")

    def on_restored(self) -> None:
        """The link is up again, wherever."""
        self._arrived.set()

    async def wait(self, timeout_s: float) -> None:
        """Wait for the end of a move. Raises TimeoutError."""
        if self._move is not None:
            done, _ = await asyncio.wait({self._move}, timeout=timeout_s)
            if not done:
                raise TimeoutError

    async def stop(self) -> None:
        """Break off a move that is under way: the process stops."""
        if self._move is not None:
            self._move.cancel()
            await asyncio.wait({self._move})

    async def _run(self) -> None:
        log.info("bus_moving")
        self._arrived.clear()
        try:
            await self._leave()
            self.is_holding = True
            if not self._arrived.is_set():  # else the link was lost by itself meanwhile, and is another one
                await self._client.reconnect()
            async with asyncio.timeout(_ARRIVE_S):
                await self._arrived.wait()
        except TimeoutError:
            log.warning("bus_moved_nowhere")
        finally:
            self.is_holding = False

    async def _leave(self) -> None:
        try:
            async with asyncio.timeout(_FINISH_S):
                await self._finish()
        except (TimeoutError, nats.errors.Error):
            log.warning("bus_moving_unfinished", waiting=self._requests.count, owed=self._client.owed)

    async def _finish(self) -> None:
        """Get no more requests, answer those that came, and hear what was asked."""
        self._client.stop_requests()
        await self._client.flush()
        while self._client.owed:  # noqa: ASYNC110 - it changes with every message
            await asyncio.sleep(_POLL_S)
        # Only now: to answer, a service may have to ask another one.
        self.is_holding = True
        while self._requests.count:  # noqa: ASYNC110 - as above
            await asyncio.sleep(_POLL_S)
        await self._client.flush()

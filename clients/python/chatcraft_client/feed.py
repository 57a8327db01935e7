"""A bounded stream of events to one reader. Filled by the session, never waits for its reader."""

import asyncio
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Self

from chatcraft_client.errors import LAGGED, ChatCraftError
from chatcraft_client.frames import Event


class EventFeed:
    """Events from the moment it was made: `async for event in feed`. Several feeds are independent.

    It holds at most `size` events. A reader further behind loses what comes then; after what is
    held, the iteration raises ChatCraftError `lagged` once and can go on. The client's state is
    complete all the same. Ends when the client is closed; raises if the server ended the login.
    """

    def __init__(self, size: int, detach: Callable[["EventFeed"], None]) -> None:
        self._size = size
        self._detach = detach
        self._held: deque[Event] = deque()
        self._woken = asyncio.Event()
        self._has_lagged = False
        self._end: BaseException | None = None

    def put(self, event: Event) -> None:
        """Add an event, or note that it is lost."""
        if len(self._held) >= self._size:
            self._has_lagged = True
        else:
            self._held.append(event)
            self._woken.set()

    def finish(self, error: ChatCraftError | None) -> None:
        """Nothing comes any more: the iteration ends after what is held."""
        self._end = error or StopAsyncIteration()
        self._woken.set()

    def close(self) -> None:
        """Take no more events. Idempotent."""
        self._detach(self)
        self.finish(None)

    async def until(self, is_it: Callable[[Event], bool], timeout_s: float = 10) -> Event:
        """Read on to the first event that `is_it`; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            async for event in self:
                if is_it(event):
                    return event
        raise ChatCraftError("disconnected", "the client was closed")

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        while not self._held:
            if self._has_lagged:
                self._has_lagged = False
                raise ChatCraftError(LAGGED, f"more than {self._size} events were waiting: some are lost")
            if self._end is not None:
                raise self._end
            self._woken.clear()
            await self._woken.wait()
        return self._held.popleft()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

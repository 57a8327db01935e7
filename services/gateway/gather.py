"""Gathering: many callers in the same moment ask one question of the store, not one each."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")

_BATCH_MAX = 200
_LINGER_S = 0.01
# In a storm a hundred share a question then. Longer does not gather more: who waits does not come on either.
_LINGER_MAX_S = 0.03


class Gather(Generic[Key, Value]):
    """Collects keys while a fetch is under way, or for one loop turn, and fetches them together."""

    def __init__(self, fetch: Callable[[list[Key]], Awaitable[Mapping[Key, Value]]]) -> None:
        """`fetch` takes up to 200 distinct keys; a key absent from its answer gives None."""
        self._fetch = fetch
        self._waiting: dict[Key, asyncio.Future[Value | None]] = {}
        self._task: asyncio.Task[None] | None = None
        self._linger_s = 0.0

    async def get(self, key: Key) -> Value | None:
        """Return the value of `key`. Raises what the fetch raised."""
        future = self._waiting.get(key)
        if future is None:
            future = self._waiting[key] = asyncio.get_running_loop().create_future()
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())
        return await asyncio.shield(future)

    async def _work(self) -> None:
        try:
            await asyncio.sleep(self._linger_s)
            while self._waiting:
                keys = list(self._waiting)[:_BATCH_MAX]
                batch = {key: self._waiting.pop(key) for key in keys}
                await self._settle(batch)
                # Who waits alone is served at once; the more come, the longer a moment gathers.
                longer_s = max(_LINGER_S, 2 * self._linger_s)
                self._linger_s = min(longer_s, _LINGER_MAX_S) if len(batch) > 1 else 0.0
                if self._waiting:
                    await asyncio.sleep(self._linger_s)
        finally:
            self._task = None

    async def _settle(self, batch: dict[Key, asyncio.Future[Value | None]]) -> None:
        try:
            values = await self._fetch(list(batch))
        except Exception as exc:  # noqa: BLE001 - every waiting caller gets it
            for future in batch.values():
                future.set_exception(exc)
                future.exception()  # a caller that gave up must not make it "never retrieved"
        else:
            for key, future in batch.items():
                future.set_result(values.get(key))

"""A gateway without sockets: it holds a lease as a node does, and its users come and go at a steady rate."""

import asyncio
import time
from collections import deque
from collections.abc import Sequence
from typing import Self

from shared import calls
from shared.bus import Bus
from shared.contracts.internal import PRESENCE_HOLD, HoldPresence, PresenceHeld
from shared.ids import new_id

_TICK_S = 0.1
_RENEW_S = 3.0
_HOLD_MAX = 500


class FlappingNode:
    """Each of its users toggles once in `period_s`, a part of them at each tick. Use as an async context."""

    def __init__(self, bus: Bus, user_ids: Sequence[str], period_s: float) -> None:
        self.transitions = 0
        self._bus = bus
        self._node_id, self._incarnation = new_id(), new_id()
        self._period_s = period_s
        self._users = list(user_ids)
        self._online: set[str] = set()
        self._calling = asyncio.Lock()
        self._renewing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self._begin()
        await self.bring_back()
        self._renewing = asyncio.create_task(self._renew())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        assert self._renewing is not None, "entered"
        self._renewing.cancel()
        await asyncio.gather(self._renewing, return_exceptions=True)
        await self._toggle(sorted(self._online))

    async def flap(self, seconds: float, flapping: int) -> None:
        """Let the first `flapping` users come and go for a time."""
        turns = deque(self._users[:flapping])
        due = 0.0
        started_s = time.perf_counter()
        while (now_s := time.perf_counter() - started_s) < seconds:
            due += flapping * _TICK_S / self._period_s
            chosen = [turns.popleft() for _ in range(min(int(due), len(turns)))]
            due -= len(chosen)
            turns.extend(chosen)
            await self._toggle(chosen)
            await asyncio.sleep(max(0.0, now_s + _TICK_S - (time.perf_counter() - started_s)))

    async def bring_back(self) -> None:
        """Let all be online."""
        await self._toggle([user_id for user_id in self._users if user_id not in self._online])

    async def _toggle(self, user_ids: list[str]) -> None:
        for start in range(0, len(user_ids), _HOLD_MAX):
            part = set(user_ids[start : start + _HOLD_MAX])
            async with self._calling:  # presence expects one call of a node at a time
                went, came = part & self._online, part - self._online
                self._online = (self._online - went) | came
                self.transitions += len(part)
                await self._hold(online=sorted(came), offline=sorted(went), count=len(self._online))

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(_RENEW_S)
            async with self._calling:
                await self._hold(count=len(self._online))

    async def _begin(self) -> None:
        async with self._calling:
            await self._hold(full=True, count=0)

    async def _hold(self, **what: object) -> None:
        asked = HoldPresence(self._node_id, self._incarnation, **what)  # type: ignore[arg-type]  # any of its fields
        held = await calls.call(self._bus, PRESENCE_HOLD, asked, PresenceHeld)
        if not held.known:
            raise ConnectionError("the lease of the flapping node was lost: the machine was too slow")

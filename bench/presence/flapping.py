"""A gateway without sockets: it holds a lease as a node does, and its users come and go at a steady rate."""

import asyncio
import time
from collections import deque

from shared import calls
from shared.bus import Bus
from shared.contracts.internal import PRESENCE_HOLD, HoldPresence, PresenceHeld
from shared.ids import new_id

_TICK_S = 0.1
_RENEW_S = 3.0
_HOLD_MAX = 500


class FlappingNode:
    """Each of its users toggles once in `period_s`, a part of them at each tick. Use after `start`."""

    def __init__(self, bus: Bus, user_ids: list[str], period_s: float) -> None:
        self.transitions = 0
        self._bus = bus
        self._node_id, self._incarnation = new_id(), new_id()
        self._period_s = period_s
        self._online = set(user_ids)
        self._turns = deque(user_ids)

    async def start(self) -> None:
        """Take everybody in."""
        users = list(self._turns)
        for start in range(0, len(users), _HOLD_MAX):
            await self._hold(online=users[start : start + _HOLD_MAX], full=not start)

    async def flap(self, seconds: float, flapping: int) -> None:
        """Let the first `flapping` users come and go for a time, and keep the lease."""
        turns = deque(list(self._turns)[:flapping])
        due = 0.0
        started_s = time.perf_counter()
        renewed_s = 0.0
        while (now_s := time.perf_counter() - started_s) < seconds:
            due += flapping * _TICK_S / self._period_s
            chosen = [turns.popleft() for _ in range(min(int(due), len(turns)))]
            due -= len(chosen)
            turns.extend(chosen)
            if chosen or now_s - renewed_s > _RENEW_S:
                renewed_s = now_s
                await self._toggle(chosen)
            await asyncio.sleep(max(0.0, now_s + _TICK_S - (time.perf_counter() - started_s)))

    async def rest(self, seconds: float) -> None:
        """Keep the lease, and bring everybody back."""
        await self._toggle([user_id for user_id in self._turns if user_id not in self._online])
        await self.flap(seconds, 0)

    async def _toggle(self, user_ids: list[str]) -> None:
        chosen = set(user_ids)
        went, came = chosen & self._online, chosen - self._online
        self._online = (self._online - went) | came
        self.transitions += len(chosen)
        await self._hold(online=sorted(came), offline=sorted(went), count=len(self._online))

    async def _hold(self, **what: object) -> None:
        asked = HoldPresence(self._node_id, self._incarnation, **what)  # type: ignore[arg-type]  # any of its fields
        held = await calls.call(self._bus, PRESENCE_HOLD, asked, PresenceHeld)
        if not held.known:
            raise ConnectionError("the lease of the flapping node was lost: the machine was too slow")

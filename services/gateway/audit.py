"""The audit: hints can be lost without a trace, so the node compares its positions with the store's.

Every 15 s, a second after a room's first attach, and after any trouble of the bus. Heals only what is behind.
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from services.gateway.hub import Hub
from services.gateway.room import ActiveRoom
from services.gateway.stats import Stats
from services.gateway.users import LocalUser, Users
from shared import calls
from shared.background import Background
from shared.bus import Bus
from shared.contracts import internal
from shared.errors import ChatError
from shared.telemetry import get_logger

log = get_logger(__name__)

_EVERY_S = 15.0
_JITTER_S = 3.0
_AFTER_ATTACH_S = 1.0
# An event that the store already counts may still be on its way.
_UNDER_WAY_S = 0.2
_ASKED_MAX = 1_000
_RETRY_S = 1.0


class Audit:
    """Compares positions; `hub` and `users` do the healing."""

    def __init__(self, bus: Bus, background: Background, hub: Hub, users: Users, stats: Stats) -> None:
        self.on_stale: Callable[[list[LocalUser]], None] = lambda _users: None
        """Gets the users whose last snapshot is of an earlier epoch than the store's."""
        self._bus = bus
        self._background = background
        self._hub = hub
        self._users = users
        self._stats = stats
        self._fresh: set[str] = set()
        self._wake = asyncio.Event()

    def start(self) -> None:
        """Audit for ever."""
        self._background.run("audit", self._audit_forever)

    def audit_soon(self) -> None:
        """Audit everything now: hints may have been lost."""
        self._wake.set()

    def on_first_attach(self, room: ActiveRoom) -> None:
        """Audit a room shortly: in a cluster its subscription may not have reached everywhere."""
        if not self._fresh:
            asyncio.get_running_loop().call_later(
                _AFTER_ATTACH_S, lambda: self._background.spawn("audit_fresh", self._audit_fresh())
            )
        self._fresh.add(room.room_id)

    async def _audit_fresh(self) -> None:
        room_ids, self._fresh = list(self._fresh), set()
        await self._audit(room_ids, [])

    async def _audit_forever(self) -> None:
        while True:
            wait_s = _EVERY_S + random.uniform(-_JITTER_S, _JITTER_S)  # noqa: S311 - jitter, no secret
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            self._wake.clear()
            if not await self._audit(list(self._hub.rooms_by_id), list(self._users.by_id)):
                await asyncio.sleep(_RETRY_S)
                self._wake.set()

    async def _audit(self, room_ids: list[str], user_ids: list[str]) -> bool:
        """Ask for positions in bounded questions; False if the store did not answer."""
        asked = [internal.GetPositions(room_ids=list(some)) for some in _batched(room_ids)]
        asked += [internal.GetPositions(user_ids=list(some)) for some in _batched(user_ids)]
        self._stats.audits += 1
        try:
            answers = [
                await calls.call(self._bus, internal.POSITIONS, each, internal.Positions) for each in asked
            ]
        except ChatError as exc:
            self._background.note("audit", exc, _RETRY_S)
            self._stats.audit_failures += 1
            return False
        if any(self._is_behind(answer) for answer in answers):
            await asyncio.sleep(_UNDER_WAY_S)
            for answer in answers:
                self._suspect(answer)
        if answers and (stale := self._find_stale(answers[-1].epoch)):
            self.on_stale(stale)
        return True

    def _is_behind(self, answer: internal.Positions) -> bool:
        return bool(self._find_rooms(answer)) or bool(self._find_users(answer))

    def _suspect(self, answer: internal.Positions) -> None:
        for room in self._find_rooms(answer):
            self._stats.audit_heals += 1
            log.info("room_behind", room_id=room.room_id)
            self._hub.suspect(room)
        for user_id in self._find_users(answer):
            self._stats.audit_heals += 1
            self._users.suspect(self._users.by_id[user_id])

    def _find_rooms(self, answer: internal.Positions) -> list[ActiveRoom]:
        found = []
        for room_id, rev in answer.rooms.items():
            room = self._hub.rooms_by_id.get(room_id)
            cursor = room.cursor if room else None
            if room and cursor and (answer.epoch, rev) > (cursor.epoch, cursor.rev):
                found.append(room)
        return found

    def _find_stale(self, epoch: int) -> list[LocalUser]:
        return [user for user in self._users.by_id.values() if user.rev is not None and user.epoch < epoch]

    def _find_users(self, answer: internal.Positions) -> list[str]:
        return [
            user_id
            for user_id, rev in answer.users.items()
            if (user := self._users.by_id.get(user_id)) and user.rev is not None and rev > user.rev
        ]


def _batched(ids: list[str]) -> list[list[str]]:
    return [ids[start : start + _ASKED_MAX] for start in range(0, len(ids), _ASKED_MAX)]

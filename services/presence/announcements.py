"""Tells the bus how people look now: each change once, at most one a second and person.

Runs on every replica; Redis hands each person who is due to one of them. Knows nothing of leases.
"""

import asyncio
from contextlib import suppress

import msgspec
from msgspec import Struct

from services.presence import domain
from services.presence.metrics import ANNOUNCEMENTS
from services.presence.store import Claimed, Store
from shared.background import Background
from shared.bus import Bus, subjects
from shared.contracts.entities import Presence
from shared.errors import ChatError

_BATCH = 500
# Other replicas' changes are found by looking; our own wake us.
_IDLE_S = 1.0


class Frame(Struct, frozen=True):
    """The very bytes that a socket gets."""

    ev: str
    d: Presence


class Announcer:
    """`run` is a supervised task; `wake` says that somebody may be due."""

    def __init__(self, store: Store, bus: Bus, background: Background) -> None:
        self._store = store
        self._bus = bus
        self._background = background
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def run(self) -> None:
        while True:
            self._woken.clear()
            wait_s = await self._announce_due()
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._woken.wait()

    async def _announce_due(self) -> float:
        """Announce who is due; return for how long there is nothing to do.

        Lossy by contract: cut between the claim and the publishing, nodes re-read within 60 s.
        """
        if not self._bus.is_connected:
            return _IDLE_S
        try:
            claimed = await self._store.claim(_BATCH)
            await self._announce(claimed)
        except ChatError as exc:
            self._background.note("announce", exc, _IDLE_S)
            return _IDLE_S
        return _IDLE_S if claimed.wait_ms is None else min(_IDLE_S, claimed.wait_ms / 1000)

    async def _announce(self, claimed: Claimed) -> None:
        told: dict[str, str] = {}
        for person in claimed.people:
            presence = domain.seen_by_others(person, claimed.now_ms)
            if domain.is_news(person, presence):
                frame = msgspec.json.encode(Frame("presence.changed", presence))
                self._bus.signal(subjects.presence(person.user_id), frame)
                told[person.user_id] = domain.fingerprint(presence)
        ANNOUNCEMENTS.labels("told").inc(len(told))
        ANNOUNCEMENTS.labels("no_news").inc(len(claimed.people) - len(told))
        if told:
            await self._store.set_told(told)

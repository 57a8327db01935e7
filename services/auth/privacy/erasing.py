"""The background task that erases accounts: a saga over the services, each step done once, whoever does it.

A step is repeated until its service says that nothing is left of it; each can be asked again at any place.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.store import audit, erasures, tombstones
from services.auth.store.audit import Deed
from services.auth.store.erasures import Claim
from shared.bus import Bus
from shared.calls import call
from shared.contracts.internal import (
    ERASE_SOME,
    PRESENCE_FORGET,
    ErasedSome,
    EraseSome,
    PresenceForgotten,
    PresenceOf,
)
from shared.contracts.privacy import ErasureStep
from shared.errors import ChatError, unavailable
from shared.telemetry import get_logger

log = get_logger(__name__)

TASK = "auth_erasures"
# Longer than the longest call: nobody takes over what is being done.
LEASE = timedelta(seconds=15)
_CALL_S = 10.0
_LOOK_EVERY_S = 1.0
_PAUSE_S = 0.02
_RETRY_MAX = timedelta(minutes=1)
_DOUBLINGS_MAX = 6


class Progress(Struct, frozen=True):
    """Where the present step goes on: at which of those who are erased, and the cursor of its service."""

    subject: int = 0
    cursor: str | None = None


Advance = Callable[[Claim, str, str | None], Awaitable[str | None]]
"""Does a part of a step for one user, from a cursor on; returns the next cursor, None at the end."""


class Eraser:
    """One per process: it works on one erasure at a time."""

    def __init__(self, engine: AsyncEngine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus
        self._advances: dict[ErasureStep, Advance] = {
            "rooms": self._leave_rooms,
            "messages": self._erase_messages,
            "presence": self._forget_presence,
        }

    async def run_forever(self) -> None:
        while True:
            if not await self.erase_due():
                await asyncio.sleep(_LOOK_EVERY_S)

    async def erase_due(self) -> bool:
        """Work on one erasure as far as it goes; False if none is due."""
        async with self._engine.begin() as connection:
            held = await erasures.claim(connection, LEASE)
        if held is None:
            return False
        try:
            while await self._do_step(held):
                held = msgspec.structs.replace(held, progress={})
        except ChatError as exc:
            await self._postpone(held, str(exc))
        return True

    async def _do_step(self, held: Claim) -> bool:
        """Do the next step; False if it was the last one, or if somebody else has taken over."""
        async with self._engine.connect() as connection:
            step = await erasures.find_next_step(connection, held.id)
        if step is None:
            return False
        if step not in self._advances:
            await self._wipe_accounts(held)
            return False
        if not await self._advance(held, self._advances[step]):
            return False
        async with self._engine.begin() as connection:
            return await erasures.finish_step(connection, held, step, LEASE)

    async def _advance(self, held: Claim, advance: Advance) -> bool:
        """Go on with a step until it is done for everybody; False if somebody else has taken over."""
        progress = msgspec.convert(held.progress, Progress)
        while progress.subject < len(held.subject_ids):
            cursor = await advance(held, held.subject_ids[progress.subject], progress.cursor)
            progress = Progress(progress.subject + (cursor is None), cursor)
            async with self._engine.begin() as connection:
                kept = msgspec.to_builtins(progress)
                if not await erasures.save_progress(connection, held, kept, LEASE):
                    return False
            await asyncio.sleep(_PAUSE_S)
        return True

    async def _leave_rooms(self, held: Claim, user_id: str, cursor: str | None) -> str | None:
        asked = EraseSome(user_id, "rooms", held.messages == "anonymise", cursor)
        return await self._ask(asked)

    async def _erase_messages(self, held: Claim, user_id: str, cursor: str | None) -> str | None:
        asked = EraseSome(user_id, "messages", held.messages == "anonymise", cursor)
        return await self._ask(asked)

    async def _ask(self, asked: EraseSome) -> str | None:
        return (await call(self._bus, ERASE_SOME, asked, ErasedSome, timeout_s=_CALL_S)).cursor

    async def _forget_presence(self, _held: Claim, user_id: str, _cursor: str | None) -> str | None:
        forgotten = await call(self._bus, PRESENCE_FORGET, PresenceOf(user_id), PresenceForgotten)
        if not forgotten.is_done:
            raise unavailable("others have yet to be told that they are offline")
        return None

    async def _wipe_accounts(self, held: Claim) -> None:
        """The last step, in one transaction: what the auth service knows, the names, and that all is done."""
        async with self._engine.begin() as connection:
            if not await erasures.save_progress(connection, held, {}, LEASE):
                return
            await tombstones.wipe(connection, held.subject_ids)
            await erasures.finish(connection, held)
            await audit.record(connection, Deed("erasure.finished", subject_id=held.user_id))
        log.info("erasure_finished", erasure_id=held.id)

    async def _postpone(self, held: Claim, reason: str) -> None:
        log.warning("erasure_postponed", erasure_id=held.id, reason=reason)
        pause = min(timedelta(seconds=2 ** min(held.attempts - 1, _DOUBLINGS_MAX)), _RETRY_MAX)
        async with self._engine.begin() as connection:
            await erasures.postpone(connection, held, pause)

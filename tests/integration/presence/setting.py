"""What the tests of presence share: replicas of the service, nodes that hold leases, a watcher."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import msgspec

from services.presence.app import start_presence
from services.presence.domain import Timing
from services.presence.store import Store
from shared import kv
from shared.bus import Bus, Caller
from shared.calls import call, unwrap
from shared.clock import SystemClock
from shared.contracts import presence
from shared.contracts.entities import Presence
from shared.contracts.internal import (
    PRESENCE_HOLD,
    PRESENCE_READ,
    HoldPresence,
    PresenceHeld,
    PresenceRead,
    ReadPresence,
)
from shared.contracts.presence import GetPresence, Presences, SetPresence
from shared.contracts.registry import Command
from shared.ids import new_id

# A fifth of a second is long for a renewal on one machine; a lease is 8 renewals.
TIMING = Timing(lease_s=1.6, gather_s=0.4, sweep_s=0.1, gap_s=0.8)
RENEW_S = 0.2
DEADLINE_S = 30


async def until(is_so: Callable[[], Awaitable[bool]] | Callable[[], bool], what: str) -> None:
    """Wait for a condition; fails with `what` after a generous deadline."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                found = is_so()
                if await found if isinstance(found, Awaitable) else found:
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None


@asynccontextmanager
async def replica(nats_url: str, redis_url: str, timing: Timing = TIMING) -> AsyncIterator[Bus]:
    """One process of the service, in this process."""
    async with AsyncExitStack() as stack:
        bus = await Bus.connect([nats_url], "presence")
        stack.push_async_callback(bus.close)
        client = kv.create_client(redis_url)
        stack.push_async_callback(client.aclose)
        await start_presence(stack, bus, Store(client, timing), timing, SystemClock())
        await bus.round_trip()  # now NATS knows all endpoints
        yield bus


@dataclass
class Node:
    """A gateway as presence knows it: it renews its lease and re-adds everybody when that is lost."""

    bus: Bus
    node_id: str = field(default_factory=new_id)
    incarnation: str = field(default_factory=new_id)
    users: set[str] = field(default_factory=set)
    incarnations: int = 0
    _renewing: asyncio.Task[None] | None = None
    _is_paused: asyncio.Event = field(default_factory=asyncio.Event)

    async def start(self) -> "Node":
        await self._begin()
        self.resume()
        return self

    def resume(self) -> None:
        self._is_paused.clear()
        self._renewing = asyncio.create_task(self._renew())

    async def pause(self) -> None:
        assert self._renewing
        self._is_paused.set()
        await self._renewing

    async def join(self, *user_ids: str) -> None:
        self.users.update(user_ids)
        await self.hold(online=list(user_ids), count=len(self.users))

    async def leave(self, *user_ids: str) -> None:
        self.users.difference_update(user_ids)
        await self.hold(offline=list(user_ids), count=len(self.users))

    async def hold(self, **what: object) -> PresenceHeld:
        request = HoldPresence(self.node_id, self.incarnation, **what)  # type: ignore[arg-type]  # any of its fields
        return await call(self.bus, PRESENCE_HOLD, request, PresenceHeld)

    async def _begin(self) -> None:
        self.incarnation = new_id()
        self.incarnations += 1
        await self.hold(online=sorted(self.users), full=True, count=len(self.users))

    async def _renew(self) -> None:
        while not self._is_paused.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await self._is_paused.wait()
                    return
            # Redis may be away: the next renewal tries again.
            with contextlib.suppress(Exception):
                if not (await self.hold(count=len(self.users))).known:
                    await self._begin()


class Watcher:
    """Hears all announcements, and asks as a client would."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.heard: list[Presence] = []
        bus.fan_in("chat.presence.*", self._on_announcement)

    def statuses(self, user_id: str) -> list[str]:
        return [each.status for each in self.heard if each.user_id == user_id]

    async def hears(self, user_id: str, *statuses: str) -> None:
        """Wait until exactly these were announced so far."""
        try:
            await until(lambda: self.statuses(user_id) == list(statuses), "")
        except AssertionError:
            assert self.statuses(user_id) == list(statuses)

    async def hears_last(self, user_id: str, status: str) -> None:
        """Wait until this is the last that was announced."""
        await until(lambda: self.statuses(user_id)[-1:] == [status], f"{user_id} announced {status}")

    async def read(self, *user_ids: str) -> list[Presence]:
        asked = ReadPresence(list(user_ids))
        return (await call(self.bus, PRESENCE_READ, asked, PresenceRead)).presences

    async def sees(self, user_id: str, status: str) -> None:
        async def is_so() -> bool:
            return (await self.read(user_id))[0].status == status

        await until(is_so, f"{user_id} is {status}")

    async def set(self, user_id: str, status: str, **more: str) -> Presence:
        return await self._command(presence.set_presence, user_id, SetPresence(status, **more))  # type: ignore[arg-type]  # also wrong ones

    async def get(self, asker_id: str, *user_ids: str) -> list[Presence]:
        reply: Presences = await self._command(presence.get, asker_id, GetPresence(list(user_ids)))
        return reply.presences

    async def _command(self, command: Command, user_id: str, request: msgspec.Struct) -> msgspec.Struct:
        caller = Caller(user_id, new_id(), "member", "127.0.0.1")
        raw = await self.bus.request(
            command.subject, msgspec.json.encode(request), caller=caller, timeout_s=DEADLINE_S
        )
        return msgspec.json.decode(unwrap(raw), type=command.reply)

    def _on_announcement(self, subject: bytes, payload: bytes) -> None:
        frame = msgspec.json.decode(payload)
        assert frame["ev"] == "presence.changed"
        seen = msgspec.convert(frame["d"], Presence)
        assert subject.decode() == f"chat.presence.{seen.user_id}"
        self.heard.append(seen)

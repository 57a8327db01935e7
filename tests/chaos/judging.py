"""What must hold once all is mended: checks that name what is wrong, asked again until their time is up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from time import monotonic

import asyncpg
import httpx2
import nats.errors

from chatcraft_client import ChatCraftError, Client, find_differences
from deploy.local.postgres import postgres_url
from services.messages.verifying import verify
from services.messages.verifying.findings import Finding
from shared.contracts import rooms
from shared.contracts.entities import Message
from shared.contracts.sync import Sync, SyncElement, sync
from tests.chaos.evening import Evening
from tests.chaos.people import REPLY_S, Guest
from tests.chaos.system import ChaosStack
from tests.faults.bus_faults import count_held, list_feed
from tests.faults.wholeness import POOL, SESSIONS, STUCK

Check = Callable[[], Awaitable[list[str]]]

HEALED_WITHIN_S = 60.0
# What the feed refused is tried again after at most 60 s.
PUBLISHED_WITHIN_S = 75.0
_ASK_AGAIN_S = 0.5
# Links that are kept for the next use: a process's pool, and those of our own questions.
_KEPT_LINKS = POOL + 5
_NOT_YET = (ChatCraftError, OSError, TimeoutError, httpx2.HTTPError, asyncpg.PostgresError, nats.errors.Error)


async def settle(check: Check, within_s: float = HEALED_WITHIN_S) -> list[str]:
    """Return what a check finds in the end: it is asked until it finds nothing, or the time is up."""
    end_s = monotonic() + within_s
    while True:
        try:
            found = await check()
        except _NOT_YET as exc:
            found = [f"cannot be asked: {exc!r}"]
        if not found or monotonic() > end_s:
            return found
        await asyncio.sleep(_ASK_AGAIN_S)


class Judge:
    """Looks at one system and at those who use it."""

    def __init__(self, stack: ChaosStack, evening: Evening) -> None:
        self._stack = stack
        self._evening = evening
        self._stored: dict[str, dict[str, Message]] = {}

    async def check_timelines(self) -> list[str]:
        """What was acked is stored, once, in one order, on every gateway."""
        found: list[str] = []
        for room_id in self._evening.room_ids:
            views = []
            for url in self._stack.gateway_urls:
                async with _visiting(self._evening.guests[0], url) as client:
                    views.append(await _list_all(client, room_id))
            if any(view != views[0] for view in views):
                found.append(f"room {room_id}: the gateways do not show the same")
            found += self._evening.ledger.compare(room_id, views[0])
            self._stored[room_id] = {message.id: message for message in views[0]}
            found += await self._check_threads(room_id)
        return found

    async def _check_threads(self, room_id: str) -> list[str]:
        found: list[str] = []
        async with _visiting(self._evening.guests[0], self._stack.gateway_urls[0]) as client:
            for thread_id in self._evening.ledger.list_threads(room_id):
                replies = await _list_all(client, room_id, thread_id)
                found += self._evening.ledger.compare(room_id, replies, thread_id)
                self._stored[room_id] |= {message.id: message for message in replies}
        return found

    async def check_states(self) -> list[str]:
        """What each client has followed is what it would be told if it came anew."""
        found: list[str] = []
        for number, guest in enumerate(self._evening.guests):
            url = self._stack.gateway_urls[number % len(self._stack.gateway_urls)]
            async with _visiting(guest, url) as fresh:
                await fresh.connect()
                synced = await fresh.call(sync, Sync())
                found += [f"{guest.name}: {each}" for each in self._compare(guest, synced.rooms)]
                found += await _find_miscounted(guest, fresh)
        return found

    def _compare(self, guest: Guest, fresh: list[SyncElement]) -> list[str]:
        held = guest.client.state.rooms
        found = []
        if held.keys() != {each.room.id for each in fresh}:
            return [f"is in {sorted(held)}, fresh {sorted(each.room.id for each in fresh)}"]
        for element in fresh:
            room_id = element.room.id
            found += find_differences(held[room_id], element)
            stored = self._stored[room_id]
            found += [
                f"holds {message!r}, stored is {stored.get(message.id)!r}"
                for message in held[room_id].messages.values()
                if stored.get(message.id) != message
            ]
            acked_seq = self._evening.ledger.read_marks.get((guest.id, room_id), 0)
            if element.membership.read_seq < acked_seq:
                found.append(f"had read {room_id} up to {acked_seq}, stored is {element.membership.read_seq}")
        return found

    async def check_presence(self) -> list[str]:
        """Who is connected is online, who is not is offline, and whoever watches has been told."""
        here = {guest.id: False for guest in self._evening.guests}
        for guest in self._evening.guests:
            here[guest.id] |= guest.client.is_connected
        watcher = self._evening.guests[0].client
        asked = {each.user_id: each for each in await watcher.presence.get(*here)}
        found = []
        for user_id, is_here in here.items():
            if (asked[user_id].status != "offline") != is_here:
                found.append(f"{user_id} is shown as {asked[user_id].status}, connected: {is_here}")
            if (told := watcher.state.presences.get(user_id)) is None or told.status != asked[user_id].status:
                found.append(f"of {user_id} the watcher was told {told}, but it is {asked[user_id]}")
        return found

    async def check_outbox(self) -> list[str]:
        """Everything is published."""
        async with _admin(self._stack) as admin:
            rows = await admin.fetchval("SELECT count(*) FROM messages.outbox")
        return [f"{rows} batches stand in the outbox"] if rows else []

    async def check_feed(self) -> list[str]:
        """Each change of a room has its one event in the feed."""
        found: list[str] = []
        async with _visiting(self._evening.guests[0], self._stack.gateway_urls[0]) as client:
            for room_id in self._evening.room_ids:
                room = await client.rooms.get(room_id)
                expected = {f"{room_id}:{room.epoch}:{rev}" for rev in range(1, room.rev + 1)}
                counts = Counter(await list_feed(self._stack, room_id))
                found += [f"the feed lacks {each}" for each in sorted(expected - counts.keys())]
                found += [f"the feed has {each} {count} times" for each, count in counts.items() if count > 1]
        return found

    async def check_database(self) -> list[str]:
        """The whole database holds together, and no transaction or session hangs on."""
        findings: list[Finding] = []
        async with _admin(self._stack) as admin:
            stuck, sessions = await admin.fetchval(STUCK), await admin.fetchval(SESSIONS)
            await verify(admin, findings.append, lambda _summary: None)
        found = [str(each) for each in findings]
        if stuck:
            found.append(f"{stuck} transactions are open and idle")
        replicas = sum(1 for service, _ in self._stack.children if service == "messages")
        if sessions > POOL * replicas:
            found.append(f"{sessions} sessions of messages services")
        return found

    def find_disorder(self) -> list[str]:
        """No connection was ever told a change twice, or one after a hole."""
        states = [(guest.name, guest.client.state) for guest in self._evening.guests]
        return [
            f"{name} met {state.gaps} gaps and {state.repeats} repetitions"
            for name, state in states
            if state.gaps or state.repeats
        ]

    async def check_let_go(self, held: dict[str, float]) -> list[str]:
        """With everybody gone the processes hold what they held before anybody came."""
        now = await count_held(self._stack)
        return [
            f"{name}: {now[name]:.0f}, before {held[name]:.0f}"
            for name in held
            if now[name] > held[name] + (_KEPT_LINKS if name.endswith("descriptors") else 0)
        ]


async def _list_all(client: Client, room_id: str, thread_id: str | None = None) -> list[Message]:
    found: list[Message] = []
    has_after, after_seq = True, 0
    while has_after:
        page = await client.list_messages(room_id, after_seq=after_seq, limit=100, thread_id=thread_id)
        found += page.messages
        has_after, after_seq = page.has_after, found[-1].seq if found else 0
    return found


async def _find_miscounted(guest: Guest, fresh: Client) -> list[str]:
    asked = [await fresh.call(rooms.explain_unread, rooms.OneRoom(each)) for each in guest.client.state.rooms]
    return [f"{guest.name}: unread is miscounted: {each}" for each in asked if not each.consistent]


@asynccontextmanager
async def _visiting(guest: Guest, url: str) -> AsyncIterator[Client]:
    """The same login at one gateway, past all proxies, knowing nothing yet."""
    async with Client(url, timeout_s=REPLY_S) as client:
        await client.resume(guest.client.tokens)
        yield client


@asynccontextmanager
async def _admin(stack: ChaosStack) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres_url(stack._data_dir, as_admin=True))
    try:
        yield connection
    finally:
        await connection.close()

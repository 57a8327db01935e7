"""Several people who talk in one room while the bus breaks, and what must hold once it works again."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
from nats.js.errors import NotFoundError

from tests.faults.observing import on_bus, read_gateway
from tests.faults.talking import Talker, hears_all, talking
from tests.faults.wholeness import check_whole
from tests.stack import Stack
from tests.wire import WAIT_S, Person, Socket, eventually

_READY_WITHIN_S = 60.0
_LET_GO_WITHIN_S = 60.0
_DRAINED_WITHIN_S = 90.0  # a batch that the feed did not take is tried again after 10 s, 20 s, … 60 s
_KEPT_LINKS = 8  # to the database, and those of our own questions; a leak by the reconnect is more


class SocketTalker(Talker):
    """Sends over a socket that must stay open, each id again until it is acked."""

    def __init__(self, person: Person, room_id: str, socket: Socket) -> None:
        super().__init__(person, room_id)
        self._socket = socket

    async def _send(self, body: dict[str, str]) -> None:
        await self._socket.call("messages.send", {"room_id": self.room_id, **body})


@asynccontextmanager
async def talking_together(*talkers: Talker) -> AsyncIterator[None]:
    """Let them all talk; on leaving, each has got an ack for everything it sent."""
    async with AsyncExitStack() as started:
        for talker in talkers:
            await started.enter_async_context(talking(talker.person, talker.room_id, talker))
        await goes_on(talkers)
        yield


async def goes_on(talkers: Sequence[Talker], more: int = 10) -> None:
    """Wait until each of them has got further acks."""
    wanted = [(each, len(each.acked) + more) for each in talkers]
    await eventually(lambda: all(len(each.acked) >= count for each, count in wanted), _READY_WITHIN_S)


async def become_ready(stack: Stack, http: httpx2.AsyncClient, status: int = 200) -> None:
    """Wait until `/readyz` of every service says `status`."""

    async def answers(url: str) -> bool:
        try:
            return (await http.get(url, timeout=10)).status_code == status
        except httpx2.TransportError:  # too busy to answer
            return False

    for service, index in stack.children:
        url = stack.health_url(service, index) + "/readyz"
        await eventually(lambda url=url: answers(url), _READY_WITHIN_S)


async def is_whole(stack: Stack, talkers: Sequence[Talker], readers: Sequence[Socket]) -> None:
    """Everything acked stands once in the store and with every reader, in one order; the outbox runs dry."""
    room_id = talkers[0].room_id
    for reader in readers:
        for talker in talkers:
            await hears_all(reader, talker)
    await check_whole(room_id, talkers, readers)
    await eventually(lambda: is_outbox_empty(stack), _DRAINED_WITHIN_S)


async def is_outbox_empty(stack: Stack) -> bool:
    connection = await asyncpg.connect(stack.endpoints.database_url)
    try:
        return await connection.fetchval("SELECT count(*) FROM messages.outbox") == 0
    finally:
        await connection.close()


async def list_feed(stack: Stack, room_id: str) -> list[str]:
    """Return the ids by which the feed knows the events of a room, in its order."""
    found: list[str] = []
    async with on_bus(stack, "messages") as bus:
        stream, seq = bus.jetstream(timeout=WAIT_S), 0
        while True:
            try:
                message = await stream.get_msg("CHAT", seq + 1, f"chat.room.{room_id}.>", next=True)
            except NotFoundError:
                return found
            assert message.headers is not None
            found.append(message.headers["Nats-Msg-Id"])
            seq = message.seq or 0


async def list_events(person: Person, room_id: str) -> list[str]:
    """Return the ids of all events that there were of a room: one for each rev."""
    room = await person.rest("GET", f"/rooms/{room_id}")
    return [f"{room_id}:{room['epoch']}:{rev}" for rev in range(1, room["rev"] + 1)]


async def count_held(stack: Stack) -> dict[str, float]:
    """Return what the processes hold: descriptors of each, a gateway's tasks and subscriptions."""
    held: dict[str, float] = {}
    for service, index in stack.children:
        name = f"{service}-{index}"
        held[f"{name} descriptors"] = _count_descriptors(stack.find(service, index).pid)
        if service == "gateway":
            for what in ("connections", "rooms", "subscriptions", "tasks"):
                held[f"{name} {what}"] = await read_gateway(stack, index, what)
    return held


async def lets_go(stack: Stack, held: dict[str, float]) -> None:
    """Wait until the processes hold no more than before, but for links that are kept for the next use.

    That takes some 11 s: a task watches whether an outage is over (`shared/outages.py`).
    """
    more: dict[str, float] = {}

    async def is_let_go() -> bool:
        nonlocal more
        now = await count_held(stack)
        more = {name: now[name] - held[name] for name in held if now[name] > held[name] + _keeps(name)}
        return not more

    try:
        await eventually(is_let_go, _LET_GO_WITHIN_S)
    except TimeoutError:
        raise AssertionError(f"more than before: {more}") from None


def _keeps(name: str) -> int:
    return _KEPT_LINKS if name.endswith("descriptors") else 0


def _count_descriptors(pid: int) -> int:
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())

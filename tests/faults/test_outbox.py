"""Faults between COMMIT and the feed: what is acked is kept, and seen once."""

import asyncio
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from nats.aio.msg import Msg

from tests.faults.bus_faults import become_ready
from tests.faults.observing import on_bus
from tests.faults.talking import created, hears_all, list_all, talking
from tests.faults.wholeness import check_frames
from tests.stack import Stack
from tests.tcp_proxy import TcpProxy
from tests.wire import Person, Socket, eventually, new_id

pytestmark = pytest.mark.timeout(300)
FILLED_WITHIN_S = 120.0  # what the feed did not take is tried again after 60 s at the latest
# The service waits 2 s for a lock at most, which is no part of these tests.
HOLD = """
CREATE OR REPLACE FUNCTION messages.wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  SET LOCAL lock_timeout = 0;
  PERFORM pg_advisory_xact_lock(4);
  RETURN coalesce(NEW, OLD);
END $$;
CREATE TRIGGER held BEFORE {} ON messages.outbox FOR EACH ROW EXECUTE FUNCTION messages.wait_for_test();
"""


@pytest.fixture
async def database(broken: Stack) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(broken.endpoints.database_url)
    yield connection
    await connection.close()


@asynccontextmanager
async def only_one(broken: Stack) -> AsyncIterator[None]:
    """Stop the second messages process, so that the first gets every command."""
    await broken.kill("messages", 1, signal.SIGTERM)
    yield
    for index in range(2):
        if not broken.find("messages", index).is_running:
            await broken.restart("messages", index)


@asynccontextmanager
async def held(database: asyncpg.Connection, statement: str) -> AsyncIterator[None]:
    """Let every INSERT, or every DELETE, of an outbox row wait: just before the commit, or after the ack."""
    await database.execute(HOLD.format(statement))
    await database.execute("SELECT pg_advisory_lock(4)")
    try:
        yield
    finally:
        await database.execute("SELECT pg_advisory_unlock(4)")
        await database.execute("DROP TRIGGER held ON messages.outbox")


async def send(person: Person, room_id: str, message_id: str) -> Any:
    body = {"id": message_id, "text": "once"}
    return await person.rest("POST", f"/rooms/{room_id}/messages", body, timeout=12)


async def is_stored(database: asyncpg.Connection, room_id: str, message_id: str) -> bool:
    query = "SELECT count(*) FROM messages.messages WHERE room_id = $1 AND id = $2"
    return bool(await database.fetchval(query, room_id, message_id))


async def count_rows(database: asyncpg.Connection) -> int:
    return int(await database.fetchval("SELECT count(*) FROM messages.outbox"))


async def test_a_writer_killed_between_commit_and_ack_has_stored_the_message_once(
    broken: Stack, anna: Person, bert: Person, proxied: Any, database: asyncpg.Connection
) -> None:
    """Its way to NATS goes dead once it has the command: it commits, and can neither answer nor publish."""
    room_id = await anna.create_room(members=(bert,))
    await eventually(lambda: is_empty(database), FILLED_WITHIN_S)
    async with bert.socket() as socket, only_one(broken):
        proxy = await proxied("messages", 0)
        message_id = new_id()
        async with held(database, "INSERT"):
            sending = asyncio.create_task(send(anna, room_id, message_id))
            await eventually(lambda: is_waiting_for_lock(broken))
            proxy.stall()
        await eventually(lambda: is_stored(database, room_id, message_id))
        assert await count_rows(database) == 1
        await die(broken, proxy)
        await asyncio.gather(sending, return_exceptions=True)
        assert not created(socket, room_id)
        await broken.restart("messages", 1)
        again = await send(anna, room_id, message_id)
        assert (again["duplicate"], again["message"]["seq"]) == (True, 1)
        await hears(socket, room_id, message_id)
        await asyncio.sleep(1)  # time for a second one, which must not come
        assert created(socket, room_id) == [message_id]
        assert await list_all(anna, room_id) == [message_id]


async def hears(socket: Socket, room_id: str, message_id: str) -> None:
    """Wait for the event, or for the changes of the room, if its node found it behind before it came."""
    await eventually(lambda: created(socket, room_id) == [message_id])


async def die(broken: Stack, proxy: TcpProxy) -> None:
    """Kill the writer behind its proxy; what it had said is lost, and NATS sees the link end."""
    await broken.kill("messages", 0, signal.SIGKILL)
    proxy.cut()
    proxy.flow()


async def is_waiting_for_lock(broken: Stack) -> bool:
    connection = await asyncpg.connect(broken.endpoints.database_url)
    try:
        query = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory'"
        return bool(await connection.fetchval(query))
    finally:
        await connection.close()


async def test_what_a_writer_committed_and_did_not_publish_another_publishes(
    broken: Stack, anna: Person, bert: Person, proxied: Any, database: asyncpg.Connection
) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket() as socket, only_one(broken), on_bus(broken, "gateway") as bus:
        proxy = await proxied("messages", 0)
        heard = await bus.subscribe(f"chat.room.{room_id}.>")
        message_id = new_id()
        async with held(database, "INSERT"):
            sending = asyncio.create_task(send(anna, room_id, message_id))
            await eventually(lambda: is_waiting_for_lock(broken))
            proxy.stall()
        await eventually(lambda: is_stored(database, room_id, message_id))
        await broken.restart("messages", 1)  # not while it is held: a statement may take 8 s
        await die(broken, proxy)
        assert message_id.encode() in (await heard.next_msg(timeout=30)).data
        await hears(socket, room_id, message_id)
        await asyncio.gather(sending, return_exceptions=True)
        await eventually(lambda: is_empty(database), FILLED_WITHIN_S)


async def is_empty(database: asyncpg.Connection) -> bool:
    return await count_rows(database) == 0


async def test_what_was_published_and_not_deleted_is_published_again_and_seen_once(
    broken: Stack, anna: Person, bert: Person, database: asyncpg.Connection
) -> None:
    """A lock keeps the outbox row from being deleted; meanwhile its writer dies."""
    room_id = await anna.create_room(members=(bert,))
    await eventually(lambda: is_empty(database), FILLED_WITHIN_S)
    async with bert.socket() as socket, only_one(broken), on_bus(broken, "messages") as bus:
        heard = await bus.subscribe(f"chat.room.{room_id}.>")
        async with held(database, "DELETE"):
            message_id = new_id()
            assert not (await send(anna, room_id, message_id))["duplicate"]
            first = (await heard.next_msg(timeout=30)).data
            await eventually(lambda: is_waiting_for_lock(broken))
            await broken.kill("messages", 0, signal.SIGKILL)
        assert await count_rows(database) == 1
        await broken.restart("messages", 1)
        assert (await heard.next_msg(timeout=30)).data == first
        await eventually(lambda: is_empty(database), FILLED_WITHIN_S)
        await anna.send(room_id, "and on")
        await eventually(lambda: len(created(socket, room_id)) == 2)
        check_frames(socket, room_id)
        assert socket.of_room(room_id)[-1]["rev"] == 4
        info = await bus.jetstream(timeout=30).stream_info(
            "CHAT", subjects_filter=f"chat.room.{room_id}.message.>"
        )
        assert sum((info.state.subjects or {}).values()) == 2, "the feed has it once"


async def test_without_jetstream_chat_goes_on_nothing_storms_and_the_feed_is_filled_later(
    broken: Stack, anna: Person, bert: Person, database: asyncpg.Connection
) -> None:
    room_id = await anna.create_room(members=(bert,))
    await eventually(lambda: is_empty(database), FILLED_WITHIN_S)
    async with without_jetstream(broken), on_bus(broken, "messages") as bus, bert.socket() as socket:
        published: Counter[bytes] = Counter()
        began_s = time.monotonic()

        async def count(message: Msg) -> None:
            published[message.data] += 1

        await bus.subscribe(f"chat.room.{room_id}.>", cb=count)
        async with talking(anna, room_id) as talker:
            await asyncio.sleep(12)  # the fault itself: long enough for a second try of each
            await eventually(lambda: len(talker.acked) > 50)
        await hears_all(socket, talker)
        assert await count_rows(database) >= len(talker.acked)
        await eventually(lambda: len(published) == len(talker.acked))
        tries, took_s = list(published.values()), time.monotonic() - began_s
        # At first, again if its acks were lost with the link, after 10 s, and then after 20 s or more.
        assert max(tries) <= 2 + (1 if took_s < 30 else 1 + took_s / 20)
        # While the feed is away, each process tries one row every half second.
        assert sum(tries) <= len(talker.acked) + 2 * 2 * (took_s + 1)
    await eventually(lambda: is_empty(database), FILLED_WITHIN_S)
    async with on_bus(broken, "messages") as bus:
        info = await bus.jetstream(timeout=30).stream_info(
            "CHAT", subjects_filter=f"chat.room.{room_id}.message.>"
        )
        assert sum((info.state.subjects or {}).values()) == len(talker.acked), "all of it, each once"


@asynccontextmanager
async def without_jetstream(broken: Stack) -> AsyncIterator[None]:
    """Run NATS with its JetStream switched off."""
    config = Path(broken.find("nats").program.argv[-1])
    whole = await asyncio.to_thread(config.read_text)
    without = "\n".join(line for line in whole.split("\n") if not line.startswith("jetstream"))
    try:
        await restart_nats(broken, config, without)
        yield
    finally:
        await restart_nats(broken, config, whole)


async def restart_nats(broken: Stack, config: Path, text: str) -> None:
    await asyncio.to_thread(config.write_text, text)
    await broken.restart("nats")
    async with httpx2.AsyncClient() as http:
        await become_ready(broken, http)

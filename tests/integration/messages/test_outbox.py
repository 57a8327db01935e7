"""The outbox: what is committed is published, once by rule, again by need, never not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress

import asyncpg
import pytest
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from services.messages.outbox import Publisher
from services.messages.store.journal import Journal
from shared.bus import Bus
from shared.contracts import members
from shared.ids import new_id
from tests.integration.messages.world import World, eventually_in


@pytest.fixture
async def database(world: World) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(world.database_url)
    yield connection
    await connection.close()


async def until_empty(database: asyncpg.Connection) -> None:
    await eventually_in(database, "SELECT count(*) = 0 FROM messages.outbox")


async def until_there(jetstream: JetStreamContext) -> None:
    async with asyncio.timeout(30):
        while True:
            with suppress(NotFoundError):
                await jetstream.stream_info("CHAT")
                return
            await asyncio.sleep(0.1)


async def test_acknowledged_events_leave_the_outbox_and_stay_in_the_feed(
    world: World, database: asyncpg.Connection, nats_url: Callable[[str], str]
):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id)
    await until_empty(database)
    bus = await Bus.connect([nats_url("messages")], "messages")
    try:
        kept = await bus.jetstream.get_last_msg("CHAT", f"chat.room.{room.id}.message.created")
        assert kept.headers is not None
        assert kept.headers["Nats-Msg-Id"] == f"{room.id}:1:{message.rev}"
        config = (await bus.jetstream.stream_info("CHAT")).config
        assert (config.subjects, config.max_age, config.duplicate_window) == (["chat.room.>"], 604_800, 120)
    finally:
        await bus.close()


async def test_what_a_dead_writer_left_is_published_by_the_others(
    world: World, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
):
    """The first instance dies between COMMIT and publishing; the others find what it left."""
    ann, ben = new_id(), new_id()
    room = await world.room(ann)
    heard, told = world.hear_room(room.id), world.hear_user(ben)
    handed: list[object] = []
    with monkeypatch.context() as broken:
        for claimed in (Journal.to_row, Journal.save):
            broken.setattr(claimed, "__defaults__", (3_600.0,))  # the claim is over when the test says so
        broken.setattr(Publisher, "publish", lambda _self, batch: handed.append(batch))
        message = await world.send(ann, room.id)
        await world.ask(members.add, ann, room_id=room.id, user_ids=[ben])
    assert len(handed) == 2
    assert not heard.frames
    await database.execute("UPDATE messages.outbox SET claimed_until = now()")
    await heard.until(2)
    assert heard.names == ["message.created", "member.joined"]
    assert heard.frames[0]["d"]["id"] == message.id
    await told.until(1)
    assert told.names == ["room.added"]


async def test_events_reach_subscribers_while_the_feed_is_away(
    world: World, database: asyncpg.Connection, nats_url: Callable[[str], str]
):
    """Without the stream nothing is acknowledged: rows wait, put off; chat does not notice."""
    ann = new_id()
    room = await world.room(ann)
    await until_empty(database)
    bus = await Bus.connect([nats_url("messages")], "messages")
    try:
        await bus.jetstream.delete_stream("CHAT")
        heard = world.hear_room(room.id)
        await world.send(ann, room.id)
        await heard.until(1)
        await eventually_in(
            database, "SELECT count(*) = 1 FROM messages.outbox WHERE claimed_until > now() + interval '5 s'"
        )
        assert heard.revs == [2], "what subscribers have is put off, not stormed"
        await until_there(bus.jetstream)  # whoever missed the acks makes the stream again
        await eventually_in(database, "UPDATE messages.outbox SET claimed_until = now() RETURNING true")
        await until_empty(database)
        assert set(heard.revs) == {2}
        kept = await bus.jetstream.get_last_msg("CHAT", f"chat.room.{room.id}.message.created")
        assert kept.data == heard.raw[0]
    finally:
        await bus.close()


async def test_a_drained_instance_leaves_nothing_behind(
    world: World, database: asyncpg.Connection, nats_url: Callable[[str], str]
):
    ann = new_id()
    room = await world.room(ann)
    async with AsyncExitStack() as stack:
        await world.start(stack)
        sending = [asyncio.ensure_future(world.send(ann, room.id)) for _ in range(60)]
        await asyncio.wait(sending, return_when=asyncio.FIRST_COMPLETED)
    sent = await asyncio.gather(*sending)
    assert sorted(each.seq for each in sent) == list(range(1, 61))
    await until_empty(database)


async def test_a_changed_setting_changes_the_stream_and_leaves_the_rest_to_its_operator(
    world: World, nats_url: Callable[[str], str]
):
    bus = await Bus.connect([nats_url("messages")], "messages")
    try:
        await until_there(bus.jetstream)
        before = (await bus.jetstream.stream_info("CHAT")).config
        assert (before.max_bytes, before.discard, before.num_replicas) == (8 * 1024**3, "old", 1)
        await bus.jetstream.update_stream(before.evolve(description="mine"))
        async with AsyncExitStack() as stack:
            await world.start(stack, messages_feed_days=3, messages_feed_max_bytes=10_000_000)
            async with asyncio.timeout(30):
                while True:
                    after = (await bus.jetstream.stream_info("CHAT")).config
                    if (after.max_age, after.max_bytes) == (259_200, 10_000_000):
                        break
                    await asyncio.sleep(0.05)
        assert after.description == "mine"
        assert {"CHAT_DEAD", "KV_chat_positions"} <= {
            info.config.name for info in await bus.jetstream.streams_info()
        }
    finally:
        await bus.jetstream.update_stream(before)
        await bus.close()

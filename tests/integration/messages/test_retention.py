"""Retention: what has expired is gone with all that hangs on it, everybody is told, and space comes back."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import asyncpg
import msgspec
import pytest

from services.messages.retention import Retention, Vacuum
from services.messages.store.deployment import watch_connections
from services.messages.store.journal import Journal, Outgoing
from services.messages.store.transaction import Database
from shared.contracts import internal
from shared.contracts.sync import HeldPosition
from shared.db import create_engine
from shared.ids import new_id
from tests.integration.messages.world import World, refused

DAY_OLD = "now() - interval '25 hours'"


class Keeper:
    """A room that keeps its messages for a day, and the sweeper, run by hand."""

    def __init__(
        self, world: World, database: asyncpg.Connection, retention: Retention, vacuum: Vacuum
    ) -> None:
        self.world = world
        self.database = database
        self.retention = retention
        self.vacuum = vacuum
        self.published: list[Outgoing] = []

    async def keep_a_day(self, room_id: str) -> None:
        await self.database.execute(
            "UPDATE messages.rooms SET settings = '{\"retention_days\": 1}' WHERE id = $1", room_id
        )

    async def age(self, room_id: str, seq: int) -> None:
        """Let the main timeline up to `seq` be older than a day."""
        await self.database.execute(
            f"UPDATE messages.messages SET created_at = {DAY_OLD}"
            " WHERE room_id = $1 AND thread_id IS NULL AND seq <= $2", room_id, seq
        )  # fmt: skip

    async def sweep(self) -> int:
        self.published.clear()
        return await self.retention.sweep()

    async def count(self, table: str, room_id: str) -> int:
        found: int = await self.database.fetchval(
            f"SELECT count(*) FROM messages.{table} WHERE room_id = $1", room_id
        )
        return found

    def heard(self, event: str) -> list[dict[str, Any]]:
        frames = [msgspec.json.decode(each.payload) for each in self.published]
        return [frame for frame in frames if frame["ev"] == event]


@pytest.fixture
async def keeper(world: World) -> AsyncIterator[Keeper]:
    async with AsyncExitStack() as stack:
        engine = create_engine(world.settings(), "test")
        stack.push_async_callback(engine.dispose)
        watch_connections(engine)
        database = await asyncpg.connect(world.database_url)
        stack.push_async_callback(database.close)
        vacuum = Vacuum(engine, rows_min=500, every_s=0)

        def publish(journal: Journal) -> None:
            made.published += journal.items

        retention = Retention(Database(engine, new_id(), publish), vacuum, every_s=3600)
        made = Keeper(world, database, retention, vacuum)
        yield made


async def test_what_expired_is_gone_with_its_thread_and_all_that_hangs_on_it(world: World, keeper: Keeper):
    ann, bob = new_id(), new_id()
    room = await world.room(ann, bob)
    old = await world.send(ann, room.id, f"<@{bob}> <!room>")
    reply = await world.send(bob, room.id, f"<@{ann}> a young reply", thread_id=old.id)
    await world.read(ann, room.id, 1, thread_id=old.id)
    kept = await world.send(ann, room.id, f"<@{bob}> kept")
    for table, columns in {
        "reactions (room_id, message_id, emoji, user_id, rev)": f"'👍', '{bob}', 1",
        "message_history (room_id, message_id, rev, text, written_at)": "1, 'before', now()",
    }.items():
        for message in (old, reply):
            await keeper.database.execute(
                f"INSERT INTO messages.{table} VALUES ('{room.id}', '{message.id}', {columns})"
            )
    await keeper.keep_a_day(room.id)
    await keeper.age(room.id, 1)
    assert await keeper.sweep() == 2
    assert [each.id for each in (await world.list(ann, room.id)).messages] == [kept.id]
    with refused("not_found"):
        await world.list(ann, room.id, thread_id=old.id)
    page = await world.list(ann, room.id, before_seq=2)
    assert (page.messages, page.has_before, page.has_after) == ([], False, True)
    for table, left in {
        "messages": 1, "mentions": 1, "reactions": 0, "message_history": 0, "thread_reads": 0
    }.items():  # fmt: skip
        assert await keeper.count(table, room.id) == left, table
    assert await world.verify() == []
    assert await keeper.sweep() == 0


async def test_everybody_is_told_by_one_change_of_the_room(world: World, keeper: Keeper):
    ann = new_id()
    room = await world.room(ann)
    for number in range(5):
        await world.send(ann, room.id, str(number))
    before = await world.get_room(ann, room.id)
    await keeper.keep_a_day(room.id)
    await keeper.age(room.id, 3)
    await keeper.sweep()
    [frame] = keeper.heard("room.updated")
    now = await world.get_room(ann, room.id)
    assert (frame["rev"], frame["d"]["first_seq"], frame["d"]["last_seq"]) == (before.rev + 1, 4, 5)
    assert (now.rev, now.first_seq, now.last_seq) == (before.rev + 1, 4, 5)
    changes = await world.changes(ann, room.id, before.rev)
    assert (changes.messages, changes.room) == ([], now)
    asked = internal.GetSnapshot(ann, [room.id], {})
    [element] = (await world.call(internal.SNAPSHOT, asked, internal.Snapshot)).elements
    assert [each.seq for each in element.messages] == [4, 5]
    asked = internal.GetSnapshot(ann, [room.id], {room.id: HeldPosition(before.epoch, before.rev)})
    [element] = (await world.call(internal.SNAPSHOT, asked, internal.Snapshot)).elements
    assert (element.state, element.messages, element.room) == ("caught_up", [], now)


async def test_unread_and_mentions_count_what_is_there(world: World, keeper: Keeper):
    ann, bob, cid = new_id(), new_id(), new_id()
    room = await world.room(ann, bob, cid)
    for text in (f"<@{bob}>", "<!room>", "plain", f"<@{bob}> kept"):
        await world.send(ann, room.id, text)
    own = await world.send(bob, room.id, "own")
    await world.send(ann, room.id, "last")
    await world.read(bob, room.id, 0, unread=True)
    await world.read(cid, room.id, 4)
    assert (await world.membership(bob, room.id)).unread == 5
    await keeper.keep_a_day(room.id)
    await keeper.age(room.id, 3)
    await keeper.sweep()
    mine = await world.membership(bob, room.id)
    assert (mine.read_seq, mine.unread, mine.mentions) == (3, 2, 1)
    assert [frame["d"] for frame in keeper.heard("read.updated")] == [msgspec.to_builtins(mine)]
    assert (await world.membership(cid, room.id)).read_seq == 4
    mine = await world.read(bob, room.id, 0, unread=True)
    assert (mine.read_seq, mine.unread) == (3, 2)
    await keeper.age(room.id, own.seq)
    await keeper.sweep()
    mine = await world.membership(bob, room.id)
    assert (mine.read_seq, mine.unread, mine.mentions) == (5, 1, 0)
    assert await world.verify() == []


async def test_a_room_whose_messages_all_expired_goes_on(world: World, keeper: Keeper):
    ann, bob = new_id(), new_id()
    room = await world.room(ann, bob)
    for number in range(3):
        await world.send(ann, room.id, str(number))
    await keeper.keep_a_day(room.id)
    await keeper.age(room.id, 3)
    assert await keeper.sweep() == 3
    now = await world.get_room(ann, room.id)
    assert (now.first_seq, now.last_seq) == (4, 3)
    for anchor in ({}, {"before_seq": 2}, {"after_seq": 1}, {"around_seq": 2}):
        page = await world.list(ann, room.id, **anchor)
        assert (page.messages, page.has_before, page.has_after) == ([], False, False), anchor
    assert (await world.membership(bob, room.id)).unread == 0
    assert (await world.send(ann, room.id, "new")).seq == 4
    assert (await world.membership(bob, room.id)).unread == 1
    assert await world.verify() == []


async def test_a_room_without_the_setting_keeps_everything(world: World, keeper: Keeper):
    ann = new_id()
    for setting in ("{}", '{"retention_days": null}'):
        room = await world.room(ann)
        await world.send(ann, room.id)
        await keeper.database.execute(
            "UPDATE messages.rooms SET settings = $2 WHERE id = $1", room.id, setting
        )
        await keeper.age(room.id, 1)
        await keeper.sweep()
        assert (await world.get_room(ann, room.id)).first_seq == 1


async def test_a_room_that_somebody_holds_is_left_for_later_and_holds_up_nobody(world: World, keeper: Keeper):
    ann = new_id()
    held, free = await world.room(ann), await world.room(ann)
    for room in (held, free):
        await world.send(ann, room.id)
        await keeper.keep_a_day(room.id)
        await keeper.age(room.id, 1)
    async with keeper.database.transaction():
        await keeper.database.execute("SELECT 1 FROM messages.rooms WHERE id = $1 FOR UPDATE", held.id)
        assert await keeper.sweep() == 1
    assert await keeper.count("messages", held.id) == 1
    assert await keeper.sweep() == 1


async def test_a_sweep_that_was_cut_off_is_finished_by_the_next(world: World, keeper: Keeper):
    ann = new_id()
    room = await world.room(ann)
    root = await world.send(ann, room.id)
    await world.send(ann, room.id, "reply", thread_id=root.id)
    await world.send(ann, room.id)
    await keeper.database.execute("UPDATE messages.rooms SET first_seq = 2 WHERE id = $1", room.id)
    assert await world.verify() == []
    assert [each.seq for each in (await world.list(ann, room.id)).messages] == [2]
    assert await keeper.sweep() == 2
    assert await world.verify() == []


async def test_marks_of_many_are_lifted_in_steps(
    world: World, keeper: Keeper, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("services.messages.retention.sweeper._MARKS_AT_ONCE", 2)
    ann, others = new_id(), [new_id() for _ in range(5)]
    room = await world.room(ann, *others)
    await world.send(ann, room.id)
    await world.send(ann, room.id)
    await keeper.keep_a_day(room.id)
    await keeper.age(room.id, 1)
    await keeper.sweep()
    assert len(keeper.heard("read.updated")) == len(others)
    assert len(keeper.heard("room.updated")) == 1
    assert {(await world.membership(other, room.id)).unread for other in others} == {1}


ROUND = 2_000


async def fill(keeper: Keeper, room_id: str) -> None:
    """Store a round of messages as if they had been sent long ago."""
    await keeper.database.execute(
        f"""
        WITH r AS (
            UPDATE messages.rooms SET rev = rev + $2, last_seq = last_seq + $2 WHERE id = $1
            RETURNING rev - $2 AS rev, last_seq - $2 AS seq
        )
        INSERT INTO messages.messages (room_id, id, seq, rev, sender_id, text, created_at)
        SELECT $1, gen_random_uuid(), r.seq + n, r.rev + n, $1, repeat('text ', 20), {DAY_OLD}
        FROM r, generate_series(1, $2) AS n
        """,
        room_id, ROUND,
    )  # fmt: skip


async def test_filling_and_expiring_again_and_again_takes_no_more_space(world: World, keeper: Keeper):
    room = await world.room(new_id())
    await keeper.keep_a_day(room.id)
    sizes: list[int] = []
    for _ in range(6):
        await fill(keeper, room.id)
        assert await keeper.sweep() == ROUND
        partition = await keeper.database.fetchval(
            "SELECT tableoid::regclass::text FROM messages.rooms WHERE id = $1", room.id
        )
        sizes.append(
            await keeper.database.fetchval(
                "SELECT pg_total_relation_size($1::text::regclass)", partition.replace("rooms", "messages")
            )
        )
    # A round is filled beside what the one before left behind; without vacuum there would be six.
    assert max(sizes) < 3 * sizes[0], sizes
    assert (await world.get_room(room.created_by, room.id)).first_seq == 6 * ROUND + 1


async def test_the_service_sweeps_by_itself(world: World, keeper: Keeper):
    async with AsyncExitStack() as stack:
        await world.start(stack, messages_retention_every_s=0.05)
        ann = new_id()
        room = await world.room(ann)
        heard = world.hear_room(room.id)
        await world.send(ann, room.id)
        await keeper.keep_a_day(room.id)
        await keeper.age(room.id, 1)
        frames = await heard.until(2)
        assert [(each["ev"], each["d"]["first_seq"]) for each in frames[1:]] == [("room.updated", 2)]

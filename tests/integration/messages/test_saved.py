"""Saved messages: a user's own list of what they may read."""

import asyncio

import asyncpg

from shared.contracts import rooms, saved
from shared.contracts.entities import Message
from shared.contracts.limits import SAVED_PER_USER
from shared.ids import new_id
from tests.integration.messages.test_drafts import user_rev
from tests.integration.messages.world import World, refused


async def save(world: World, user_id: str, message: Message) -> str | None:
    mark = await world.ask(saved.add, user_id, room_id=message.room_id, message_id=message.id)
    return mark.saved_at


async def drop(world: World, user_id: str, message: Message) -> str | None:
    mark = await world.ask(saved.remove, user_id, room_id=message.room_id, message_id=message.id)
    return mark.saved_at


async def held(world: World, user_id: str, **fields: object) -> list[str]:
    return [each.message.id for each in (await world.ask(saved.list_saved, user_id, **fields)).saved]


async def test_saving_and_removing_are_told_once_to_all_devices(world: World):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id)
    told = world.hear_user(ann)
    assert await drop(world, ann, message) is None
    at = await save(world, ann, message)
    assert await asyncio.gather(*(save(world, ann, message) for _ in range(4))) == [at] * 4
    [kept] = (await world.ask(saved.list_saved, ann)).saved
    assert (kept.message, kept.saved_at) == (message, at)
    await drop(world, ann, message)
    await drop(world, ann, message)
    frames = await told.until(2)
    assert [frame["ev"] for frame in frames] == ["saved.updated"] * 2
    assert [frame["d"]["saved_at"] for frame in frames] == [at, None]
    assert frames[0]["d"].keys() == {"room_id", "message_id", "saved_at"}
    assert await user_rev(world, ann) == frames[1]["user_rev"]
    assert await held(world, ann) == []


async def test_the_list_is_newest_first_in_pages(world: World):
    ann = new_id()
    room = await world.room(ann)
    messages = [await world.send(ann, room.id) for _ in range(5)]
    for message in messages:
        await save(world, ann, message)
    await save(world, ann, messages[0])
    found, cursor = [], None
    while True:
        page = await world.ask(saved.list_saved, ann, limit=2, **({"cursor": cursor} if cursor else {}))
        found += [each.message.id for each in page.saved]
        if (cursor := page.next_cursor) is None:
            break
    assert found == [message.id for message in reversed(messages)]


async def test_deleted_messages_and_rooms_left_drop_out(world: World):
    ann, ben = new_id(), new_id()
    room, left = await world.room(ann, ben), await world.room(ann, ben)
    gone, kept, unreadable = (
        await world.send(ben, room.id),
        await world.send(ben, room.id),
        await world.send(ben, left.id),
    )
    for message in (gone, kept, unreadable):
        await save(world, ben, message)
    await world.delete(ben, gone)
    await world.ask(rooms.leave, ben, room_id=left.id)
    assert await held(world, ben) == [kept.id]
    with refused("conflict"):
        await save(world, ben, gone)
    with refused("not_found"):
        await save(world, ben, unreadable)
    assert await drop(world, ben, gone) is None


async def test_a_user_saves_a_bounded_number_and_unseen_ones_make_place(
    world: World, database: asyncpg.Connection
):
    ann = new_id()
    room = await world.room(ann)
    first, second = await world.send(ann, room.id), await world.send(ann, room.id)
    await save(world, ann, first)
    fill = """
        INSERT INTO messages.user_items (user_id, kind, room_id, item_id, user_rev, data)
        SELECT $1, 'saved', $2, gen_random_uuid(), 0, '{"saved_at": "x"}' FROM generate_series(1, $3)"""
    await database.execute(fill, ann, room.id, SAVED_PER_USER - 1)
    await save(world, ann, second)
    assert await database.fetchval("SELECT count(*) FROM messages.user_items WHERE user_id = $1", ann) == 2
    assert await held(world, ann) == [second.id, first.id]

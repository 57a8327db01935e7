"""One's own place in a room: notifications, and how the unread count came about."""

import asyncio

import asyncpg

from shared.contracts import rooms
from shared.contracts.rooms import UnreadExplained
from shared.ids import new_id
from tests.integration.messages.test_drafts import user_rev
from tests.integration.messages.world import World


async def explain(world: World, user_id: str, room_id: str) -> UnreadExplained:
    return await world.ask(rooms.explain_unread, user_id, room_id=room_id)


async def test_what_one_is_notified_of_is_told_to_all_devices_once_and_to_nobody_else(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    told = world.hear_user(ben)
    mine = await world.ask(rooms.set_notify, ben, room_id=room.id, notify="mentions")
    assert mine.notify == "mentions"
    assert await world.ask(rooms.set_notify, ben, room_id=room.id, notify="mentions") == mine
    [frame] = await told.until(1)
    assert (frame["ev"], frame["d"]["notify"]) == ("read.updated", "mentions")
    assert await user_rev(world, ben) == frame["user_rev"]
    assert (await world.get_room(ann, room.id)).rev == room.rev
    assert (await world.membership(ben, room.id)).notify == "mentions"


async def test_settings_survive_messages_and_marks_at_the_same_time(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    await asyncio.gather(
        *(world.send(ben, room.id) for _ in range(10)),
        world.ask(rooms.set_notify, ben, room_id=room.id, notify="none"),
        *(world.send(ann, room.id) for _ in range(10)),
    )
    mine = await world.read(ben, room.id, 20)
    assert (mine.notify, mine.read_seq, mine.unread) == ("none", 20, 0)


async def test_an_unread_count_is_explained_by_its_parts(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    for text in ("plain", f"<@{ben}>", "<!room>", f"<!room> and <@{ben}>"):
        await world.send(ann, room.id, text)
    await world.send(ben, room.id, f"<!room> <@{ben}>")
    await world.read(ben, room.id, 1, unread=True)
    told = await explain(world, ben, room.id)
    assert (told.first_seq, told.last_seq, told.read_seq, told.own_above, told.own_above_counted) == (
        1,
        5,
        1,
        1,
        1,
    )
    assert [(each.seq, each.sender_id, each.why) for each in told.mentions] == [
        (2, ann, "user"), (3, ann, "room"), (4, ann, "user"),
    ]  # fmt: skip
    mine = await world.membership(ben, room.id)
    assert (told.unread, len(told.mentions), told.notify) == (mine.unread, mine.mentions, mine.notify)
    assert told.consistent


async def test_a_count_that_is_wrong_is_said_to_be(world: World, database: asyncpg.Connection):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    await world.send(ann, room.id)
    await database.execute("UPDATE messages.memberships SET own_above = 1 WHERE user_id = $1", ben)
    told = await explain(world, ben, room.id)
    assert (told.own_above, told.own_above_counted, told.unread, told.consistent) == (1, 0, 0, False)


async def test_mentions_are_explained_up_to_a_hundred(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    await asyncio.gather(*(world.send(ann, room.id, f"<@{ben}> <!room>") for _ in range(60)))
    await asyncio.gather(*(world.send(ann, room.id, "<!room>") for _ in range(60)))
    told = await explain(world, ben, room.id)
    assert [each.seq for each in told.mentions] == list(range(1, 101))
    assert (await world.membership(ben, room.id)).mentions == 100

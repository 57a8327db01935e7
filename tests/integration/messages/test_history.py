"""The earlier texts of a message: kept while it stands, gone with it."""

from shared.contracts import messages
from shared.contracts.entities import Message
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def texts(world: World, user_id: str, message: Message) -> list[str]:
    named = {"room_id": message.room_id, "message_id": message.id}
    return [each.text for each in (await world.ask(messages.history, user_id, **named)).versions]


async def test_each_edit_leaves_the_text_before_it(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    message = await world.send(ann, room.id, "one")
    assert await texts(world, ben, message) == []
    second = await world.edit(ann, message, "two")
    await world.edit(ann, message, "two")
    await world.edit(ann, message, "three")
    found = await world.ask(messages.history, ben, room_id=room.id, message_id=message.id)
    assert [(each.text, each.written_at) for each in found.versions] == [
        ("one", message.created_at), ("two", second.edited_at),
    ]  # fmt: skip


async def test_nothing_is_left_of_a_deleted_message(world: World):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id, "one")
    await world.edit(ann, message, "two")
    await world.delete(ann, message)
    assert await texts(world, ann, message) == []


async def test_the_latest_texts_are_kept_where_a_reply_cannot_hold_all(world: World):
    ann = new_id()
    room = await world.room(ann)
    message = await world.send(ann, room.id, "0 " + "ü" * 15_000)
    for number in range(1, 21):
        await world.edit(ann, message, f"{number} " + "ü" * 15_000)
    found = [int(text.split()[0]) for text in await texts(world, ann, message)]
    assert found == list(range(found[0], 20))
    assert 10 < len(found) < 20


async def test_outsiders_do_not_read_it(world: World):
    ann = new_id()
    room = await world.room(ann, kind="public")
    message = await world.send(ann, room.id, "one")
    with refused("forbidden"):
        await texts(world, new_id(), message)

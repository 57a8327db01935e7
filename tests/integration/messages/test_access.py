"""Who is no member learns nothing, on every path. Driven by the registry: a new command is in it."""

import pytest

from shared.contracts import members, messages, rooms
from shared.contracts.entities import Room
from shared.contracts.registry import Command, iter_commands
from shared.ids import new_id
from tests.integration.messages.world import World, refused

# What a command needs beside its room to be a complete request.
FIELDS = {
    "user_id": new_id(), "user_ids": [new_id()], "message_id": new_id(), "id": new_id(), "text": "hello",
    "name": "x", "role": "member", "seq": 0, "epoch": 1, "after_rev": 0, "emoji": "👍",
}  # fmt: skip
IN_A_ROOM = [
    each
    for each in iter_commands()
    if each.service == "messages" and "room_id" in each.request.__struct_fields__
]
OPEN_TO_ALL = {"rooms.get", "rooms.join"}


def request_of(command: Command, room_id: str) -> dict[str, object]:
    named = {field: FIELDS[field] for field in command.request.__struct_fields__ if field in FIELDS}
    return {"room_id": room_id} | named


@pytest.mark.parametrize("command", IN_A_ROOM, ids=lambda each: each.name)
async def test_a_closed_room_does_not_exist_for_outsiders(world: World, command: Command):
    ann, ben, outsider = new_id(), new_id(), new_id()
    private = await world.room(ann, ben)
    dm = await world.ask(rooms.open_dm, ann, user_ids=[ben])
    left = await world.room(ann, outsider)
    await world.ask(rooms.leave, outsider, room_id=left.id)
    for room_id in (private.id, dm.id, left.id, new_id()):
        with refused("not_found"):
            await world.ask(command, outsider, **request_of(command, room_id))
    assert await world.get_room(ann, private.id) == private


@pytest.mark.parametrize("command", IN_A_ROOM, ids=lambda each: each.name)
async def test_a_public_room_shows_outsiders_itself_and_no_content(world: World, command: Command):
    ann, outsider = new_id(), new_id()
    room = await world.room(ann, kind="public")
    if command.name in OPEN_TO_ALL:
        await world.ask(command, outsider, **request_of(command, room.id))
        return
    with refused("forbidden"):
        await world.ask(command, outsider, **request_of(command, room.id))


@pytest.mark.parametrize("left", ["rooms.leave", "members.remove"])
async def test_who_was_removed_writes_no_more(world: World, left: str):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    message = await world.send(ben, room.id)
    if left == "rooms.leave":
        await world.ask(rooms.leave, ben, room_id=room.id)
    else:
        await world.ask(members.remove, ann, room_id=room.id, user_id=ben)
    for attempt in (
        world.send(ben, room.id, id=message.id),
        world.edit(ben, message, "x"),
        world.delete(ben, message),
        world.read(ben, room.id, 1),
        world.changes(ben, room.id, 0),
    ):
        with refused("not_found"):
            await attempt


async def _two_rooms(world: World) -> tuple[str, Room, messages.Message]:
    ann = new_id()
    elsewhere = await world.room(ann)
    return ann, await world.room(ann), await world.send(ann, elsewhere.id)


async def test_ids_of_another_room_are_not_found(world: World):
    ann, room, foreign = await _two_rooms(world)
    for attempt in (
        world.ask(messages.get, ann, room_id=room.id, message_id=foreign.id),
        world.ask(messages.edit, ann, room_id=room.id, message_id=foreign.id, text="x"),
        world.ask(messages.delete, ann, room_id=room.id, message_id=foreign.id),
        world.send(ann, room.id, thread_id=foreign.id),
        world.send(ann, room.id, reply_to=foreign.id),
        world.list(ann, room.id, thread_id=foreign.id),
        world.read(ann, room.id, 0, thread_id=foreign.id),
    ):
        with refused("not_found"):
            await attempt
    assert (await world.send(ann, room.id, id=foreign.id)).seq == 1, "an id is one room's own"


async def test_only_the_author_edits_and_moderators_also_delete(world: World):
    ann, mod, ben = new_id(), new_id(), new_id()
    room = await world.room(ann, mod, ben)
    await world.ask(members.set_role, ann, room_id=room.id, user_id=mod, role="moderator")
    message = await world.send(ann, room.id)
    with refused("forbidden"):
        await world.edit(mod, message, "x")
    with refused("forbidden"):
        await world.delete(ben, message)
    assert (await world.delete(mod, message)).text == ""

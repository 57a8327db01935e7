"""Direct conversations: the same people are the same room, also when all open it at once."""

import asyncio

from shared.contracts import members, rooms
from shared.ids import dm_room_id, new_id
from tests.integration.messages.world import World, refused


async def test_the_same_set_is_the_same_room_under_a_race(world: World):
    people = sorted(new_id() for _ in range(3))
    heard = [world.hear_user(user_id) for user_id in people]
    opened = await asyncio.gather(
        *(world.ask(rooms.open_dm, each, user_ids=people) for each in people for _ in range(8))
    )
    assert len({room.id for room in opened}) == 1
    room = opened[0]
    assert room.id == dm_room_id(people)
    assert (room.kind, room.name, room.user_ids, room.member_count, room.rev) == (
        "group_dm", None, people, 3, 3,
    )  # fmt: skip
    await world.send(people[0], room.id)
    for each in heard:
        await each.until(1)
        assert each.names == ["room.added"]


async def test_two_people_are_a_dm_and_one_is_notes_to_self(world: World):
    ann, ben = new_id(), new_id()
    assert (await world.ask(rooms.open_dm, ann, user_ids=[ben])).kind == "dm"
    notes = await world.ask(rooms.open_dm, ann, user_ids=[ann])
    assert (notes.kind, notes.user_ids, notes.member_count) == ("dm", [ann], 1)
    assert await world.ask(rooms.open_dm, ann, user_ids=[]) == notes


async def test_strangers_and_crowds_are_refused(world: World):
    ann, stranger = new_id(), new_id()
    world.strangers.add(stranger)
    with refused("not_found"):
        await world.ask(rooms.open_dm, ann, user_ids=[stranger])
    with refused("invalid_input"):
        await world.ask(rooms.open_dm, ann, user_ids=[new_id() for _ in range(20)])
    await world.ask(rooms.open_dm, ann, user_ids=[ann, *(new_id() for _ in range(19))])


async def test_its_membership_never_changes(world: World):
    ann, ben, cat = new_id(), new_id(), new_id()
    room = await world.ask(rooms.open_dm, ann, user_ids=[ben])
    for attempt in (
        world.ask(rooms.leave, ann, room_id=room.id),
        world.ask(rooms.update, ann, room_id=room.id, name="x"),
        world.ask(rooms.archive, ann, room_id=room.id),
        world.ask(members.add, ann, room_id=room.id, user_ids=[cat]),
        world.ask(members.remove, ann, room_id=room.id, user_id=ben),
        world.ask(members.set_role, ann, room_id=room.id, user_id=ben, role="owner"),
    ):
        with refused("conflict"):
            await attempt
    assert await world.get_room(ben, room.id) == room

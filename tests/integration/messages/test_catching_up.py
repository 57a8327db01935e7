"""Catching up: changes and sync elements at every edge, and the questions gateways ask."""

import asyncio

import msgspec
import pytest

from shared.contracts import internal, members, messages, rooms
from shared.contracts.entities import Position, Room
from shared.contracts.limits import REPLY_MAX_BYTES, SYNC_MAX_REVS_BEHIND, SYNC_NEWEST_MESSAGES
from shared.contracts.sync import HeldPosition
from shared.ids import new_id
from tests.integration.messages.world import World


async def snapshot(world: World, user_id: str, *room_ids: str, **held: HeldPosition) -> internal.Snapshot:
    asked = internal.GetSnapshot(user_id, list(room_ids), held)
    return await world.call(internal.SNAPSHOT, asked, internal.Snapshot)


@pytest.fixture(scope="module")
async def long_room(world: World) -> tuple[str, Room]:
    """A room whose rev is just above what can be caught up: its first member took rev 1."""
    ann = new_id()
    room = await world.room(ann)
    await asyncio.gather(*(world.send(ann, room.id) for _ in range(SYNC_MAX_REVS_BEHIND + 1)))
    return ann, await world.get_room(ann, room.id)


@pytest.mark.parametrize("after_rev", [1, 2, 3, 501, 502])
async def test_changes_are_whole_or_a_reset(world: World, long_room: tuple[str, Room], after_rev: int):
    ann, room = long_room
    assert room.rev == SYNC_MAX_REVS_BEHIND + 2
    found = await world.changes(ann, room.id, after_rev)
    assert found.position == Position(1, room.rev)
    assert found.room == room
    assert found.reset == (room.rev - after_rev > SYNC_MAX_REVS_BEHIND)
    expected = [] if found.reset else list(range(after_rev + 1, room.rev + 1))
    assert [each.rev for each in found.messages] == expected


async def test_a_position_of_another_history_is_reset(world: World, long_room: tuple[str, Room]):
    ann, room = long_room
    for epoch, after_rev in ((0, room.rev), (2, room.rev), (1, room.rev + 1)):
        found = await world.changes(ann, room.id, after_rev, epoch)
        assert (found.reset, found.messages, found.members) == (True, [], [])


@pytest.mark.parametrize(
    ("held", "state"),
    [
        (None, "new"),
        (HeldPosition(1, 502), "current"),
        (HeldPosition(1, 501), "caught_up"),
        (HeldPosition(1, 2), "caught_up"),
        (HeldPosition(1, 1), "reset"),
        (HeldPosition(1, 503), "reset"),
        (HeldPosition(2, 502), "reset"),
        (HeldPosition(0, 502), "reset"),
    ],
    ids=str,
)
async def test_an_element_has_the_state_of_what_is_held(
    world: World, long_room: tuple[str, Room], held: HeldPosition | None, state: str
):
    ann, room = long_room
    [element] = (await snapshot(world, ann, room.id, **({room.id: held} if held else {}))).elements
    assert (element.state, element.position, element.room) == (state, Position(1, room.rev), room)
    assert element.membership.user_id == ann
    assert element.members == []
    match state:
        case "current":
            assert element.messages == []
        case "caught_up":
            assert held is not None
            assert [each.rev for each in element.messages] == list(range(held.rev + 1, room.rev + 1))
        case _:
            newest = range(room.last_seq - SYNC_NEWEST_MESSAGES + 1, room.last_seq + 1)
            assert [each.seq for each in element.messages] == list(newest)


async def test_caught_up_is_the_present_state_of_all_that_changed(world: World):
    ann, ben, cat = new_id(), new_id(), new_id()
    room = await world.room(ann, ben)
    first = await world.send(ann, room.id)
    await world.send(ben, room.id)
    held = (await world.get_room(ann, room.id)).rev
    await world.edit(ann, first, "one")
    edited = await world.edit(ann, first, "two")
    await world.ask(rooms.update, ann, room_id=room.id, topic="new")
    await world.ask(members.add, ann, room_id=room.id, user_ids=[cat])
    await world.ask(members.set_role, ann, room_id=room.id, user_id=ben, role="moderator")
    await world.ask(rooms.leave, cat, room_id=room.id)
    found = await world.changes(ann, room.id, held)
    assert found.messages == [edited]
    assert [(each.user_id, each.role, each.left_at is None) for each in found.members] == [
        (ben, "moderator", True), (cat, "member", False),
    ]  # fmt: skip
    assert found.room.topic == "new"
    [element] = (await snapshot(world, ann, room.id, **{room.id: HeldPosition(1, held)})).elements
    assert (element.messages, element.members) == (found.messages, found.members)
    asked = internal.RoomsAfter([internal.RoomAfter(room.id, 1, held)])
    [healed] = (await world.call(internal.CHANGES, asked, internal.RoomsChanged)).rooms
    assert msgspec.to_builtins(healed) == {"after_rev": held, **msgspec.to_builtins(found)}


async def test_what_does_not_fit_into_a_reply_is_reset(world: World):
    ann = new_id()
    room = await world.room(ann)
    held = HeldPosition(1, room.rev)
    text = "\N{GRINNING FACE}" * 16_000
    await asyncio.gather(*(world.send(ann, room.id, text) for _ in range(10)))
    assert (await world.changes(ann, room.id, room.rev)).reset
    found = await snapshot(world, ann, room.id, **{room.id: held})
    [element] = found.elements
    assert element.state == "reset"
    assert element.messages[-1].seq == 10
    assert len(msgspec.json.encode(found)) <= REPLY_MAX_BYTES


async def test_a_page_of_elements_is_a_prefix_that_fits(world: World):
    ann = new_id()
    made = [await world.room(ann, name=str(number)) for number in range(30)]
    await asyncio.gather(*(world.send(ann, room.id, "x" * 3_000) for room in made for _ in range(8)))
    ids = [room.id for room in made]
    found = await snapshot(world, ann, *ids)
    assert 1 < found.answered < 30
    assert [each.room.id for each in found.elements] == ids[: found.answered]
    assert len(msgspec.json.encode(found)) <= REPLY_MAX_BYTES
    rest = await snapshot(world, ann, *ids[found.answered :])
    assert rest.elements[0].room.id == ids[found.answered]


async def test_rooms_one_is_not_in_are_left_out(world: World):
    ann, ben = new_id(), new_id()
    mine, theirs = await world.room(ann), await world.room(ben, kind="public")
    left = await world.room(ben, ann)
    await world.ask(rooms.leave, ann, room_id=left.id)
    found = await snapshot(world, ann, theirs.id, mine.id, left.id, new_id())
    assert [each.room.id for each in found.elements] == [mine.id]
    assert (found.answered, found.user_rev) == (4, 3)


async def test_gateways_ask_for_many_at_once(world: World):
    ann, ben, nobody = new_id(), new_id(), new_id()
    one, two = await world.room(ann, ben), await world.room(ann)
    await world.send(ann, one.id)
    asked = await world.call(
        internal.MEMBERSHIPS, internal.GetMemberships([ben, nobody, ann]), internal.Memberships
    )
    assert asked.epoch == 1
    assert [(each.user_id, each.user_rev) for each in asked.users] == [(ben, 1), (nobody, 0), (ann, 2)]
    assert [[(each.room_id, each.rev) for each in user.rooms] for user in asked.users] == [
        [(one.id, 3)], [], [(one.id, 3), (two.id, 1)],
    ]  # fmt: skip
    positions = await world.call(
        internal.POSITIONS,
        internal.GetPositions([one.id, new_id(), two.id], [ann, nobody]),
        internal.Positions,
    )
    assert positions == internal.Positions(1, {one.id: 3, two.id: 1}, {ann: 2})
    assert await world.call(
        internal.POSITIONS, internal.GetPositions(), internal.Positions
    ) == internal.Positions(1, {}, {})


async def test_a_users_own_changes_are_the_present_state_too(world: World):
    ann, ben = new_id(), new_id()
    one, two, three = [await world.room(ann, ben) for _ in range(3)]
    await world.send(ann, one.id)
    await world.read(ben, one.id, 1)
    await world.ask(rooms.leave, ben, room_id=two.id)
    found = await world.call(internal.USER_CHANGES, internal.GetUserChanges(ben, 2), internal.UserChanges)
    assert found.user_rev == 5
    assert [(each.room_id, each.read_seq) for each in found.memberships] == [(three.id, 0), (one.id, 1)]
    assert found.left == [two.id]
    none = await world.call(internal.USER_CHANGES, internal.GetUserChanges(ben, 5), internal.UserChanges)
    assert (none.memberships, none.left) == ([], [])


async def test_an_unknown_room_cannot_be_healed(world: World):
    ann = new_id()
    room = await world.room(ann)
    asked = internal.RoomsAfter([internal.RoomAfter(new_id(), 1, 0), internal.RoomAfter(room.id, 1, 0)])
    found = await world.call(internal.CHANGES, asked, internal.RoomsChanged)
    assert [changed.room.id for changed in found.rooms] == [room.id]


async def test_a_read_sees_one_moment(world: World):
    ann = new_id()
    room = await world.room(ann)

    async def write() -> None:
        for _ in range(40):
            await world.send(ann, room.id)

    writing = asyncio.ensure_future(write())
    held = room.rev
    while not writing.done():
        found: messages.Changes = await world.changes(ann, room.id, held)
        assert [each.rev for each in found.messages] == list(range(held + 1, found.position.rev + 1))
        assert found.room.rev == found.position.rev
        held = found.position.rev
    await writing

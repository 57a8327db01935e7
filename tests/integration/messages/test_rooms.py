"""Rooms: created once, found, changed, joined and left."""

import asyncio

import asyncpg

from shared.contracts import members, rooms
from shared.contracts.entities import RoomSettings
from shared.contracts.limits import ROOMS_PER_USER
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def test_a_new_room_has_its_creator_as_owner_and_the_named_as_members(world: World):
    ann, ben = new_id(), new_id()
    heard = world.hear_user(ben)
    room = await world.room(ann, ben, name="Tea", topic="green", kind="public")
    assert (room.kind, room.name, room.topic, room.user_ids) == ("public", "Tea", "green", None)
    assert (room.epoch, room.rev, room.first_seq, room.last_seq, room.member_count) == (1, 2, 1, 0, 2)
    assert (room.created_by, room.archived_at, room.settings) == (ann, None, RoomSettings())
    people = await world.members(ann, room.id)
    assert {user_id: each.role for user_id, each in people.items()} == {ann: "owner", ben: "member"}
    assert (people[ann].rev, people[ben].rev) == (1, 2)
    [frame] = await heard.until(1)
    assert frame == {"ev": "room.added", "user_rev": 1, "d": {"room_id": room.id}}


async def test_the_same_id_again_is_the_same_room(world: World):
    ann, ben = new_id(), new_id()
    fields = {"id": new_id(), "kind": "private", "name": "One"}
    made = await asyncio.gather(*(world.ask(rooms.create, ann, **fields) for _ in range(8)))
    assert {each.id for each in made} == {fields["id"]}
    assert {each.rev for each in made} == {1}
    with refused("conflict"):
        await world.ask(rooms.create, ben, **fields)


async def test_a_room_with_an_unknown_member_is_not_made(world: World):
    ann, stranger = new_id(), new_id()
    world.strangers.add(stranger)
    with refused("not_found"):
        await world.room(ann, stranger)
    assert (await world.ask(rooms.list_own, ann)).rooms == []


async def test_name_and_topic_change_for_moderators_only(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    heard = world.hear_room(room.id)
    changed = await world.ask(rooms.update, ann, room_id=room.id, name="New", topic="why")
    assert (changed.name, changed.topic, changed.rev) == ("New", "why", room.rev + 1)
    same = await world.ask(rooms.update, ann, room_id=room.id, name="New")
    assert same == changed
    with refused("forbidden"):
        await world.ask(rooms.update, ben, room_id=room.id, name="Mine")
    await world.send(ann, room.id)
    await heard.until(2)
    assert heard.names == ["room.updated", "message.created"]
    assert heard.frames[0]["d"]["name"] == "New"
    assert heard.frames[0]["d"]["rev"] == heard.frames[0]["rev"] == changed.rev


async def test_an_archived_room_takes_no_more(world: World):
    ann, ben, cat = new_id(), new_id(), new_id()
    room = await world.room(ann, ben, kind="public")
    message = await world.send(ann, room.id)
    with refused("forbidden"):
        await world.ask(rooms.archive, ben, room_id=room.id)
    archived = await world.ask(rooms.archive, ann, room_id=room.id)
    assert archived.archived_at is not None
    assert await world.ask(rooms.archive, ann, room_id=room.id) == archived
    for attempt in (
        world.send(ann, room.id),
        world.edit(ann, message, "other"),
        world.delete(ann, message),
        world.ask(rooms.update, ann, room_id=room.id, name="x"),
        world.ask(rooms.join, cat, room_id=room.id),
        world.ask(members.add, ann, room_id=room.id, user_ids=[cat]),
        world.ask(members.set_role, ann, room_id=room.id, user_id=ben, role="owner"),
    ):
        with refused("conflict"):
            await attempt
    assert (await world.send(ann, room.id, id=message.id)) == message, "what is stored can still be confirmed"
    assert (await world.read(ben, room.id, 1)).unread == 0
    assert (await world.list(ben, room.id)).messages == [message]
    await world.ask(rooms.leave, ben, room_id=room.id)


async def test_joining_a_public_room_marks_all_read(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, kind="public")
    await world.send(ann, room.id, f"<@{ben}>")
    heard = world.hear_room(room.id)
    joined = await world.ask(rooms.join, ben, room_id=room.id)
    assert (joined.read_seq, joined.unread, joined.mentions, joined.role) == (1, 0, 0, "member")
    assert await world.ask(rooms.join, ben, room_id=room.id) == joined
    await world.send(ben, room.id)
    await heard.until(2)
    assert heard.names == ["member.joined", "message.created"]
    assert heard.frames[0]["d"]["user_id"] == ben
    with refused("not_found"):
        await world.ask(rooms.join, ben, room_id=(await world.room(ann)).id)


async def test_who_leaves_hears_of_it_and_leaves_a_tombstone(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    heard, told = world.hear_room(room.id), world.hear_user(ben)
    await world.ask(rooms.leave, ben, room_id=room.id)
    [frame] = await heard.until(1)
    assert frame["ev"] == "member.left"
    assert frame["d"]["left_at"] is not None
    [hint] = await told.until(1)
    assert hint == {"ev": "room.removed", "user_rev": 2, "d": {"room_id": room.id, "reason": "left"}}
    with refused("not_found"):
        await world.send(ben, room.id)
    [gone] = (await world.changes(ann, room.id, room.rev)).members
    assert (gone.user_id, gone.rev) == (ben, room.rev + 1)
    assert (await world.get_room(ann, room.id)).member_count == 1
    assert (await world.ask(rooms.list_own, ben)).rooms == []


async def test_who_comes_again_is_a_member_anew(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben, kind="public")
    await world.ask(members.set_role, ann, room_id=room.id, user_id=ben, role="moderator")
    await world.ask(rooms.leave, ben, room_id=room.id)
    await world.send(ann, room.id)
    again = await world.ask(rooms.join, ben, room_id=room.id)
    assert (again.role, again.read_seq, again.unread) == ("member", 1, 0)
    assert (await world.members(ann, room.id))[ben].left_at is None


async def test_the_last_owner_stays_while_others_are_there(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben, kind="public")
    with refused("conflict"):
        await world.ask(rooms.leave, ann, room_id=room.id)
    await world.ask(rooms.leave, ben, room_id=room.id)
    await world.ask(rooms.leave, ann, room_id=room.id)
    assert (await world.get_room(ben, room.id)).member_count == 0
    first = await world.ask(rooms.join, ben, room_id=room.id)
    assert first.role == "owner", "an empty room belongs to the first who comes"


async def test_own_rooms_come_most_recently_active_first_in_pages(world: World):
    ann = new_id()
    made = [await world.room(ann, name=f"room {number}") for number in range(5)]
    await world.send(ann, made[1].id)
    expected = [made[1].id, made[4].id, made[3].id, made[2].id, made[0].id]
    found: list[str] = []
    cursor = None
    for size in (2, 2, 1):
        page = await world.ask(rooms.list_own, ann, limit=2, **({"cursor": cursor} if cursor else {}))
        assert len(page.rooms) == size
        assert all(each.membership.user_id == ann for each in page.rooms)
        found += [each.room.id for each in page.rooms]
        cursor = page.next_cursor
    assert found == expected
    assert cursor is None


async def test_public_rooms_are_found_by_the_start_of_their_name(world: World):
    ann, ben = new_id(), new_id()
    mark = new_id()[-6:]
    names = [f"{mark} alpha", f"{mark.upper()} Beta", f"{mark} gamma", f"{mark}% delta"]
    made = {name: await world.room(ann, name=name, kind="public") for name in names}
    await world.room(ann, name=f"{mark} hidden", kind="private")
    gone = await world.room(ann, name=f"{mark} gone", kind="public")
    await world.ask(rooms.archive, ann, room_id=gone.id)
    first = await world.ask(rooms.browse, ben, q=f"{mark} ", limit=2)
    rest = await world.ask(rooms.browse, ben, q=f"{mark} ", limit=2, cursor=first.next_cursor)
    assert [each.name for each in (*first.rooms, *rest.rooms)] == names[:3]
    assert rest.next_cursor is None
    assert [each.id for each in (await world.ask(rooms.browse, ben, q=f"{mark}%")).rooms] == [
        made[names[3]].id
    ]


async def test_a_foreign_cursor_is_refused(world: World):
    for command, cursor in (
        (rooms.list_own, "AAAA"),
        (rooms.browse, "WyJhIiwiJyJd"),
        (rooms.list_own, "e30"),
    ):
        with refused("invalid_input"):
            await world.ask(command, new_id(), cursor=cursor)


async def test_nobody_is_in_more_rooms_than_allowed(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben, kind="public")
    connection = await asyncpg.connect(world.database_url)
    await connection.execute(
        "UPDATE messages.user_timelines SET room_count = $2 WHERE user_id = $1", ben, ROOMS_PER_USER
    )
    await connection.close()
    other = await world.room(ann, kind="public")
    for attempt in (
        world.room(ben),
        world.room(ann, ben),
        world.ask(rooms.join, ben, room_id=other.id),
        world.ask(members.add, ann, room_id=other.id, user_ids=[ben]),
        world.ask(rooms.open_dm, ann, user_ids=[ben]),
    ):
        with refused("conflict"):
            await attempt
    assert (await world.get_room(ann, other.id)).rev == other.rev
    await world.ask(rooms.leave, ben, room_id=room.id)
    await world.ask(rooms.join, ben, room_id=other.id)

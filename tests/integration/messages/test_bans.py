"""Bans: who is kept out stays out, by every door into a room."""

import asyncio

from shared.contracts import invites, members, rooms
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def ban(world: World, actor: str, room_id: str, user_id: str) -> None:
    await world.ask(members.ban, actor, room_id=room_id, user_id=user_id)


async def banned(world: World, actor: str, room_id: str) -> list[str]:
    return [each.user_id for each in (await world.ask(members.list_bans, actor, room_id=room_id)).bans]


async def test_a_banned_member_goes_in_the_rooms_order_and_is_told_why(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    heard, told = world.hear_room(room.id), world.hear_user(ben)
    await ban(world, ann, room.id, ben)
    [left] = await heard.until(1)
    assert (left["ev"], left["rev"], left["d"]["user_id"]) == ("member.left", room.rev + 1, ben)
    [hint] = await told.until(1)
    assert (hint["ev"], hint["d"]) == ("room.removed", {"room_id": room.id, "reason": "banned"})
    with refused("not_found"):
        await world.send(ben, room.id)
    [row] = (await world.ask(members.list_bans, ann, room_id=room.id)).bans
    assert (row.room_id, row.user_id, row.banned_by) == (room.id, ben, ann)


async def test_the_banned_come_in_by_no_door_until_the_ban_is_lifted(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, kind="public")
    code = (await world.ask(invites.create, ann, room_id=room.id)).code
    await ban(world, ann, room.id, ben)
    for attempt in (
        world.ask(rooms.join, ben, room_id=room.id),
        world.ask(members.add, ann, room_id=room.id, user_ids=[new_id(), ben]),
        world.ask(invites.accept, ben, code=code),
        world.ask(invites.preview, ben, code=code),
        world.list(ben, room.id),
    ):
        with refused("forbidden"):
            await attempt
    assert (await world.get_room(ann, room.id)).member_count == 1
    await world.ask(members.unban, ann, room_id=room.id, user_id=ben)
    await world.ask(members.unban, ann, room_id=room.id, user_id=ben)
    assert await banned(world, ann, room.id) == []
    assert (await world.ask(rooms.join, ben, room_id=room.id)).role == "member"


async def test_a_ban_is_one_thing_however_often_and_takes_a_rev_only_for_who_leaves(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, kind="public")
    await asyncio.gather(*(ban(world, ann, room.id, ben) for _ in range(4)))
    assert await banned(world, ann, room.id) == [ben]
    assert (await world.get_room(ann, room.id)).rev == room.rev


async def test_moderators_ban_members_and_nobody_above_or_themselves(world: World):
    ann, mod, ben = new_id(), new_id(), new_id()
    room = await world.room(ann, mod, ben)
    await world.ask(members.set_role, ann, room_id=room.id, user_id=mod, role="moderator")
    for actor, target in ((ben, mod), (ben, new_id()), (mod, ann), (mod, mod), (ann, ann)):
        with refused("forbidden"):
            await ban(world, actor, room.id, target)
    for command in (members.list_bans, members.unban):
        with refused("forbidden"):
            await world.ask(command, ben, room_id=room.id, user_id=mod)
    await ban(world, mod, room.id, ben)
    await ban(world, ann, room.id, mod)
    assert await banned(world, ann, room.id) == sorted([mod, ben])


async def test_only_who_exists_is_banned_and_a_direct_conversation_has_no_bans(world: World):
    ann, ben, stranger = new_id(), new_id(), new_id()
    world.strangers.add(stranger)
    room = await world.room(ann)
    with refused("not_found"):
        await ban(world, ann, room.id, stranger)
    dm = await world.ask(rooms.open_dm, ann, user_ids=[ben])
    for command in (members.ban, members.unban, members.list_bans):
        with refused("conflict"):
            await world.ask(command, ann, room_id=dm.id, user_id=ben)


async def test_a_ban_ends_the_invitations_of_the_banned(world: World):
    ann, ben, cat = new_id(), new_id(), new_id()
    room = await world.room(ann, ben, kind="public")
    code = (await world.ask(invites.create, ben, room_id=room.id)).code
    await ban(world, ann, room.id, ben)
    with refused("not_found"):
        await world.ask(invites.accept, cat, code=code)


async def test_bans_come_in_pages(world: World):
    ann, people = new_id(), sorted(new_id() for _ in range(5))
    room = await world.room(ann)
    for user_id in people:
        await ban(world, ann, room.id, user_id)
    found, cursor = [], None
    while True:
        more = {"cursor": cursor} if cursor else {}
        page = await world.ask(members.list_bans, ann, room_id=room.id, limit=2, **more)
        found += [each.user_id for each in page.bans]
        if (cursor := page.next_cursor) is None:
            break
    assert found == people


async def test_a_ban_and_a_join_at_once_never_leave_a_banned_member(world: World):
    ann = new_id()
    room = await world.room(ann, kind="public")
    people = [new_id() for _ in range(8)]
    await asyncio.gather(
        *(ban(world, ann, room.id, user_id) for user_id in people),
        *(world.ask(rooms.join, user_id, room_id=room.id) for user_id in people),
        return_exceptions=True,
    )
    assert await banned(world, ann, room.id) == sorted(people)
    assert set(await world.members(ann, room.id)) == {ann}

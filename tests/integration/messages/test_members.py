"""Membership: who may add, remove and give roles."""

from shared.contracts import members
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def test_any_member_adds_people_once(world: World):
    ann, ben, cat = new_id(), new_id(), new_id()
    room = await world.room(ann, ben)
    heard = world.hear_room(room.id)
    added = await world.ask(members.add, ben, room_id=room.id, user_ids=[cat, ann, cat])
    assert {each.user_id: each.role for each in added.members} == {ann: "owner", cat: "member"}
    await world.ask(members.add, ben, room_id=room.id, user_ids=[cat])
    await world.send(cat, room.id)
    await heard.until(2)
    assert heard.names == ["member.joined", "message.created"]
    assert (await world.get_room(ann, room.id)).member_count == 3


async def test_unknown_people_are_not_added(world: World):
    ann, stranger = new_id(), new_id()
    world.strangers.add(stranger)
    room = await world.room(ann)
    with refused("not_found"):
        await world.ask(members.add, ann, room_id=room.id, user_ids=[new_id(), stranger])
    assert (await world.get_room(ann, room.id)).rev == room.rev


async def test_moderators_remove_members_and_nobody_above(world: World):
    ann, mod, ben = new_id(), new_id(), new_id()
    room = await world.room(ann, mod, ben)
    await world.ask(members.set_role, ann, room_id=room.id, user_id=mod, role="moderator")
    told = world.hear_user(ben)
    for actor, target in ((ben, mod), (ben, ben), (mod, ann)):
        with refused("forbidden"):
            await world.ask(members.remove, actor, room_id=room.id, user_id=target)
    with refused("not_found"):
        await world.ask(members.remove, mod, room_id=room.id, user_id=new_id())
    await world.ask(members.remove, mod, room_id=room.id, user_id=ben)
    [hint] = await told.until(1)
    assert hint["d"] == {"room_id": room.id, "reason": "removed"}
    with refused("not_found"):
        await world.ask(members.remove, mod, room_id=room.id, user_id=ben)
    with refused("conflict"):
        await world.ask(members.remove, ann, room_id=room.id, user_id=ann)
    await world.ask(members.remove, ann, room_id=room.id, user_id=mod)


async def test_owners_give_roles_and_one_always_stays(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    heard, told = world.hear_room(room.id), world.hear_user(ben)
    with refused("forbidden"):
        await world.ask(members.set_role, ben, room_id=room.id, user_id=ben, role="owner")
    with refused("conflict"):
        await world.ask(members.set_role, ann, room_id=room.id, user_id=ann, role="member")
    promoted = await world.ask(members.set_role, ann, room_id=room.id, user_id=ben, role="owner")
    assert (promoted.role, promoted.rev) == ("owner", room.rev + 1)
    assert await world.ask(members.set_role, ann, room_id=room.id, user_id=ben, role="owner") == promoted
    await world.ask(members.set_role, ben, room_id=room.id, user_id=ann, role="member")
    await heard.until(2)
    assert heard.names == ["member.updated", "member.updated"]
    [hint] = await told.until(1)
    assert (hint["ev"], hint["d"]["role"]) == ("read.updated", "owner")


async def test_members_are_listed_by_user_id_in_pages(world: World):
    ann, *others = sorted(new_id() for _ in range(5))
    room = await world.room(ann, *others)
    await world.ask(members.remove, ann, room_id=room.id, user_id=others[1])
    first = await world.ask(members.list_members, ann, room_id=room.id, limit=2)
    rest = await world.ask(members.list_members, ann, room_id=room.id, limit=2, cursor=first.next_cursor)
    listed = [each.user_id for each in (*first.members, *rest.members)]
    assert listed == [ann, others[0], others[2], others[3]]
    assert rest.next_cursor is None

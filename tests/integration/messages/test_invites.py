"""Invitations by link: who may make them, what they let in, and that a guess learns nothing."""

import asyncio
import base64

import asyncpg
import msgspec
import pytest

from shared.contracts import invites, members, rooms
from shared.contracts.invites import Invite
from shared.contracts.limits import INVITES_PER_ROOM
from shared.errors import ChatError
from shared.ids import new_id
from tests.integration.messages.world import World, refused


async def invite(world: World, user_id: str, room_id: str, **fields: object) -> Invite:
    return await world.ask(invites.create, user_id, room_id=room_id, **fields)


async def codes_in_use(world: World, user_id: str, room_id: str) -> list[Invite]:
    return (await world.ask(invites.list_invites, user_id, room_id=room_id)).invites


async def test_a_link_shows_the_room_and_lets_its_holder_in(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, name="Tea", topic="green")
    await world.send(ann, room.id)
    made = await invite(world, ann, room.id)
    heard = world.hear_room(room.id)
    shown = await world.ask(invites.preview, ben, code=made.code)
    assert (shown.room_id, shown.name, shown.topic, shown.kind, shown.member_count, shown.expires_at) == (
        room.id, "Tea", "green", "private", 1, made.expires_at,
    )  # fmt: skip
    mine = await world.ask(invites.accept, ben, code=made.code)
    assert (mine.user_id, mine.role, mine.unread) == (ben, "member", 0)
    [joined] = await heard.until(1)
    assert (joined["ev"], joined["d"]["user_id"]) == ("member.joined", ben)


async def test_the_code_is_shown_once_fits_into_a_fragment_and_is_stored_hashed(
    world: World, database: asyncpg.Connection
):
    ann = new_id()
    room = await world.room(ann)
    made = await invite(world, ann, room.id, expires_in_s=None, max_uses=3)
    assert made.code is not None
    assert made.code.replace("-", "").replace("_", "").isalnum()
    assert await codes_in_use(world, ann, room.id) == [msgspec.structs.replace(made, code=None)]
    secret = base64.urlsafe_b64decode(made.code)[32:]
    stored = await database.fetchval("SELECT secret_hash FROM messages.invites WHERE id = $1", made.id)
    assert len(stored) == 32
    assert secret not in stored


async def test_unknown_wrong_expired_used_up_and_revoked_links_are_not_found_alike(
    world: World, database: asyncpg.Connection
):
    ann = new_id()
    room = await world.room(ann)
    used, revoked, expired, right = [await invite(world, ann, room.id, max_uses=1) for _ in range(4)]
    await world.ask(invites.accept, new_id(), code=used.code)
    await world.ask(invites.revoke, ann, room_id=room.id, invite_id=revoked.id)
    await database.execute("UPDATE messages.invites SET expires_at = now() WHERE id = $1", expired.id)
    assert right.code is not None
    wrong_secret = right.code[:-2] + ("AA" if right.code[-2:] != "AA" else "BB")
    wrong_room = "A" * 22 + right.code[22:]
    said = set()
    for code in (used.code, revoked.code, expired.code, wrong_secret, wrong_room, "A" * 64):
        for command in (invites.preview, invites.accept):
            with refused("not_found") as caught:
                await world.ask(command, new_id(), code=code)
            said.add(caught.value.encode())
    assert len(said) == 1
    assert [each.id for each in await codes_in_use(world, ann, room.id)] == [right.id]


async def test_uses_are_counted_exactly_when_all_come_at_once(world: World):
    ann = new_id()
    room = await world.room(ann)
    made = await invite(world, ann, room.id, max_uses=5)
    people = [new_id() for _ in range(12)]
    came = await asyncio.gather(
        *(world.ask(invites.accept, user_id, code=made.code) for user_id in people for _ in range(2)),
        return_exceptions=True,
    )
    assert all(isinstance(each, ChatError | rooms.Membership) for each in came)
    assert len(await world.members(ann, room.id)) == 1 + 5


async def test_a_member_accepts_again_without_being_counted(world: World):
    ann, ben = new_id(), new_id()
    room = await world.room(ann)
    made = await invite(world, ann, room.id, max_uses=1)
    first = await world.ask(invites.accept, ben, code=made.code)
    assert await world.ask(invites.accept, ben, code=made.code) == first
    many = await invite(world, ann, room.id)
    await world.ask(invites.accept, ben, code=many.code)
    assert [each.uses for each in await codes_in_use(world, ann, room.id)] == [0]


async def test_members_invite_to_public_rooms_and_moderators_to_private_ones(world: World):
    ann, mod, ben = new_id(), new_id(), new_id()
    public, private = await world.room(ann, ben, kind="public"), await world.room(ann, mod, ben)
    await world.ask(members.set_role, ann, room_id=private.id, user_id=mod, role="moderator")
    await invite(world, ben, public.id)
    await invite(world, mod, private.id)
    for attempt in (invite(world, ben, private.id), codes_in_use(world, ben, private.id)):
        with refused("forbidden"):
            await attempt
    dm = await world.ask(rooms.open_dm, ann, user_ids=[ben])
    with refused("conflict"):
        await invite(world, ann, dm.id)


@pytest.mark.parametrize(("kind", "who"), [("private", "everybody"), ("public", "moderators")])
async def test_a_rooms_setting_says_who_invites(world: World, kind: str, who: str):
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben, kind=kind)
    await world.ask(rooms.update, ann, room_id=room.id, settings={"who_may_invite": who})
    if who == "everybody":
        await invite(world, ben, room.id)
    else:
        with refused("forbidden"):
            await invite(world, ben, room.id)


async def test_a_link_is_ended_by_who_made_it_or_a_moderator(world: World):
    ann, ben, cat = new_id(), new_id(), new_id()
    room = await world.room(ann, ben, cat, kind="public")
    first, second = await invite(world, ben, room.id), await invite(world, ben, room.id)
    with refused("forbidden"):
        await world.ask(invites.revoke, cat, room_id=room.id, invite_id=first.id)
    for _ in range(2):
        await world.ask(invites.revoke, ben, room_id=room.id, invite_id=first.id)
    await world.ask(invites.revoke, ann, room_id=room.id, invite_id=second.id)
    elsewhere = await world.room(ann)
    with refused("not_found"):
        await world.ask(invites.revoke, ann, room_id=elsewhere.id, invite_id=second.id)
    assert await codes_in_use(world, ann, room.id) == []


async def test_an_archived_room_takes_no_guests(world: World):
    ann = new_id()
    room = await world.room(ann)
    made = await invite(world, ann, room.id)
    await world.ask(rooms.archive, ann, room_id=room.id)
    with refused("conflict"):
        await world.ask(invites.accept, new_id(), code=made.code)
    with refused("conflict"):
        await invite(world, ann, room.id)


async def test_a_room_has_a_bounded_number_of_links_and_dead_ones_make_place(world: World):
    ann = new_id()
    room = await world.room(ann)
    made = [await invite(world, ann, room.id) for _ in range(INVITES_PER_ROOM)]
    with refused("conflict"):
        await invite(world, ann, room.id)
    await world.ask(invites.revoke, ann, room_id=room.id, invite_id=made[0].id)
    newest = await invite(world, ann, room.id)
    live = await codes_in_use(world, ann, room.id)
    assert (len(live), live[0].id) == (INVITES_PER_ROOM, newest.id)

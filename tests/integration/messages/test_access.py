"""Who is no member learns nothing, on every path. Driven by the registry: a new command is in it.

A command that needs a value which its type alone does not give has it in `VALUES`; nothing else is listed by
hand but what is open to all, and the commands that name no room.
"""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from shared.contracts import drafts, invites, members, messages, rooms, saved
from shared.contracts.entities import Room
from shared.contracts.registry import Access, Command, iter_commands
from shared.contracts.validation import decode_request
from shared.errors import ChatError
from shared.ids import new_id
from tests.hostile import make_valid
from tests.integration.messages.world import World, refused

Go = Callable[[World, str, str, str], Awaitable[object]]
"""How somebody ceases to be a member: world, room id, an owner, and who goes."""

COMMANDS = [each for each in iter_commands() if each.service == "messages"]
IN_A_ROOM = [each for each in COMMANDS if "room_id" in each.request.__struct_fields__]
MESSAGE_FIELDS = ("message_id", "thread_id", "reply_to")
ON_A_MESSAGE = [
    pytest.param(command, field, id=f"{command.name}-{field}")
    for command in IN_A_ROOM
    for field in MESSAGE_FIELDS
    if field in command.request.__struct_fields__
]
ON_A_MEMBER = [each for each in IN_A_ROOM if "user_id" in each.request.__struct_fields__]
OPEN_TO_ALL = {"rooms.get", "rooms.join"}
ON_SOMEBODY_NOT_HERE = {"members.ban", "members.unban"}
"""They are meant for people who are no members."""
WITHOUT_A_ROOM = {
    "rooms.create", "rooms.open_dm", "rooms.list", "rooms.browse",
    "invites.preview", "invites.accept", "drafts.list", "saved.list",
}  # fmt: skip
"""Each is tried below by somebody who may see nothing."""
VALUES: dict[str, Any] = {"epoch": 1, "user_ids": [new_id()], "emoji": "\N{THUMBS UP SIGN}"}


def request_of(command: Command[Any, Any], room_id: str, **fields: Any) -> dict[str, Any]:
    """Return a complete request on this room: every required field, by its type or from `VALUES`."""
    own = {name: value for name, value in VALUES.items() if name in command.request.__struct_fields__}
    request = make_valid(command) | own | {"room_id": room_id} | fields
    decode_request(command, msgspec.json.encode(request))
    return request


def names(commands: list[Command[Struct, Struct]]) -> list[str]:
    return [each.name for each in commands]


in_a_room = pytest.mark.parametrize("command", IN_A_ROOM, ids=names(IN_A_ROOM))


async def leave(world: World, room_id: str, _owner: str, user_id: str) -> object:
    return await world.ask(rooms.leave, user_id, room_id=room_id)


async def be_removed(world: World, room_id: str, owner: str, user_id: str) -> object:
    return await world.ask(members.remove, owner, room_id=room_id, user_id=user_id)


async def be_banned(world: World, room_id: str, owner: str, user_id: str) -> object:
    return await world.ask(members.ban, owner, room_id=room_id, user_id=user_id)


went = pytest.mark.parametrize("go", [leave, be_removed, be_banned], ids=["left", "removed", "banned"])


async def used_room(world: World, owner: str, *others: str, kind: str) -> Room:
    """A room in which everybody has written."""
    room = await world.room(owner, *others, kind=kind)
    for user_id in (owner, *others):
        await world.send(user_id, room.id)
    return room


@in_a_room
async def test_a_closed_room_does_not_exist_for_outsiders(world: World, command: Command[Any, Any]):
    ann, ben, outsider = new_id(), new_id(), new_id()
    private = await used_room(world, ann, ben, kind="private")
    dm = await world.ask(rooms.open_dm, ann, user_ids=[ben])
    for room_id in (private.id, dm.id, new_id()):
        with refused("not_found"):
            await world.ask(command, outsider, **request_of(command, room_id))
    assert (await world.get_room(ann, private.id)).rev == private.rev + 2


@in_a_room
@went
async def test_a_closed_room_does_not_exist_for_those_who_went(
    world: World, command: Command[Any, Any], go: Go
):
    ann, ben = new_id(), new_id()
    room = await used_room(world, ann, ben, kind="private")
    [own, *_] = (await world.list(ben, room.id, after_seq=1)).messages
    await go(world, room.id, ann, ben)
    before = await world.get_room(ann, room.id)
    known = {field: own.id for field in MESSAGE_FIELDS if field in command.request.__struct_fields__}
    for fields in ({}, known):
        with refused("not_found"):
            await world.ask(command, ben, **request_of(command, room.id, **fields))
    assert await world.get_room(ann, room.id) == before


@in_a_room
async def test_a_public_room_shows_outsiders_itself_and_no_content(world: World, command: Command[Any, Any]):
    ann, outsider = new_id(), new_id()
    room = await used_room(world, ann, kind="public")
    if command.name in OPEN_TO_ALL:
        await world.ask(command, outsider, **request_of(command, room.id))
        return
    with refused("forbidden"):
        await world.ask(command, outsider, **request_of(command, room.id))


@in_a_room
@went
async def test_a_public_room_shows_those_who_went_no_content(
    world: World, command: Command[Any, Any], go: Go
):
    ann, ben = new_id(), new_id()
    room = await used_room(world, ann, ben, kind="public")
    [own, *_] = (await world.list(ben, room.id, after_seq=1)).messages
    await go(world, room.id, ann, ben)
    known = {field: own.id for field in MESSAGE_FIELDS if field in command.request.__struct_fields__}
    request = request_of(command, room.id, **known)
    if command.name == "rooms.get" or (command.name == "rooms.join" and go is not be_banned):
        await world.ask(command, ben, **request)
        return
    with refused("forbidden"):
        await world.ask(command, ben, **request)


@pytest.mark.parametrize(("command", "field"), ON_A_MESSAGE)
async def test_a_message_of_another_room_is_not_found(world: World, command: Command[Any, Any], field: str):
    """For an owner of both rooms: it is not their role that is in the way."""
    ann = new_id()
    room, elsewhere = await world.room(ann), await world.room(ann)
    here, foreign = await world.send(ann, room.id), await world.send(ann, elsewhere.id)
    present = {"message_id": here.id} if "message_id" in command.request.__struct_fields__ else {}
    for message_id in (foreign.id, new_id()):
        with refused("not_found"):
            await world.ask(command, ann, **request_of(command, room.id, **present | {field: message_id}))
    assert (await world.get_room(ann, room.id)).rev == room.rev + 1
    assert (await world.list(ann, elsewhere.id)).messages == [foreign]


@pytest.mark.parametrize("command", ON_A_MEMBER, ids=names(ON_A_MEMBER))
async def test_a_member_of_another_room_is_not_found(world: World, command: Command[Any, Any]):
    ann, ben = new_id(), new_id()
    room, elsewhere = await world.room(ann), await world.room(ann, ben)
    request = request_of(command, room.id, user_id=ben)
    if command.name in ON_SOMEBODY_NOT_HERE:
        await world.ask(command, ann, **request)
    else:
        with refused("not_found"):
            await world.ask(command, ann, **request)
    assert set(await world.members(ben, elsewhere.id)) == {ann, ben}
    assert (await world.get_room(ann, room.id)).rev == room.rev


MODERATED = [each for each in IN_A_ROOM if each.access in {Access.MODERATOR, Access.OWNER}]


@pytest.mark.parametrize("command", MODERATED, ids=names(MODERATED))
async def test_who_is_only_a_member_moderates_nothing(world: World, command: Command[Any, Any]):
    ann, ben, cat = new_id(), new_id(), new_id()
    room = await world.room(ann, ben, cat)
    message = await world.send(ann, room.id)
    known = {"user_id": cat, "message_id": message.id}
    fields = {name: known[name] for name in known if name in command.request.__struct_fields__}
    with refused("forbidden"):
        await world.ask(command, ben, **request_of(command, room.id, **fields))
    assert (await world.get_room(ann, room.id)).rev == room.rev + 1


def test_a_command_without_a_room_is_tried_by_name():
    assert {each.name for each in COMMANDS if each not in IN_A_ROOM} == WITHOUT_A_ROOM


async def test_commands_without_a_room_show_nothing_of_others(world: World):
    """Nor what one kept for oneself in a room that one is no longer in."""
    ann, ben = new_id(), new_id()
    word = new_id()[-8:]
    room = await world.room(ann, ben, name=f"{word} room", topic=word)
    message = await world.send(ben, room.id, word)
    await world.ask(saved.add, ben, room_id=room.id, message_id=message.id)
    await world.ask(drafts.set_draft, ben, room_id=room.id, text=word)
    made = await world.ask(invites.create, ann, room_id=room.id)
    await world.ask(invites.revoke, ann, room_id=room.id, invite_id=made.id)
    await be_removed(world, room.id, ann, ben)
    requests: dict[str, dict[str, Any]] = {
        "rooms.create": {"kind": "private", "name": "x", "id": room.id},
        "rooms.open_dm": {"user_ids": []},
        "rooms.browse": {"q": word},
        "invites.preview": {"code": made.code},
        "invites.accept": {"code": made.code},
    }
    for command in (each for each in COMMANDS if each.name in WITHOUT_A_ROOM):
        try:
            reply = await world.ask(command, ben, **requests.get(command.name, {}))
        except ChatError as refusal:
            shown = refusal.encode()
        else:
            shown = msgspec.json.encode(reply)
        assert word.encode() not in shown, command.name
        assert room.id.encode() not in shown, command.name


async def test_who_sent_when_and_where_is_the_servers_to_say(world: World):
    """The doors refuse these fields (`test_hostile_input`); a service that gets them anyway does not look."""
    ann, ben = new_id(), new_id()
    room = await world.room(ann, ben)
    forged: dict[str, Any] = {
        "sender_id": ann, "user_id": ann, "seq": 99, "rev": 99, "created_at": "2001-01-01T00:00:00.000Z",
        "role": "owner", "reply_count": 7, "pinned_at": "2001-01-01T00:00:00.000Z",
    }  # fmt: skip
    sent = await world.ask(
        messages.send, ben, **forged | {"room_id": room.id, "id": new_id(), "text": "hello"}
    )
    message = sent.message
    assert (message.sender_id, message.seq, message.rev) == (ben, 1, room.rev + 1)
    assert (message.reply_count, message.pinned_at) == (0, None)
    assert message.created_at > room.created_at
    edited = await world.ask(
        messages.edit, ben, **forged | {"room_id": room.id, "message_id": message.id, "text": "x"}
    )
    assert (edited.sender_id, edited.seq, edited.created_at) == (ben, 1, message.created_at)
    public = await world.room(ann, kind="public")
    mine = await world.ask(rooms.join, ben, **forged | {"room_id": public.id})
    assert (mine.user_id, mine.role) == (ben, "member")
    theirs = await world.ask(rooms.create, ben, **forged | {"kind": "private", "name": "x"})
    assert (theirs.created_by, theirs.rev) == (ben, 1)


async def test_an_id_is_one_rooms_own(world: World):
    ann = new_id()
    foreign = await world.send(ann, (await world.room(ann)).id)
    room = await world.room(ann)
    assert (await world.send(ann, room.id, id=foreign.id)).seq == 1


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

"""Bots and scripts at the doors of the running system: what their tokens open, and what they do not."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from shared.api_tokens import create_token
from shared.contracts.registry import Access, Command, Door, iter_commands
from shared.errors import ChatError
from shared.grants import read_scopes
from tests.bots import as_script, make_bot, revoke, with_token
from tests.e2e.test_hostile_input import build_request
from tests.e2e.test_presence import is_online
from tests.e2e.test_stream import streaming
from tests.hostile import HostileCase, make_valid
from tests.stack import Stack
from tests.wire import AT_ONCE_S, WAIT_S, Json, People, Person, Refused, Socket, eventually, new_id

# The ids that valid requests are made of name this room.
NAMED_ROOM = str(make_valid(next(each for each in iter_commands() if each.name == "rooms.get"))["room_id"])
KINDS = {
    "reading": ("read",),
    "writing": ("write",),
    "of another room": ("read", "write", f"rooms:{new_id()}"),
    "of the room named": ("read", "write", f"rooms:{NAMED_ROOM}"),
    "full": ("read", "write"),
}
SIGNED_IN = [each for each in iter_commands() if each.access is not Access.PUBLIC]


@pytest.fixture(scope="module")
async def by_kind(stack: Stack) -> AsyncIterator[dict[str, Person]]:
    """One bot with a token of every kind."""
    async with httpx2.AsyncClient(timeout=WAIT_S) as http:
        owner = await People(stack.gateway_urls, http).register("owner")
        bot = await make_bot(owner)
        yield {kind: await with_token(owner, bot, *scopes) for kind, scopes in KINDS.items()}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", SIGNED_IN, ids=[each.name for each in SIGNED_IN])
async def test_every_command_is_open_to_a_token_as_it_is_classified(
    by_kind: dict[str, Person], command: Command[Any, Any], kind: str
) -> None:
    bot, asked = by_kind[kind], make_valid(command)
    is_open = may(kind, command)
    if Door.REST in command.doors:
        case = HostileCase(command, "valid", json.dumps(asked).encode(), "")
        response = await bot.http.send(build_request(bot, case))
        assert is_scope_refused(response.status_code, response.json()) is not is_open, response.text
    if Door.SOCKET in command.doors:
        async with bot.socket(sync=False) as socket:
            try:
                reply = await socket.call(command.name, asked)
            except Refused as refused:
                reply = {"error": refused.error}
        assert is_scope_refused(403, reply) is not is_open, reply


def may(kind: str, command: Command[Any, Any]) -> bool:
    try:
        read_scopes("", KINDS[kind]).check(command, command.request(**make_valid(command)))
    except ChatError:
        return False
    return True


def is_scope_refused(status: int, body: Any) -> bool:
    error = body.get("error") if isinstance(body, dict) else None
    if status != 403 or not error:
        return False
    return (error["code"], error["details"]) == ("forbidden", {"reason": "scope"})


async def test_a_bot_talks_like_any_member_over_rest_socket_and_stream(stack: Stack, anna: Person) -> None:
    bot = await make_bot(anna, url=stack.gateway_urls[1])
    assert (await bot.rest("GET", "/users/me"))["role"] == "bot"
    with pytest.raises(Refused) as refused:
        await anna.send(await bot.create_room(), "not mine")
    assert refused.value.code == "not_found"

    async with bot.socket() as socket, streaming(bot) as stream, anna.socket() as owner:
        assert socket.ready["d"]["user"]["id"] == bot.id
        room_id = await anna.create_room(members=(bot,))
        # Said before the room is attached to a door, it would come with it.
        for door in (socket, owner):
            await door.wait_for_event("room.added")
        await stream.until(lambda frame: frame.get("ev") == "room.added")
        said = await anna.send(room_id, "hello bot")
        await socket.wait_for_event("message.created", id=said["id"])
        await stream.until(lambda frame: frame.get("ev") == "message.created" and frame["d"] == said)
        answer = await socket.call("messages.send", {"room_id": room_id, "id": new_id(), "text": "hello"})
        heard = await owner.wait_for_event("message.created", id=answer["message"]["id"])
        assert heard["d"]["sender_id"] == bot.id


async def test_a_browser_s_way_to_show_a_token_takes_an_api_token(anna: Person) -> None:
    bot = await make_bot(anna)
    url = bot.url.replace("http", "ws", 1) + "/ws"
    async with connect(url, subprotocols=["chatcraft.v1", f"bearer.{bot.token}"]) as websocket:  # type: ignore[list-item]  # plain strings
        assert websocket.subprotocol == "chatcraft.v1"
        assert json.loads(await websocket.recv())["d"]["user"]["id"] == bot.id


async def test_a_script_acts_as_its_owner_and_no_further(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    script = await as_script(anna)
    message = await script.send(room_id, "from cron")
    assert message["sender_id"] == anna.id
    for request in ("GET /auth/logins", "GET /tokens", "POST /auth/logout", "GET /bots"):
        with pytest.raises(Refused) as refused:
            await script.rest(*request.split())
        assert (refused.value.status, refused.value.code) == (403, "forbidden")


async def test_an_api_token_extends_no_connection(anna: Person) -> None:
    script = await as_script(anna)
    async with anna.socket() as people, script.socket() as by_token:
        for socket, token in ((people, script.token), (by_token, script.token), (by_token, anna.token)):
            with pytest.raises(Refused) as refused:
                await socket.call("auth.reauth", {"access_token": token})
            assert refused.value.code == "forbidden"


async def test_a_token_for_a_room_hears_nothing_of_others(stack: Stack, anna: Person, bert: Person) -> None:
    inside, outside = [await anna.create_room(members=(bert,)) for _ in range(2)]
    script = await as_script(bert, "read", "write", f"rooms:{inside}")
    async with AsyncExitStack() as opened:
        scoped = await opened.enter_async_context(script.socket())
        stream = await opened.enter_async_context(streaming(script))
        plain = await opened.enter_async_context(bert.socket(stack.gateway_urls[0]))
        same_node = await opened.enter_async_context(bert.socket())
        assert [each["room"]["id"] for each in scoped.synced["rooms"]] == [inside]
        synced = await stream.until(lambda frame: "ref" in frame)
        assert [each["room"]["id"] for each in synced["ok"]["rooms"]] == [inside]
        with pytest.raises(Refused) as refused:
            await scoped.call("typing.start", {"room_id": outside})
        assert refused.value.code == "forbidden"
        # Each kind of news in the other room, then the same in its own: what comes, comes in that order.
        third = await anna.create_room(members=(bert,))
        await plain.wait_for_event("room.added")
        await eventually(lambda: is_online(bert))  # until then nobody is told that he types
        for room_id in (third, outside, inside):
            said = await make_news(room_id, anna, bert, plain)
        await bert.rest("POST", f"/rooms/{third}/leave")
        await bert.rest("PUT", f"/rooms/{inside}/notify", {"notify": "none"})
        for socket in (scoped, same_node):
            await socket.wait_for_event("message.created", id=said["id"])
            await socket.wait_for_event("read.updated", room_id=inside, notify="none")
        await same_node.wait_for_event("room.removed", room_id=third)
        for socket in (scoped, same_node):
            await socket.wait_for(
                lambda frame: frame["ev"] == "typing.changed" and frame["room_id"] == inside
            )
            await socket.wait_for_event("draft.updated", room_id=inside)
        await stream.until(lambda frame: frame.get("ev") == "read.updated" and frame["d"]["notify"] == "none")
        heard = json.dumps([scoped.frames, stream.frames])
        assert inside in heard
        assert outside not in heard
        assert third not in heard
        assert third in json.dumps(same_node.frames)
        again = await scoped.call("sync", {"rooms": {outside: {"epoch": 1, "rev": 1}}})
        assert (again["left"], [each["room"]["id"] for each in again["rooms"]]) == ([outside], [inside])


async def make_news(room_id: str, anna: Person, bert: Person, berts: Socket) -> Json:
    """Let there be something of each kind; returns what anna has said."""
    await berts.call("typing.start", {"room_id": room_id})
    said = await anna.send(room_id, f"to {room_id}")
    await berts.call("drafts.set", {"room_id": room_id, "text": "half"})
    await bert.rest("POST", f"/rooms/{room_id}/read", {"seq": 1})
    return said


async def test_without_the_scope_to_read_nothing_is_heard(anna: Person) -> None:
    bot = await make_bot(anna, "write")
    room_id = await anna.create_room(members=(bot,))
    with pytest.raises(Refused) as refused:
        async with streaming(bot):
            pass
    assert (refused.value.status, refused.value.error["details"]) == (403, {"reason": "scope"})
    async with bot.socket(sync=False) as socket:
        with pytest.raises(Refused):
            await socket.call("sync", {"rooms": {}})
        await socket.call("messages.send", {"room_id": room_id, "id": new_id(), "text": "blind"})
        assert socket.frames == []


async def test_a_revoked_token_ends_on_every_node_and_door_at_once(
    stack: Stack, anna: Person, bert: Person
) -> None:
    bot = await make_bot(anna)
    other = await with_token(anna, bot)
    async with AsyncExitStack() as opened:
        sockets = [await opened.enter_async_context(bot.socket(url)) for url in stack.gateway_urls]
        stream = await opened.enter_async_context(streaming(replace(bot, url=stack.gateway_urls[1])))
        kept = await opened.enter_async_context(other.socket())
        for url in stack.gateway_urls:
            await replace(bot, url=url).rest("GET", "/users/me")
        await revoke(anna, bot)
        async with asyncio.timeout(AT_ONCE_S):
            assert [await socket.wait_closed() for socket in sockets] == [4500, 4500]
            closed = await stream.until(lambda frame: frame.get("ev") == "closed")
        assert closed["d"]["code"] == 4500
        assert await kept.call("users.me")
    for url in stack.gateway_urls:
        await assert_refused(replace(bot, url=url))
        await replace(other, url=url).rest("GET", "/users/me")


async def test_a_deleted_bot_is_gone_from_every_node_at_once(stack: Stack, anna: Person) -> None:
    bot = await make_bot(anna)
    async with bot.socket(stack.gateway_urls[0]) as here, bot.socket(stack.gateway_urls[1]) as there:
        await anna.rest("DELETE", f"/bots/{bot.id}")
        async with asyncio.timeout(AT_ONCE_S):
            codes = {await socket.wait_closed() for socket in (here, there)}
        assert codes <= {4500, 4503}
    for url in stack.gateway_urls:
        await assert_refused(replace(bot, url=url))


@pytest.mark.parametrize(
    "token", [pytest.param(create_token(new_id()), id="invented"), "cct_" + "0" * 71, "cct_", "cct_x.y.z"]
)
async def test_an_invented_token_is_refused_at_every_door(anna: Person, token: str) -> None:
    await assert_refused(replace(anna, tokens={"access_token": token}))


async def assert_refused(person: Person) -> None:
    """Assert that all doors answer 401."""
    with pytest.raises(Refused) as refused:
        await person.rest("GET", "/users/me")
    assert (refused.value.status, refused.value.code) == (401, "unauthenticated")
    with pytest.raises(InvalidStatus) as caught:
        async with Socket.open(person.url, person.token):
            pass
    assert caught.value.response.status_code == 401
    with pytest.raises(Refused) as refused:
        async with streaming(person):
            pass
    assert refused.value.status == 401


async def test_the_last_use_of_a_token_is_shown(anna: Person) -> None:
    bot = await make_bot(anna)

    async def read_use() -> Any:
        [shown] = (await anna.rest("GET", f"/bots/{bot.id}/tokens"))["tokens"]
        assert "token" not in shown
        return shown["last_used_at"]

    assert await read_use() is None
    await bot.rest("GET", "/users/me")
    await eventually(read_use)


async def test_no_token_is_in_a_log(stack: Stack, anna: Person) -> None:
    stack.mark_logs()
    bot = await make_bot(anna)
    async with bot.socket() as socket:
        await socket.call("users.me")
    await revoke(anna, bot)
    await assert_refused(bot)
    assert bot.token[26:] not in stack.read_logs()

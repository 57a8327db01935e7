"""The Python client against a running ChatCraft: both doors, events, catching up, presence."""

import asyncio
import contextlib
import re
from pathlib import Path

import pytest

from chatcraft_client import ChatCraftError, Client, Event, find_differences
from shared.contracts import messages
from shared.ids import new_id
from tests.integration.client.conftest import PASSWORD
from tests.wire import WAIT_S

README = Path(__file__).parents[3] / "clients" / "python" / "README.md"


async def read_afresh(client: Client, room_id: str):
    """The room as a client that knows nothing gets it."""
    async with Client(client.urls) as fresh:
        await fresh.resume(client.tokens)
        feed = fresh.events()
        await fresh.connect()
        found = await feed.until(
            lambda event: event.name == "room.synced" and event.room_id == room_id, WAIT_S
        )
        return found.data


async def until_at(client: Client, room_id: str, rev: int) -> None:
    async with asyncio.timeout(30):
        while True:
            if client.state.rooms[room_id].rev >= rev:
                return
            await asyncio.sleep(0.02)


async def test_commands_work_over_rest_before_connecting_and_over_the_socket_after(sign_up):
    ann = await sign_up(is_connected=False)
    room = await ann.rooms.create("Design", topic="colours")
    first = await ann.send(room.id, "over REST")
    assert not ann.is_connected
    await ann.connect()
    assert ann.is_connected
    second = await ann.send(room.id, "over the socket")
    assert (first.seq, second.seq) == (1, 2)
    page = await ann.list_messages(room.id, after_seq=0)
    assert [message.text for message in page.messages] == ["over REST", "over the socket"]


async def test_the_same_id_again_gives_the_stored_message(sign_up):
    ann = await sign_up()
    room = await ann.rooms.create("Twice")
    request = messages.SendMessage(room.id, new_id(), "once")
    first = await ann.call(messages.send, request)
    again = await ann.call(messages.send, request)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.message == first.message


async def test_what_one_writes_the_other_hears_on_another_node(sign_up):
    ann, bob = await sign_up(0), await sign_up(1)
    assert ann.node_id != bob.node_id
    heard = bob.events()
    room = await ann.rooms.open_dm(bob.me.id)
    await heard.until(lambda event: event.name == "room.added", WAIT_S)
    sent = await ann.send(room.id, "hello")
    event = await heard.until(lambda event: event.name == "message.created", WAIT_S)
    assert event.data == sent
    edited = await ann.edit(room.id, sent.id, "hello!")
    assert (await heard.until(lambda event: event.name == "message.updated", WAIT_S)).data == edited
    deleted = await ann.delete(room.id, sent.id)
    assert (await heard.until(lambda event: event.name == "message.deleted", WAIT_S)).data == deleted


async def test_members_join_and_leave_and_what_is_held_equals_a_fresh_snapshot(sign_up):
    ann, bob, eve = await sign_up(0), await sign_up(1), await sign_up(0)
    room = await ann.rooms.create("Everybody")
    assert room.id in [each.id for each in await bob.rooms.browse("Everybody")]
    await bob.rooms.join(room.id)
    await ann.members.add(room.id, eve.me.id)
    await eve.rooms.leave(room.id)
    sent = await bob.send(room.id, f"for <@{ann.me.id}>")
    await until_at(ann, room.id, sent.rev)
    fresh = await read_afresh(ann, room.id)
    assert find_differences(ann.state.rooms[room.id], fresh) == []
    assert fresh.membership.unread == 1
    assert fresh.membership.mentions == 1
    assert {each.user_id for each in await ann.members.list_all(room.id)} == {ann.me.id, bob.me.id}
    await ann.mark_read(room.id, sent.seq)
    fresh = await read_afresh(ann, room.id)
    assert fresh.membership.unread == 0


async def test_a_follower_that_is_cut_again_and_again_misses_and_doubles_nothing(sign_up):
    ann, bob = await sign_up(0), await sign_up(1)
    room = await ann.rooms.create("Stormy")
    await bob.rooms.join(room.id)
    met = bob.new_messages()
    sent = 0
    for burst in range(6):
        for _ in range(15):
            sent += 1
            await ann.send(room.id, f"{sent}", retry_for_s=20)
        bob.cut(bob.urls[burst % len(bob.urls)])
    await ann.send(room.id, "the end", retry_for_s=20)
    async with asyncio.timeout(30):
        texts = [(await anext(met)).text for _ in range(sent + 1)]
    assert texts == [*(str(number) for number in range(1, sent + 1)), "the end"]
    await bob.connect()
    await until_at(bob, room.id, ann.state.rooms[room.id].rev)
    assert find_differences(bob.state.rooms[room.id], await read_afresh(bob, room.id)) == []
    assert (bob.state.gaps, bob.state.repeats) == (0, 0)
    assert bob.connections_made > 1
    await met.aclose()


async def test_who_is_watched_is_seen_to_come_and_go(sign_up):
    ann, bob = await sign_up(0), await sign_up(1, is_connected=False)
    feed = ann.events()
    assert (await ann.watch(bob.me.id))[0].status == "offline"
    await bob.connect()
    await feed.until(lambda event: event.name == "presence.changed" and event.data.status == "online", WAIT_S)
    await bob.presence.set("dnd", "writing")
    changed = await feed.until(
        lambda event: event.name == "presence.changed" and event.data.status == "dnd", WAIT_S
    )
    assert changed.data.text == "writing"
    await bob.disconnect()
    await feed.until(
        lambda event: event.name == "presence.changed" and event.data.status == "offline", WAIT_S
    )


async def test_typing_is_seen_by_the_others(sign_up):
    ann, bob = await sign_up(0), await sign_up(1)
    room = await ann.rooms.open_dm(bob.me.id)
    feed = bob.events()
    async with asyncio.timeout(30):
        while room.id not in bob.state.rooms:
            await feed.until(lambda event: event.name == "room.added", WAIT_S)
    # Of who is not known to be visible yet nobody is told, and nobody can see when that is.
    async with asyncio.timeout(30):
        while True:
            await ann.type_in(room.id)
            with contextlib.suppress(TimeoutError):
                typing = await feed.until(lambda event: event.name == "typing.changed", timeout_s=0.5)
                break
    assert typing.data.user_id == ann.me.id


async def test_a_refusal_has_the_protocols_code_on_both_doors(sign_up):
    ann, bob = await sign_up(), await sign_up(is_connected=False)
    secret = await ann.rooms.create("Secret", "private")
    for stranger in (bob, await sign_up()):
        with pytest.raises(ChatCraftError) as refusal:
            await stranger.send(secret.id, "let me in")
        assert refusal.value.code == "not_found"
    with pytest.raises(ChatCraftError) as refusal:
        await ann.send(secret.id, "")
    assert refusal.value.code == "invalid_input"
    assert refusal.value.details["fields"][0]["path"] == "text"


async def test_a_login_is_resumed_from_its_file_and_ends_with_logout(sign_up, tmp_path):
    file = tmp_path / "login.json"
    ann = await sign_up(is_connected=False, token_file=file)
    async with Client(ann.urls, token_file=file) as later:
        assert (await later.resume()).id == ann.me.id
        await later.connect()
        await later.logout()
        assert not file.exists()
        with pytest.raises(ChatCraftError):
            await later.users.me()


async def test_a_login_that_is_ended_elsewhere_ends_the_session(sign_up):
    ann = await sign_up()
    feed = ann.events()
    async with Client(ann.urls) as other:
        await other.resume(ann.tokens)
        await other.logout()
    with pytest.raises(ChatCraftError):
        await feed.until(lambda _event: False, WAIT_S)


async def test_the_bot_of_the_readme_echoes(sign_up, stack):
    ann, bot = await sign_up(), await sign_up(is_connected=False)
    [source] = re.findall(r"```python\n(import asyncio\n.*?)```", README.read_text(), re.DOTALL)
    source = source.replace("http://localhost:8080", stack.gateway_urls[1])
    source = source.replace('"echo", "a long password"', f'"{bot.me.username}", "{PASSWORD}"')
    names: dict[str, object] = {}
    exec(source.replace("asyncio.run(main())", ""), names)
    running = asyncio.ensure_future(names["main"]())
    try:
        feed = ann.events()
        room = await ann.rooms.open_dm(bot.me.id)
        # What is written before the bot has synced is history to it, and nobody can see when that is.
        async with asyncio.timeout(30):
            while True:
                await ann.send(room.id, "hello")
                with contextlib.suppress(TimeoutError):
                    await feed.until(lambda event: _is_text(event, "echo: hello"), timeout_s=0.5)
                    break
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _is_text(event: Event, text: str) -> bool:
    return event.name == "message.created" and event.data.text == text

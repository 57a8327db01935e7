"""Cuts, orders and close codes as the client meets them, against a server of a few lines."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from chatcraft_client import ROOM_SYNCED, ChatCraftError, Client, find_differences
from chatcraft_client import session as session_module
from shared.contracts import auth, messages, presence
from shared.contracts.auth import Refreshed
from shared.contracts.entities import Empty, Presence, Tokens
from shared.contracts.presence import Presences
from tests.unit.client.fake_server import FakeServer, fake_server
from tests.unit.client.shapes import ME, ROOM, encode_event, user_id

LONG = Tokens("first", 900, "refresh-1")


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for jitter."""
    monkeypatch.setattr(session_module, "jitter_s", lambda _attempt: 0.01)
    monkeypatch.setattr("chatcraft_client.backoff.FIRST_DELAY_S", 0.01)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with fake_server() as running:
        yield running


@asynccontextmanager
async def following(*urls: str, tokens: Tokens = LONG) -> AsyncIterator[Client]:
    async with Client(urls, timeout_s=5) as client:
        client._credentials.take(tokens)
        await client.connect(timeout_s=10)
        yield client


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while True:
            if is_so():
                return
            await asyncio.sleep(0.005)


def refreshes_to(client: Client, monkeypatch: pytest.MonkeyPatch, *access_tokens: str) -> list[str | None]:
    """Let the REST door refresh to these; returns the list of refresh tokens that were used."""
    used: list[str | None] = []
    left = list(access_tokens)

    async def call(command: object, request: auth.Refresh, _token: str | None) -> Refreshed:
        assert command is auth.refresh
        used.append(request.refresh_token)
        return Refreshed(Tokens(left.pop(0), 900, f"refresh-{len(used) + 1}"))

    monkeypatch.setattr(client._rest, "call", call)
    return used


async def test_an_event_right_behind_the_sync_reply_is_not_lost(server):
    sync = server._sync

    def answer(asked):
        reply = sync(asked)
        event = encode_event(server.room.send(user_id(2)))
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: loop.create_task(server.broadcast(event)))
        return reply

    server.answers["sync"] = answer
    async with following(server.url) as client:
        await until(lambda: client.state.rooms[ROOM].room.last_seq == 1)
        assert (client.state.gaps, client.state.repeats) == (0, 0)


async def test_pages_of_sync_repeat_the_request_with_the_cursor(server):
    sync = server._sync
    pages = iter(["page-2", "page-3", None])

    def answer(asked):
        reply = sync(asked)
        reply["ok"] = {"rooms": reply["ok"].rooms, "left": [], "next_cursor": next(pages)}
        return reply

    server.answers["sync"] = answer
    async with following(server.url):
        asked = server.received("sync")
        assert [each["cursor"] for each in asked] == [None, "page-2", "page-3"]
        assert all(each["rooms"] == asked[0]["rooms"] for each in asked)


async def test_after_a_cut_the_client_comes_back_and_is_whole(server):
    async with following(server.url) as client:
        feed = client.events()
        for _ in range(3):
            server.room.send(user_id(2))  # and nobody is told
        client.cut()
        event = await feed.until(lambda event: event.name == ROOM_SYNCED)
        assert [message.seq for message in event.new_messages] == [1, 2, 3]
        assert find_differences(client.state.rooms[ROOM], server.room.element()) == []
        assert server.received("sync")[1]["rooms"] == {ROOM: {"epoch": 1, "rev": 1}}


async def test_each_reconnect_goes_to_the_next_address(server):
    async with fake_server() as other, following(server.url, other.url) as client:
        assert len(server.sockets) == 1
        client.cut()
        await until(lambda: len(other.sockets) == 1)
        await client.connect()
        client.cut(other.url)
        await until(lambda: client.connections_made == 3)
        assert (len(server.tokens), len(other.tokens)) == (1, 2)


async def test_a_room_reset_asks_for_that_room_alone_and_anew(server):
    async with following(server.url) as client:
        feed = client.events()
        await server.broadcast(b'{"ev":"room.reset","user_rev":1,"d":{"room_id":"%b"}}' % ROOM.encode())
        await feed.until(lambda event: event.name == ROOM_SYNCED)
        assert server.received("sync")[1] == {
            "rooms": {ROOM: {"epoch": 0, "rev": 0}},
            "cursor": None,
            "only": True,
        }
        assert not client.state.rooms[ROOM].is_awaited


async def test_a_command_whose_connection_breaks_is_disconnected_and_sent_again_if_asked(server):
    async with following(server.url) as client:
        pending = asyncio.create_task(client.send(ROOM, "hi"))
        await until(lambda: len(server.received("messages.send")) == 1)
        client.cut()
        with pytest.raises(ChatCraftError) as lost:
            await pending
        assert lost.value.code == "disconnected"

        await client.connect()
        retried = asyncio.create_task(client.send(ROOM, "again", id=user_id(9), retry_for_s=10))
        await until(lambda: len(server.received("messages.send")) == 2)
        client.cut()
        # Whatever REST says meanwhile (there is none here), the retry lands on the next connection.
        server.answers["messages.send"] = lambda asked: {
            "ok": messages.SentMessage(server.room.send(text=asked["text"]).data, duplicate=False)
        }
        assert (await retried).text == "again"
        assert {each["id"] for each in server.received("messages.send")[1:]} == {user_id(9)}


async def test_a_refusal_carries_the_servers_words(server):
    server.answers["messages.send"] = lambda _asked: {
        "error": {"code": "rate_limited", "message": "slow down", "retry_after_ms": 70, "details": {}}
    }
    async with following(server.url) as client:
        with pytest.raises(ChatCraftError) as refusal:
            await client.send(ROOM, "hi")
        assert (refusal.value.code, refusal.value.retry_after_ms) == ("rate_limited", 70)
        assert refusal.value.is_retryable


async def test_a_final_close_code_ends_session_and_feeds(server):
    async with following(server.url) as client:
        feed = client.events()
        await server.close_all(4500)
        with pytest.raises(ChatCraftError, match="unauthenticated"):
            await feed.until(lambda _event: False)
        with pytest.raises(ChatCraftError):
            await anext(client.events())
        assert len(server.tokens) == 1


async def test_an_expired_token_is_refreshed_before_coming_back(server, monkeypatch):
    async with following(server.url) as client:
        used = refreshes_to(client, monkeypatch, "second")
        await server.close_all(4003)
        await until(lambda: client.connections_made == 2)
        assert server.tokens == ["first", "second"]
        assert used == ["refresh-1"]


async def test_a_refused_handshake_refreshes_and_a_full_node_is_tried_again(server, monkeypatch):
    server.refused_handshakes = [503, 401]
    async with Client(server.url) as client:
        client._credentials.take(LONG)
        refreshes_to(client, monkeypatch, "second")
        await client.connect()
        assert server.tokens == ["second"]


async def test_a_login_that_cannot_be_refreshed_ends_the_session(server, monkeypatch):
    async with Client(server.url) as client:
        client._credentials.take(Tokens("stale", 0, "spent"))

        async def refuse(*_args):
            raise ChatCraftError("unauthenticated", "this login has ended")

        monkeypatch.setattr(client._rest, "call", refuse)
        with pytest.raises(ChatCraftError, match="this login has ended"):
            await client.connect()


async def test_a_fresh_token_is_handed_in_before_the_old_one_ends(server, monkeypatch):
    server.answers["auth.reauth"] = lambda _asked: {"ok": Empty()}
    async with Client(server.url) as client:
        client._credentials.take(Tokens("short", 1, "refresh-1"))
        refreshes_to(client, monkeypatch, "fresh")
        await client.connect()
        await until(lambda: server.received("auth.reauth") == [{"access_token": "fresh"}])
        assert len(server.tokens) == 1


async def test_many_who_need_a_token_refresh_once(server, monkeypatch):
    async with following(server.url) as client:
        used = refreshes_to(client, monkeypatch, "second", "third")
        got = await asyncio.gather(*(client._credentials.refresh("first") for _ in range(20)))
        assert (set(got), used) == ({"second"}, ["refresh-1"])


async def test_what_one_looks_at_is_said_on_each_connection_before_it_syncs(server):
    server.answers["rooms.focus"] = lambda _asked: {"ok": Empty()}
    async with following(server.url) as client:
        assert server.received("rooms.focus") == []
        await client.focus(ROOM)
        client.cut()
        await until(lambda: client.connections_made == 2)
        assert [command["op"] for command in server.commands] == [
            "sync",
            "rooms.focus",
            "rooms.focus",
            "sync",
        ]
        assert server.received("rooms.focus") == [{"room_ids": [ROOM]}] * 2


async def test_an_older_server_that_knows_no_focus_is_followed_all_the_same(server):
    error = {"code": "unknown_op", "message": "there is no such op", "retry_after_ms": None, "details": {}}
    server.answers["rooms.focus"] = lambda _asked: {"error": error}
    async with following(server.url) as client:
        await client.focus(ROOM)
        client.cut()
        await until(lambda: client.connections_made == 2)


async def test_whom_one_watches_is_watched_on_the_next_connection_too(server):
    shown = iter(["online", "away"])

    def answer(asked):
        status = next(shown)
        return {"ok": Presences([Presence(each, status, "", None) for each in asked["user_ids"]])}

    server.answers["presence.watch"] = answer
    async with following(server.url) as client:
        assert (await client.watch(ME))[0].status == "online"
        feed = client.events()
        client.cut()
        changed = await feed.until(lambda event: event.name == "presence.changed")
        assert (changed.data.status, client.state.presences[ME].status) == ("away", "away")


async def test_frames_that_nobody_understands_do_not_break_the_connection(server):
    async with following(server.url) as client:
        await server.broadcast(b'{"ev":"brand.new","d":{"x":1},"more":true}')
        await server.broadcast(b'{"ev":"presence.changed","d":{"user_id":7}}')
        await server.broadcast(b'{"ref":123456,"ok":{}}')
        await server.broadcast(encode_event(server.room.send(user_id(2))))
        await until(lambda: client.state.rooms[ROOM].room.last_seq == 1)
        assert client.connections_made == 1


async def test_a_command_without_rest_door_needs_the_connection():
    async with Client("http://127.0.0.1:1") as client:
        with pytest.raises(ChatCraftError, match="needs the connection"):
            await client.call(presence.typing_start, presence.Typing(ROOM))


async def test_messages_are_met_once_each_across_cuts(server):
    async with following(server.url) as client:
        met = client.new_messages()
        await server.broadcast(encode_event(server.room.send(user_id(2), "one")))
        await until(lambda: client.state.rooms[ROOM].room.last_seq == 1)
        server.room.send(user_id(2), "two")  # and nobody is told
        client.cut()
        # A server sends no events before the answer to `sync`.
        await until(lambda: client.state.rooms[ROOM].room.last_seq == 2)
        await until(lambda: len(server.sockets) == 1)
        await server.broadcast(encode_event(server.room.send(user_id(2), "three")))
        async with asyncio.timeout(30):
            assert [(await anext(met)).text for _ in range(3)] == ["one", "two", "three"]
        await met.aclose()


async def test_the_login_is_kept_in_a_private_file(server, tmp_path, monkeypatch):
    file = tmp_path / "login.json"
    async with Client(server.url, token_file=file) as client:
        client._credentials.take(LONG)
    assert file.stat().st_mode & 0o777 == 0o600
    async with Client(server.url, token_file=file) as client:
        assert client._credentials.load()
        used = refreshes_to(client, monkeypatch, "second")
        await client.connect()
        assert used == ["refresh-1"]
    assert b"second" in file.read_bytes()

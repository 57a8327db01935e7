"""The socket's door: who gets in, what is answered, and with which code it closes."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.stack import Stack
from tests.wire import WAIT_S, People, Person, Refused, Socket, new_id


def ws(person: Person) -> str:
    return person.url.replace("http", "ws", 1) + "/ws"


async def refused_with(address: str, **options: Any) -> int:
    with pytest.raises(InvalidStatus) as caught:
        await connect(address, **options)
    assert json.loads(caught.value.response.body)["error"]["code"]
    return caught.value.response.status_code


async def test_the_first_frame_is_ready_with_me_and_the_limits(anna: Person) -> None:
    async with anna.socket(sync=False) as socket:
        assert socket.ready["ev"] == "ready"
        d = socket.ready["d"]
        assert d["user"]["id"] == anna.id
        assert d["user"]["email"] is None
        assert set(d) == {"user", "login_id", "node_id", "server_at", "limits"}
        assert d["limits"]["frame_bytes"] == 262_144


async def test_a_browser_offers_its_token_as_a_subprotocol(anna: Person) -> None:
    offered = ["chatcraft.v1", f"bearer.{anna.token}"]
    async with connect(ws(anna), subprotocols=offered) as socket:  # type: ignore[arg-type]  # plain strings do
        assert socket.subprotocol == "chatcraft.v1"
        assert json.loads(await socket.recv())["ev"] == "ready"


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "bearer"])
async def test_a_bad_token_is_401_before_the_upgrade(anna: Person, token: str) -> None:
    assert await refused_with(ws(anna), additional_headers={"Authorization": f"Bearer {token}"}) == 401


async def test_no_token_is_401_and_one_in_the_url_counts_for_nothing(anna: Person) -> None:
    assert await refused_with(ws(anna)) == 401
    assert await refused_with(f"{ws(anna)}?token={anna.token}&access_token={anna.token}") == 401


@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1:1"]
)
async def test_a_foreign_origin_is_403(anna: Person, origin: str) -> None:
    headers = {"Authorization": f"Bearer {anna.token}", "Origin": origin}
    assert await refused_with(ws(anna), additional_headers=headers) == 403


async def test_the_own_origin_is_welcome(anna: Person) -> None:
    headers = {"Authorization": f"Bearer {anna.token}", "Origin": anna.url}
    async with connect(ws(anna), additional_headers=headers) as socket:
        assert json.loads(await socket.recv())["ev"] == "ready"


async def test_an_unknown_op_is_answered(anna: Person) -> None:
    async with anna.socket(sync=False) as socket:
        with pytest.raises(Refused) as caught:
            await socket.call("rooms.explode")
        assert caught.value.code == "unknown_op"


@pytest.mark.parametrize(
    "frame",
    [{"ref": 4}, {"ref": 4, "op": "sync", "d": []}, {"ref": 4, "op": "sync", "d": None}, {"ref": 4, "op": 1}],
)
async def test_a_usable_ref_is_answered_with_bad_frame(anna: Person, frame: Any) -> None:
    async with connect(ws(anna), additional_headers={"Authorization": f"Bearer {anna.token}"}) as socket:
        await socket.recv()
        await socket.send(json.dumps(frame))
        reply = json.loads(await socket.recv())
        assert reply["ref"] == 4
        assert reply["error"]["code"] == "bad_frame"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ("[]", 4501),
        ("{", 4501),
        ('{"op":"sync"}', 4501),
        ('{"op":"sync","ref":0}', 4501),
        (b"{}", 1003),
        ('{"op":"sync","ref":1,"d":{"x":"%s"}}' % ("x" * 262_144), 1009),
    ],
)
async def test_what_cannot_be_answered_closes_with_its_code(anna: Person, data: Any, code: int) -> None:
    async with connect(ws(anna), additional_headers={"Authorization": f"Bearer {anna.token}"}) as socket:
        await socket.recv()
        await socket.send(data)
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), WAIT_S)
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == code


async def test_an_error_names_the_field(anna: Person) -> None:
    async with anna.socket(sync=False) as socket:
        with pytest.raises(Refused) as caught:
            await socket.call("messages.send", {"room_id": "x", "id": new_id(), "text": "hi"})
        assert caught.value.code == "invalid_input"
        assert caught.value.error["details"]["fields"][0]["path"] == "room_id"


async def test_reauth_takes_a_token_of_the_same_login_only(anna: Person, bert: Person) -> None:
    async with anna.socket(sync=False) as socket:
        refreshed = await anna.rest("POST", "/auth/refresh", {"refresh_token": anna.tokens["refresh_token"]})
        assert await socket.call("auth.reauth", {"access_token": refreshed["tokens"]["access_token"]}) == {}
        with pytest.raises(Refused) as caught:
            await socket.call("auth.reauth", {"access_token": bert.token})
        assert caught.value.code == "forbidden"


async def test_logout_is_answered_and_then_closes_this_login_on_every_node(
    stack: Stack, anna: Person
) -> None:
    async with anna.socket(sync=False) as here, anna.socket(stack.gateway_urls[1], sync=False) as there:
        assert await here.call("auth.logout") == {}
        assert await here.wait_closed() == 4500
        assert await there.wait_closed() == 4500
    with pytest.raises(Refused) as caught:
        await anna.rest("GET", "/users/me")
    assert caught.value.status == 401


async def test_one_connection_too_many_of_a_user_is_closed(anna: Person) -> None:
    async with asyncio.timeout(2 * WAIT_S):
        sockets = [
            await connect(ws(anna), additional_headers={"Authorization": f"Bearer {anna.token}"})
            for _ in range(20)
        ]
        newcomer = await connect(ws(anna), additional_headers={"Authorization": f"Bearer {anna.token}"})
        with pytest.raises(ConnectionClosed) as caught:
            await newcomer.recv()
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 4502
        for socket in sockets:
            assert json.loads(await socket.recv())["ev"] == "ready"
            await socket.close()


async def test_before_sync_no_room_event_arrives(people: People, anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with bert.socket(sync=False) as silent, bert.socket() as synced:
        await anna.send(room_id, "hello")
        await synced.wait_for_event("message.created", text="hello")
        assert silent.of_room(room_id) == []


async def test_commands_of_one_room_take_effect_in_the_order_sent(anna: Person) -> None:
    room_id = await anna.create_room()
    async with anna.socket() as socket:
        sends = [
            socket.start("messages.send", {"room_id": room_id, "id": new_id(), "text": f"m{index}"})
            for index in range(50)
        ]
        sent = await asyncio.gather(*sends)
        assert [
            each["message"]["text"] for each in sorted(sent, key=lambda each: each["message"]["seq"])
        ] == [f"m{index}" for index in range(50)]


async def test_a_flood_is_refused_and_then_closed(stack_factory: Any) -> None:
    import httpx2

    env = {"CHATCRAFT_GATEWAY_RATE_FACTOR": "1"}
    async with (
        stack_factory(counts={"gateway": 1, "messages": 1}, env=env) as own,
        httpx2.AsyncClient(timeout=WAIT_S) as http,
    ):
        anna = await People(own.gateway_urls, http).register("anna")
        async with Socket.open(own.gateway_urls[0], anna.token) as socket:
            answers = [socket.start("users.me") for _ in range(500)]
            assert await socket.wait_closed() == 4004
            done = await asyncio.gather(*answers, return_exceptions=True)
            refused = [each for each in done if isinstance(each, Refused)]
            assert len(refused) >= 290
            assert {each.code for each in refused} == {"rate_limited"}
            assert all(each.error["retry_after_ms"] > 0 for each in refused)

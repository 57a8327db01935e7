"""One suite, both transports: a connection behaves alike detached from uvicorn and on plain ASGI."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from services.gateway import detach
from services.gateway.frames import text_frame
from services.gateway.outlet import fan_out
from shared.contracts.close_codes import CloseCode
from tests.transports import FRAME_BYTES_MAX, RecordingNode, serving


@pytest.fixture(params=["detached", "asgi"])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[RecordingNode, ClientConnection]]:
    node = RecordingNode()
    async with serving(request.param, node) as port, connect(f"ws://127.0.0.1:{port}/ws") as client:
        await node.opened.wait()
        yield node, client


async def fill(node: RecordingNode) -> None:
    """Write to a peer that does not read until it counts as slow."""
    frame = text_frame(b"x" * 60_000)
    async with asyncio.timeout(30):
        while "slow" not in node.news:
            fan_out([node.connection.outlet], frame)
            await asyncio.sleep(0)


def write_both_ways(node: RecordingNode) -> None:
    node.connection.write(text_frame(b"{}"))
    fan_out([node.connection.outlet], text_frame(b"{}"))


async def receive_close(client: ClientConnection) -> int:
    """Read to the end and return the server's close code."""
    async with asyncio.timeout(30):
        with suppress(ConnectionClosed):
            while True:
                await client.recv()
    assert client.close_code is not None
    return client.close_code


async def test_a_command_is_answered_by_its_ref(pair: Any) -> None:
    node, client = pair
    await client.send('{"op":"users.me","ref":5}')
    assert json.loads(await client.recv()) == {"ref": 5, "ok": {}}
    assert node.frames[0].op == "users.me"


async def test_commands_arrive_in_the_order_sent(pair: Any) -> None:
    _, client = pair
    for ref in range(1, 51):
        await client.send(json.dumps({"op": "users.me", "ref": ref}))
    assert [json.loads(await client.recv())["ref"] for _ in range(50)] == list(range(1, 51))


async def test_a_message_in_fragments_is_one_message(pair: Any) -> None:
    _, client = pair
    await client.send(['{"op":"us', 'ers.me",', '"ref":9}'])
    assert json.loads(await client.recv()) == {"ref": 9, "ok": {}}


async def test_several_frames_in_one_write_arrive_as_several_messages(pair: Any) -> None:
    node, client = pair
    node.connection.write(text_frame(b'{"a":1}') + text_frame(b'{"b":2}'))
    assert [await client.recv(), await client.recv()] == ['{"a":1}', '{"b":2}']


async def test_text_that_is_no_object_closes_with_protocol_violation(pair: Any) -> None:
    node, client = pair
    await client.send("[]")
    assert await receive_close(client) == CloseCode.PROTOCOL_VIOLATION
    await node.wait_for("closed")


async def test_a_binary_message_closes_with_1003(pair: Any) -> None:
    _, client = pair
    await client.send(b'{"op":"users.me","ref":1}')
    assert await receive_close(client) == CloseCode.UNSUPPORTED_DATA


async def test_a_message_above_the_limit_closes_with_1009(pair: Any) -> None:
    _, client = pair
    await client.send('{"op":"users.me","ref":1,"d":{"x":"%s"}}' % ("y" * FRAME_BYTES_MAX))
    assert await receive_close(client) == CloseCode.TOO_BIG


async def test_text_that_is_not_utf8_closes_with_1007(pair: Any) -> None:
    _, client = pair
    await client.send(b"\xff\xfe", text=True)
    assert await receive_close(client) == CloseCode.INVALID_DATA


async def test_the_servers_close_code_reaches_the_client(pair: Any) -> None:
    node, client = pair
    node.connection.close(CloseCode.LOGIN_ENDED, "this login has ended")
    assert await receive_close(client) == CloseCode.LOGIN_ENDED
    await node.wait_for("closed")


async def test_what_was_sent_before_a_close_arrives_before_it(pair: Any) -> None:
    node, client = pair
    node.connection.send(b'{"last":true}')
    node.connection.close(CloseCode.DRAINING)
    assert await client.recv() == '{"last":true}'
    assert await receive_close(client) == CloseCode.DRAINING


async def test_a_client_that_goes_is_reported_once(pair: Any) -> None:
    node, client = pair
    await client.close()
    await node.wait_for("closed")
    assert node.news.count("closed") == 1


async def test_a_client_that_vanishes_is_reported_once(pair: Any) -> None:
    node, client = pair
    client.transport.abort()
    await node.wait_for("closed")
    assert node.news.count("closed") == 1


async def test_a_reader_that_stops_is_slow_until_it_has_drained(pair: Any) -> None:
    node, client = pair
    client.transport.pause_reading()
    await fill(node)
    assert not node.connection.can_take
    client.transport.resume_reading()
    reading = asyncio.create_task(receive_close(client))
    await node.wait_for("drained")
    assert node.connection.can_take
    node.connection.close(CloseCode.NORMAL)
    assert await reading == CloseCode.NORMAL


async def test_who_reads_again_soon_after_being_closed_as_slow_learns_why(
    pair: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The close lies behind all that is unread, and has longer than any other."""
    monkeypatch.setattr(detach, "_CLOSE_WAIT_S", 0.2)
    node, client = pair
    client.transport.pause_reading()
    await fill(node)
    node.connection.close(CloseCode.SLOW_CONSUMER)
    await asyncio.sleep(0.6)  # the fault itself: for so long it still reads nothing
    client.transport.resume_reading()
    assert await receive_close(client) == CloseCode.SLOW_CONSUMER


async def test_who_does_not_even_take_the_close_is_let_go(pair: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detach, "_CLOSE_WAIT_S", 0.2)
    node, client = pair
    client.transport.pause_reading()
    await fill(node)
    node.connection.close(CloseCode.LOGIN_ENDED)
    await node.wait_for("closed")
    client.transport.abort()


async def test_an_event_stream_that_nobody_reads_is_let_go_with_its_socket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(detach, "_CLOSE_WAIT_S", 0.2)
    node = RecordingNode()
    async with serving("detached", node) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1_024)
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        await node.opened.wait()
        await fill(node)
        node.connection.close(CloseCode.LOGIN_ENDED)
        await node.wait_for("closed")
        async with asyncio.timeout(30):
            while await reader.read(65_536):
                pass  # what the kernel holds; then the end
        writer.close()


async def test_writing_to_a_connection_that_closes_or_has_closed_harms_nothing(pair: Any) -> None:
    """A fan-out may be walking over it: an exception would cost its neighbours the event."""
    node, client = pair
    reading = asyncio.create_task(receive_close(client))
    node.connection.close(CloseCode.NORMAL)
    while "closed" not in node.news:
        write_both_ways(node)
        await asyncio.sleep(0)
    write_both_ways(node)
    assert await reading == CloseCode.NORMAL


async def test_writing_while_the_peer_closes_harms_nothing(pair: Any) -> None:
    node, client = pair
    closing = asyncio.create_task(client.close(1001))
    while "closed" not in node.news:
        write_both_ways(node)
        await asyncio.sleep(0)
    await closing
    assert client.close_code == 1001


@pytest.mark.parametrize("is_full", [False, True])
async def test_nothing_follows_a_close_frame(pair: Any, is_full: bool) -> None:
    """RFC 6455, section 5.5.1; the room may not have let go of the connection yet."""
    node, client = pair
    received = bytearray()
    client.protocol.receive_data = received.extend
    if is_full:
        client.transport.pause_reading()
        await fill(node)
    node.connection.close(CloseCode.DRAINING, "bye")
    client.transport.resume_reading()
    close_frame = b"\x88\x05" + int(CloseCode.DRAINING).to_bytes(2) + b"bye"
    async with asyncio.timeout(30):
        while close_frame not in received:
            write_both_ways(node)
            await asyncio.sleep(0)
    write_both_ways(node)
    client.transport.write(b"\x88\x80\0\0\0\0")
    await node.wait_for("closed")
    await client.wait_closed()
    assert received.endswith(close_frame)


async def test_what_comes_for_one_who_has_gone_reaches_nobody_else() -> None:
    """A socket that is closed leaves its number to the next one."""
    node = RecordingNode()
    async with serving("detached", node) as port:
        async with connect(f"ws://127.0.0.1:{port}/ws"):
            await node.opened.wait()
            gone = node.connection
            gone.abort()
            await node.wait_for("closed")
        for _ in range(3):
            node.opened.clear()
            async with connect(f"ws://127.0.0.1:{port}/ws") as client:
                await node.opened.wait()
                fan_out([gone.outlet], text_frame(b"not for you"))
                await client.send('{"op":"users.me","ref":1}')
                assert await client.recv() == '{"ref":1,"ok":{}}'

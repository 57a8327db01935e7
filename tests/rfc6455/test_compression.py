"""permessage-deflate (RFC 7692) as the option that it is: off, on, and against bombs."""

import asyncio
import json
import zlib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from deploy.local.data_dir import DataDir
from services.gateway.compression import Deflater
from services.gateway.frames import text_frame
from tests.rfc6455.raw_socket import (
    CLOSE,
    CONT,
    FIN,
    PING,
    RSV1,
    TEXT,
    RawSocket,
    command,
    fragments,
    frame,
    open_raw,
)  # fmt: skip
from tests.stack import Stack
from tests.wire import People, Person

LIMIT = 262_144
OFFER = "permessage-deflate; client_max_window_bits"
ACCEPTED = {"permessage-deflate", "server_no_context_takeover", "client_no_context_takeover"}


@pytest.fixture(scope="module")
async def compressing(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    env = {"CHATCRAFT_GATEWAY_COMPRESSION": "on"}
    counts = {"gateway": 1, "messages": 1}
    with DataDir.open(tmp_path_factory.mktemp("compressing") / "data") as data_dir:
        async with Stack("compressing", data_dir, counts=counts, env=env) as running:
            yield running


@pytest.fixture(scope="module")
async def carl(compressing: Stack, http: httpx2.AsyncClient) -> Person:
    return await People(compressing.gateway_urls, http).register("carl")


def deflate(data: bytes) -> bytes:
    compressor = zlib.compressobj(wbits=-12)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)).removesuffix(b"\x00\x00\xff\xff")


async def read_event(raw: RawSocket, ev: str) -> tuple[int, dict]:
    """Return the first byte and the inflated frame of an event."""
    while (each := await raw.read_frame()) is not None:
        found = json.loads(each.text)
        if found.get("ev") == ev:
            return each.first, found
    raise AssertionError("the connection ended first")


async def test_it_is_off_unless_asked_for(anna: Person):
    async with open_raw(anna, Sec_WebSocket_Extensions=OFFER) as raw:
        assert raw.answer == b""
        raw.send(frame(TEXT, deflate(command(1)), rsv=RSV1))
        assert [each.code for each in await raw.read_all()] == [1002]


@pytest.mark.parametrize(
    ("offer", "is_accepted"),
    [
        ("permessage-deflate", True),
        (OFFER, True),
        ("permessage-deflate; server_max_window_bits=12", True),
        ("permessage-deflate; server_max_window_bits=10", False),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", True),
        ("permessage-deflate; server_max_window_bits=99", False),
        ("permessage-deflate; unknown_parameter", False),
        ("x-webkit-deflate-frame", False),
    ],
)
async def test_only_what_can_be_shared_is_agreed_upon(carl: Person, offer: str, is_accepted: bool):
    async with open_raw(carl, Sec_WebSocket_Extensions=offer) as raw:
        agreed = {each.strip() for each in raw.answer.decode().split(";")}
        assert (agreed >= ACCEPTED) is is_accepted
        assert await raw.is_alive()


async def test_an_event_reaches_those_who_agreed_deflated_and_the_others_plain(carl: Person):
    room_id = await carl.create_room()
    sync = b'{"op":"sync","ref":1,"d":{"rooms":{}}}'
    async with (
        open_raw(carl, Sec_WebSocket_Extensions=OFFER) as one,
        open_raw(carl, Sec_WebSocket_Extensions=OFFER) as two,
        open_raw(carl) as plain,
    ):
        for raw in (one, two, plain):
            raw.send(frame(TEXT, sync))
            await read_sync(raw)
        await carl.send(room_id, "hello " * 100)
        shown = [await read_event(raw, "message.created") for raw in (one, two, plain)]
        assert [first & RSV1 for first, _ in shown] == [RSV1, RSV1, 0]
        assert shown[0][1] == shown[1][1] == shown[2][1]


async def read_sync(raw: RawSocket) -> None:
    while (each := await raw.read_frame()) is not None:
        if json.loads(each.text).get("ref") == 1:
            return


async def test_a_library_that_offers_it_talks_to_it(carl: Person):
    headers = {"Authorization": f"Bearer {carl.token}"}
    url = carl.url.replace("http", "ws", 1) + "/ws"
    extensions = [ClientPerMessageDeflateFactory()]
    async with connect(url, additional_headers=headers, extensions=extensions, compression=None) as socket:
        assert json.loads(await socket.recv())["ev"] == "ready"
        for ref in range(1, 4):
            await socket.send(command(ref, 5_000).decode())
            assert "ok" in json.loads(await socket.recv())


@pytest.mark.parametrize("size", [40, 5_000, LIMIT])
async def test_a_deflated_command_is_answered(carl: Person, size: int):
    async with open_raw(carl, Sec_WebSocket_Extensions=OFFER) as raw:
        raw.send(frame(TEXT, deflate(command(1, size)), rsv=RSV1))
        each = await raw.read_frame()
        assert each is not None
        assert "ok" in json.loads(each.text)


async def test_a_deflated_command_in_fragments_is_answered(carl: Person):
    packed = deflate(command(1, 9_000))
    first, *rest = fragments(packed[:5], packed[5:9], packed[9:])
    async with open_raw(carl, Sec_WebSocket_Extensions=OFFER) as raw:
        raw.send(bytes((first[0] | RSV1,)) + first[1:], frame(PING), *rest)
        frames = [await raw.read_frame(), await raw.read_frame()]
        assert any(each and b"ok" in each.text for each in frames)


BOMB = deflate(b" " * 50_000_000)
BOMBS = {
    "in one frame": [frame(TEXT, BOMB, rsv=RSV1)],
    "one byte above the limit": [frame(TEXT, deflate(command(1, LIMIT + 1)), rsv=RSV1)],
    "in fragments": [
        bytes((first[0] | (RSV1 if at == 0 else 0),)) + first[1:]
        for at, first in enumerate(fragments(*(BOMB[at : at + 1_000] for at in range(0, 40_000, 1_000))))
    ],
    "full, and then a fragment more": [
        frame(TEXT, deflate(b" " * (LIMIT + 125)), fin=False, rsv=RSV1), frame(CONT, BOMB[:1_000]),
    ],
}  # fmt: skip
BROKEN = {
    "no deflate stream": [frame(TEXT, b"\xff" * 40, rsv=RSV1)],
    "RSV1 on a continuation": [frame(TEXT, deflate(b"{"), fin=False, rsv=RSV1), frame(CONT, b"", rsv=RSV1)],
    "RSV1 on a control frame": [frame(PING, b"", rsv=RSV1)],
}


def peak_kib(stack: Stack) -> int:
    status = Path(f"/proc/{stack.find('gateway').pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@pytest.mark.parametrize("name", BOMBS)
async def test_a_bomb_is_1009_and_takes_no_memory(compressing: Stack, carl: Person, name: str):
    async with open_raw(carl, Sec_WebSocket_Extensions=OFFER) as raw:
        raw.send(*BOMBS[name])
        assert [each.code for each in await raw.read_all()] == [1009]
    assert peak_kib(compressing) < 200_000


@pytest.mark.parametrize("name", BROKEN)
async def test_what_cannot_be_inflated_is_a_protocol_error(carl: Person, name: str):
    async with open_raw(carl, Sec_WebSocket_Extensions=OFFER) as raw:
        raw.send(*BROKEN[name])
        received = await raw.read_all()
        assert [each.code for each in received if each.opcode == CLOSE] == [1002]


async def test_bad_utf8_is_found_behind_the_compression(carl: Person):
    async with open_raw(carl, Sec_WebSocket_Extensions=OFFER) as raw:
        raw.send(frame(TEXT, deflate(b'{"op":"\xff' + b" " * 300), rsv=RSV1))
        assert [each.code for each in await raw.read_all()] == [1007]


async def test_many_bombs_do_not_stop_a_neighbour(carl: Person):
    async with open_raw(carl) as neighbour:

        async def throw() -> None:
            async with open_raw(carl, Sec_WebSocket_Extensions=OFFER) as raw:
                raw.send(*BOMBS["in one frame"])
                await raw.read_all()

        throwing = [asyncio.create_task(throw()) for _ in range(15)]
        assert await neighbour.is_alive()
        await asyncio.gather(*throwing)


def test_what_goes_to_many_is_compressed_once():
    deflater = Deflater()
    frames = text_frame(b'{"ev":"x"}' * 50) + text_frame(b"{}")
    first = deflater.deflate(frames)
    assert all(deflater.deflate(frames) is first for _ in range(100))
    assert deflater.compressed_count == 1
    assert len(first) < len(frames) // 3


def test_short_frames_are_left_as_they_are():
    assert Deflater().deflate(text_frame(b"{}") * 3) == text_frame(b"{}") * 3
    assert Deflater().deflate(text_frame(b"x" * 400))[0] == FIN | RSV1 | TEXT

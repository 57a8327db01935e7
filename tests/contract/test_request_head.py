"""A request's head that dribbles, never comes or never ends is cut, and an answer that nobody takes.

A slow body is another matter.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn

from services.gateway.request_head import BoundedHeadProtocol
from tests.transports import running

REQUEST = b"POST / HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n"


class Impatient(BoundedHeadProtocol):
    head_max_s = 1.0  # so long a busy machine may keep a client that is not to be cut
    stalled_max_s = 3.0


async def echo(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body, is_more = body + message["body"], message["more_body"]
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": body})


class Flood:
    """Answers with 64 MB, piece by piece."""

    def __init__(self) -> None:
        self.is_over = asyncio.Event()

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1_000):
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})
        await send({"type": "http.response.body", "body": b"the end"})
        self.is_over.set()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(echo) as port:
        yield port


@asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, lifespan="off", log_config=None, http=Impatient, timeout_keep_alive=60
    )
    async with running(config) as port:
        yield port


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def dribble(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a byte every 20 ms until the other side has had enough."""
    for each in data:
        writer.write(bytes((each,)))
        await asyncio.sleep(0.02)


async def read_to_end(reader: asyncio.StreamReader) -> bytes:
    """Return what came before the end, or before the reset that a byte sent too late brings."""
    came = bytearray()
    with suppress(ConnectionResetError):
        while piece := await reader.read(65_536):
            came += piece
    return bytes(came)


async def test_a_connection_that_says_nothing_is_closed(port: int):
    async with connected(port) as (reader, _):
        assert (await read_to_end(reader)).startswith(b"HTTP/1.1 408 ")


async def test_a_head_that_dribbles_is_cut(port: int):
    async with connected(port) as (reader, writer):
        writing = asyncio.create_task(dribble(writer, b"GET / HTTP/1.1\r\nx: " + b"y" * 1_000))
        assert (await read_to_end(reader)).startswith(b"HTTP/1.1 408 ")
        writing.cancel()


async def test_a_second_head_that_dribbles_is_cut_too(port: int):
    async with connected(port) as (reader, writer):
        writer.write(REQUEST + b"ok")
        assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
        writing = asyncio.create_task(dribble(writer, b"GET / HTTP/1.1\r\nx: " + b"y" * 1_000))
        assert (await read_to_end(reader)).startswith(b"HTTP/1.1 408 ")
        writing.cancel()


async def test_a_body_may_come_later_than_a_head(port: int):
    async with connected(port) as (reader, writer):
        writer.write(REQUEST + b"o")
        await asyncio.sleep(Impatient.head_max_s * 2)
        writer.write(b"k")
        assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")


async def test_a_kept_connection_may_rest_between_requests(port: int):
    async with connected(port) as (reader, writer):
        for _ in range(2):
            writer.write(REQUEST + b"ok")
            assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
            await asyncio.sleep(Impatient.head_max_s * 2)


@pytest.mark.parametrize(
    "endless", [b"GET /" + b"a" * 400_000, b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 100_000]
)
async def test_a_head_without_end_is_cut(port: int, endless: bytes):
    async with connected(port) as (reader, writer):
        writer.write(endless)
        answered = await read_to_end(reader)  # nothing, if the reset was quicker
        assert not answered or answered.startswith((b"HTTP/1.1 431 ", b"HTTP/1.1 400 "))


async def test_an_answer_that_nobody_takes_is_cut():
    flood = Flood()
    async with serving(flood) as port, connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\n\r\n")
        await flood.is_over.wait()
        assert b"the end" not in await read_to_end(reader)


async def test_an_answer_may_be_taken_after_a_rest():
    async with serving(Flood()) as port, connected(port) as (reader, writer):
        writer.write(b"GET / HTTP/1.1\r\nhost: here\r\nconnection: close\r\n\r\n")
        await asyncio.sleep(0.3)
        assert b"the end" in await read_to_end(reader)

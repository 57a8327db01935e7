"""Each fault of the proxy is the one it says: tests of faults build on it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from tests.tcp_proxy import TcpProxy
from tests.wire import eventually

WAIT_S = 30.0
DELAY_S = 0.3


class Echo:
    """A server that says everything back; `heard` is what reached it."""

    def __init__(self) -> None:
        self.heard: list[bytes] = []
        self.links = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.links += 1
        try:
            while line := await reader.readline():
                self.heard.append(line)
                writer.write(line)
        except OSError:
            pass
        finally:
            self.links -= 1
            writer.close()


@pytest.fixture
async def echo() -> AsyncIterator[tuple[Echo, TcpProxy]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    async with TcpProxy(server.sockets[0].getsockname()[1]) as proxy:
        yield echo, proxy
    server.close()
    await eventually(lambda: echo.links == 0)


class Caller:
    """One link through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def say(self, line: bytes) -> bytes:
        self.writer.write(line)
        return await self.hear()

    async def hear(self) -> bytes:
        return await asyncio.wait_for(self.reader.readline(), WAIT_S)


@pytest.fixture
async def caller(echo: tuple[Echo, TcpProxy]) -> AsyncIterator[Caller]:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo[1].port)
    caller = Caller(reader, writer)
    assert await caller.say(b"hello\n") == b"hello\n"
    yield caller
    writer.transport.abort()
    with suppress(OSError):  # the proxy's reset, where there was one
        await writer.wait_closed()


async def test_a_link_that_is_silent_to_the_client_alone_still_reaches_the_server(
    echo: tuple[Echo, TcpProxy], caller: Caller
) -> None:
    server, proxy = echo
    proxy.stall(to_server=False)
    caller.writer.write(b"are you there\n")
    await eventually(lambda: server.heard == [b"hello\n", b"are you there\n"])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(caller.reader.readline(), DELAY_S)
    proxy.flow()
    assert await caller.hear() == b"are you there\n"


async def test_a_link_that_is_silent_to_the_server_alone_carries_its_answers(
    echo: tuple[Echo, TcpProxy], caller: Caller
) -> None:
    server, proxy = echo
    proxy.stall(to_server=True, to_client=True)
    caller.writer.write(b"first\n")
    proxy.flow()
    assert await caller.hear() == b"first\n"
    proxy.stall(to_client=False)
    caller.writer.write(b"second\n")
    await asyncio.sleep(DELAY_S)  # the fault itself
    assert server.heard == [b"hello\n", b"first\n"]
    proxy.flow()
    assert await caller.hear() == b"second\n"


async def test_a_slow_link_takes_its_time_until_it_is_fast_again(
    echo: tuple[Echo, TcpProxy], caller: Caller
) -> None:
    _, proxy = echo
    loop = asyncio.get_running_loop()
    proxy.slow(DELAY_S)
    begun_s = loop.time()
    assert await caller.say(b"there and back\n") == b"there and back\n"
    assert loop.time() - begun_s >= 2 * DELAY_S
    proxy.slow(0)
    assert await caller.say(b"again\n") == b"again\n"


async def test_an_orphaned_client_hears_nothing_while_the_server_has_forgotten_it(
    echo: tuple[Echo, TcpProxy], caller: Caller
) -> None:
    server, proxy = echo
    proxy.orphan()
    await eventually(lambda: server.links == 0)
    for _ in range(3):  # the first of them may meet the end that is gone
        caller.writer.write(b"anybody\n")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(caller.reader.read(1), DELAY_S)
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    assert await Caller(reader, writer).say(b"a newcomer\n") == b"a newcomer\n"
    proxy.cut_orphans()
    assert await asyncio.wait_for(caller.reader.read(1), WAIT_S) == b""
    assert await Caller(reader, writer).say(b"not cut\n") == b"not cut\n"
    writer.close()
    await writer.wait_closed()

"""A connection served by uvicorn in this process, over each transport, and a node that takes notes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn

from services.gateway.asgi_transport import AsgiTransport
from services.gateway.connection import Connection
from services.gateway.detach import DETACH, DetachableProtocol
from services.gateway.frames import ClientFrame, ok
from services.gateway.limits import Bucket
from services.gateway.request_head import BoundedHeadProtocol
from services.gateway.stream import EventStream
from shared.contracts.entities import Empty
from shared.tokens import Claims

FRAME_BYTES_MAX = 1_000
CLAIMS = Claims("u", "l", "member", "name", "Name", 0.0, 2**40)


class RecordingNode:
    """Answers every command with `{}` and remembers what its connection told it."""

    def __init__(self) -> None:
        self.frames: list[ClientFrame | int] = []
        self.news: list[str] = []
        self.connection: Connection
        self.opened = asyncio.Event()
        self.changed = asyncio.Event()

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def on_frame(self, connection: Connection, frame: ClientFrame | int) -> None:
        self.frames.append(frame)
        connection.reply(frame if isinstance(frame, int) else frame.ref, ok(Empty()))

    def on_slow(self, connection: Connection) -> None:
        self._note("slow")

    def on_drained(self, connection: Connection) -> None:
        self._note("drained")

    def on_closed(self, connection: Connection) -> None:
        self._note("closed")

    def _note(self, news: str) -> None:
        self.news.append(news)
        self.changed.set()

    async def wait_for(self, news: str) -> None:
        async with asyncio.timeout(30):
            while news not in self.news:
                self.changed.clear()
                await self.changed.wait()


def make_app(node: RecordingNode) -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        connection = node.connection = Connection(node, CLAIMS, "127.0.0.1", Bucket(1, 0))
        if scope["type"] == "http":
            stream = EventStream(connection, scope, receive, send)
            connection.bind(stream)
            node.opened.set()
            await stream.run()
            return
        assert scope["type"] == "websocket"
        await receive()
        await send({"type": "websocket.accept", "subprotocol": None})
        if DETACH in scope["extensions"]:
            connection.bind(scope["extensions"][DETACH](connection))
            node.opened.set()
            return
        transport = AsgiTransport(connection, receive, send, FRAME_BYTES_MAX)
        connection.bind(transport)
        node.opened.set()
        await transport.run()

    return app


@asynccontextmanager
async def running(config: uvicorn.Config) -> AsyncIterator[int]:
    """Run a server in this loop, and say on which port."""
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await server.shutdown()


@asynccontextmanager
async def serving(kind: str, node: RecordingNode) -> AsyncIterator[int]:
    config = uvicorn.Config(
        make_app(node),
        host="127.0.0.1",
        port=0,
        lifespan="off",
        log_config=None,
        http=BoundedHeadProtocol,
        ws=DetachableProtocol if kind == "detached" else "websockets-sansio",
        ws_max_size=FRAME_BYTES_MAX,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
    )
    async with running(config) as port:
        yield port

"""A server of a few lines for cuts and orders that the real one does only by bad luck.

It speaks `ready` and answers `sync` from ServerRooms; every other command is the test's.
"""

import asyncio
import http
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
from websockets.asyncio.server import Request, Response, ServerConnection, serve

from shared.contracts.entities import Me
from shared.contracts.events import Ready
from shared.contracts.limits import Limits
from shared.contracts.sync import HeldPosition, Synced
from tests.unit.client.shapes import ME, ServerRoom, at

_ANN = Me(ME, "ann", "Ann", "member", "", None, at(0), False, None, False, None, None)
READY = Ready(_ANN, ME, ME, at(0), Limits())


@dataclass
class FakeServer:
    """`sockets` are the live connections, `commands` all that was received, `answers` what to reply."""

    room: ServerRoom = field(default_factory=ServerRoom)
    url: str = ""
    sockets: list[ServerConnection] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    commands: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    refused_handshakes: list[int] = field(default_factory=list)
    connected: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def broadcast(self, frame: bytes) -> None:
        for socket in self.sockets:
            await socket.send(frame, text=True)

    async def close_all(self, code: int) -> None:
        for socket in list(self.sockets):
            await socket.close(code)

    def received(self, op: str) -> list[dict[str, Any]]:
        return [command["d"] for command in self.commands if command["op"] == op]

    async def _on_socket(self, socket: ServerConnection) -> None:
        assert socket.request
        self.tokens.append(socket.request.headers["Authorization"].removeprefix("Bearer "))
        self.sockets.append(socket)
        try:
            await socket.send(msgspec.json.encode({"ev": "ready", "d": READY}), text=True)
            async for text in socket:
                await self._on_command(socket, msgspec.json.decode(text))
        finally:
            self.sockets.remove(socket)

    async def _on_command(self, socket: ServerConnection, command: dict[str, Any]) -> None:
        self.commands.append(command)
        answer = self.answers.get(command["op"], self._sync if command["op"] == "sync" else None)
        if answer is not None and (reply := answer(command["d"])) is not None:
            await socket.send(msgspec.json.encode({"ref": command["ref"], **reply}), text=True)

    def _sync(self, asked: dict[str, Any]) -> dict[str, Any]:
        position = asked["rooms"].get(self.room.room.id)
        held = HeldPosition(**position) if position else None
        return {"ok": Synced([self.room.element(held)], [], None)}

    def _on_handshake(self, socket: ServerConnection, request: Request) -> Response | None:
        if self.refused_handshakes:
            return socket.respond(http.HTTPStatus(self.refused_handshakes.pop(0)), "")
        return None


@asynccontextmanager
async def fake_server() -> AsyncIterator[FakeServer]:
    server = FakeServer()
    async with serve(
        server._on_socket,
        "127.0.0.1",
        0,
        subprotocols=["chatcraft.v1"],  # type: ignore[list-item]  # a NewType of str
        process_request=server._on_handshake,
    ) as listening:
        port = next(iter(listening.sockets)).getsockname()[1]
        server.url = f"http://127.0.0.1:{port}"
        yield server

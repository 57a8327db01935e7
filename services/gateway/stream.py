"""The stream's door, `/api/v1/stream`: Server-Sent Events for where WebSocket is blocked.

The same frames as a socket's, from the same `Connection`; commands go over REST. `curl -N` reads it.
"""

import asyncio
import re
from asyncio import TimerHandle
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request

from services.gateway.connection import Connection
from services.gateway.doors import find_bearer
from services.gateway.frames import ok, reply_payload
from services.gateway.identity import Identity
from services.gateway.node import GatewayNode
from services.gateway.queued_transport import QueuedTransport
from services.gateway.request_head import ABORT
from services.gateway.rest import error_response, read_body
from services.gateway.sync import Syncer
from shared.contracts.errors import ErrorCode
from shared.contracts.sync import HeldPosition, Sync, sync
from shared.contracts.validation import decode_request
from shared.errors import ChatError, invalid, unavailable
from shared.ids import is_id

_LAST_EVENT_ID = re.compile(r"(?P<room_id>[0-9a-f-]{36}):(?P<epoch>\d{1,15}):(?P<rev>\d{1,15})", re.ASCII)
_FULL_RETRY_S = 5
# For the last event, to somebody who may have stopped reading; as for a socket.
_CLOSE_WAIT_S = 5.0
_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hold events back until its buffer is full
]


class _Numbered(msgspec.Struct):
    room_id: str = ""
    epoch: int = 0
    rev: int = 0


_decode_numbers = msgspec.json.Decoder(_Numbered).decode


class EventStream(QueuedTransport):
    """Carries a connection's frames as events; a room event's `id` is its place."""

    def __init__(self, connection: Connection, receive: Any, send: Any, drop: Callable[[], object]) -> None:
        """`drop` ends the request together with its socket, also while `send` waits."""
        super().__init__(connection)
        self._receive = receive
        self._send = send
        self._drop = drop
        self._drop_timer: TimerHandle | None = None

    async def run(self) -> None:
        """Carry frames until the client goes or the connection is closed."""
        try:
            await self._send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
            await self._carry(self._wait_gone())
        finally:
            if self._drop_timer is not None:
                self._drop_timer.cancel()  # the socket may serve another request

    def close(self, code: int, reason: str = "") -> None:
        """Close once what is queued is sent, or after a moment without."""
        if self._drop_timer is None:
            self._drop_timer = asyncio.get_running_loop().call_later(_CLOSE_WAIT_S, self._drop)
        super().close(code, reason)

    def abort(self) -> None:
        """Drop the socket and whatever is unsent."""
        self._drop()

    def ping(self) -> None:
        """Keep proxies from closing an idle stream; a comment is no event. Nothing ever answers it."""
        self._connection.on_heard()
        self.write(b"")

    def pause_reading(self) -> None:
        """A stream takes no commands."""

    def resume_reading(self) -> None:
        """A stream takes no commands."""

    async def _send_frames(self, frames: bytes) -> None:
        if frames:
            await super()._send_frames(frames)
        else:
            await self._send_body(b": ping\n\n")

    async def _send_payload(self, payload: bytes) -> None:
        numbers = _decode_numbers(payload)
        place = f"id: {numbers.room_id}:{numbers.epoch}:{numbers.rev}\n" if numbers.rev else ""
        await self._send_body(place.encode() + b"data: " + payload + b"\n\n")

    async def _send_close(self, code: int, reason: str) -> None:
        closed = msgspec.json.encode({"ev": "closed", "d": {"code": code, "reason": reason}})
        await self._send_body(b"data: " + closed + b"\n\n")
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_body(self, body: bytes) -> None:
        await self._send({"type": "http.response.body", "body": body, "more_body": True})

    async def _wait_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


class StreamDoor:
    """The ASGI application behind `/api/v1/stream`."""

    def __init__(self, node: GatewayNode, identity: Identity, syncer: Syncer) -> None:
        self._node = node
        self._identity = identity
        self._syncer = syncer

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        try:
            asked = await self._read(request)
            connection, me = await self._connect(request, asked)
        except ChatError as exc:
            await error_response(exc)(scope, receive, send)
            return
        stream = EventStream(connection, receive, send, scope["extensions"][ABORT])
        connection.bind(stream)
        self._node.open(connection, me)
        syncing = asyncio.create_task(self._sync(connection, asked))
        try:
            await stream.run()
        finally:
            syncing.cancel()

    async def _read(self, request: Request) -> Sync:
        """Return the positions held: of the body, of `Last-Event-ID`, or none."""
        if request.method == "POST":
            asked = decode_request(sync, await read_body(request, self._node.limits.frame_bytes))
            if asked.cursor is not None:
                raise invalid("cursor", "a stream sends all pages by itself")
            return asked
        last = request.headers.get("last-event-id")
        if not last:
            return Sync()
        match = _LAST_EVENT_ID.fullmatch(last)
        if match is None or not is_id(match["room_id"]):
            raise invalid("Last-Event-ID", "must be <room_id>:<epoch>:<rev>")
        return Sync({match["room_id"]: HeldPosition(int(match["epoch"]), int(match["rev"]))})

    async def _connect(self, request: Request, asked: Sync) -> tuple[Connection, Any]:
        if self._node.is_full:
            raise unavailable("this node takes no more connections", _FULL_RETRY_S * 1000)
        token = find_bearer(request.scope["headers"])
        if token is None:
            raise ChatError(ErrorCode.UNAUTHENTICATED, "an access token is needed")
        address = request.client.host if request.client else ""
        claims = await self._identity.identify(token, address)
        if claims.grant is not None:
            claims.grant.check(sync, asked)
        me = await self._node.get_me(claims)
        return self._node.create_connection(claims, address), me

    async def _sync(self, connection: Connection, asked: Sync) -> None:
        """Send every page as the reply that a socket would get, numbered from 1."""
        page = asked
        ref = 0
        while not connection.is_closed:
            ref += 1
            try:
                synced = await self._syncer.sync(connection, page)
            except ChatError as exc:
                connection.send(reply_payload(ref, exc.encode()))
                return
            connection.send(reply_payload(ref, ok(synced)))
            if synced.next_cursor is None:
                return
            page = Sync(asked.rooms, synced.next_cursor, asked.only)

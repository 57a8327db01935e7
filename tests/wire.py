"""A bare client of the protocol for tests: sends what a test says and shows what came, nothing hidden.

Not `chatcraft_client`: that one reconnects, refreshes and retries, which here would hide the fault.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

PASSWORD = "correct horse 9"
WAIT_S = 30.0  # a busy machine's; who waits for a condition goes on as soon as it holds
# What the protocol promises within a second, as `bench/` measures it; the lists are pulled every 5 s besides.
AT_ONCE_S = 4.0

Json = dict[str, Any]


class Refused(Exception):  # noqa: N818 - reads as what happened
    """The server answered with an error."""

    def __init__(self, status: int | None, error: Json) -> None:
        super().__init__(f"{status} {error}")
        self.status = status
        self.error = error
        self.code = error["code"]


def new_id() -> str:
    return str(uuid.uuid4())


@dataclass
class Person:
    """A registered user, and its REST calls on one node."""

    url: str
    user: Json
    tokens: Json
    http: httpx2.AsyncClient = field(repr=False)

    @property
    def id(self) -> str:
        return self.user["id"]

    @property
    def token(self) -> str:
        return self.tokens["access_token"]

    async def rest(self, method: str, path: str, body: Any = None, **options: Any) -> Any:
        """Call `/api/v1` + path with the token; returns the body, raises Refused."""
        headers = {"Authorization": f"Bearer {self.token}"} | options.pop("headers", {})
        content = None if body is None else json.dumps(body)
        response = await self.http.request(
            method, f"{self.url}/api/v1{path}", content=content, headers=headers, **options
        )
        return read(response)

    async def create_room(self, kind: str = "private", members: tuple["Person", ...] = ()) -> str:
        body = {"kind": kind, "name": f"room {new_id()[:8]}", "member_ids": [each.id for each in members]}
        return (await self.rest("POST", "/rooms", body))["id"]

    async def send(self, room_id: str, text: str, **fields: Any) -> Json:
        sent = await self.rest("POST", f"/rooms/{room_id}/messages", {"id": new_id(), "text": text} | fields)
        return sent["message"]

    @asynccontextmanager
    async def socket(self, url: str | None = None, *, sync: bool = True) -> AsyncIterator["Socket"]:
        """Open a socket on this or another node, past `ready`, and by default synced from nothing."""
        async with Socket.open(url or self.url, self.token) as opened:
            if sync:
                opened.synced = await opened.call("sync", {"rooms": {}})
            yield opened


def read(response: httpx2.Response) -> Any:
    """Return a body; raises Refused for an error, whose shape is checked here for all tests."""
    body = response.json()
    if response.status_code >= 400:
        assert set(body) == {"error"}
        assert set(body["error"]) == {"code", "message", "retry_after_ms", "details"}
        raise Refused(response.status_code, body["error"])
    return body


class Socket:
    """One open socket; every frame that is no reply is kept in `frames` in the order it came."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket
        self.ready: Json = {}
        self.synced: Json = {"rooms": []}
        self.frames: list[Json] = []
        self.close_code: int | None = None
        self._replies: dict[int, asyncio.Future[Json]] = {}
        self._changed = asyncio.Condition()
        self._ref = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, token: str, **options: Any) -> AsyncIterator[Self]:
        headers = options.pop("additional_headers", {}) | {"Authorization": f"Bearer {token}"}
        address = url.replace("http", "ws", 1) + "/ws"
        # Without pings of its own: it must not give up a node that stands still.
        usual = {"max_size": None, "compression": None, "ping_interval": None, "open_timeout": WAIT_S}
        async with connect(address, additional_headers=headers, **usual | options) as websocket:
            opened = cls(websocket)
            opened.ready = json.loads(await asyncio.wait_for(websocket.recv(), WAIT_S))
            reading = asyncio.create_task(opened._read())
            try:
                yield opened
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def call(self, op: str, d: Json | None = None) -> Any:
        """Send a command and return its `ok`; raises Refused."""
        return await self.start(op, d)

    def start(self, op: str, d: Json | None = None) -> "asyncio.Task[Any]":
        """Send a command now; the task ends with its answer."""
        self._ref += 1
        ref = self._ref
        future = self._replies[ref] = asyncio.get_running_loop().create_future()
        frame = {"op": op, "ref": ref} | ({} if d is None else {"d": d})
        return asyncio.create_task(self._answer(frame, future))

    async def _answer(self, frame: Json, future: "asyncio.Future[Json]") -> Any:
        await self.websocket.send(json.dumps(frame))
        reply = await asyncio.wait_for(future, WAIT_S + 2)
        if "error" in reply:
            raise Refused(None, reply["error"])
        return reply["ok"]

    async def wait_for(self, wanted: Callable[[Json], bool]) -> Json:
        """Return the first frame that fits, past or future."""
        async with asyncio.timeout(WAIT_S), self._changed:
            await self._changed.wait_for(lambda: self.close_code is not None or any(map(wanted, self.frames)))
        found = next((frame for frame in self.frames if wanted(frame)), None)
        assert found is not None, f"closed with {self.close_code} before the frame came; had {self.frames}"
        return found

    async def wait_for_event(self, ev: str, **d: Any) -> Json:
        """Return the first frame of that event whose `d` has these values."""
        return await self.wait_for(
            lambda frame: frame["ev"] == ev and all(frame["d"].get(key) == value for key, value in d.items())
        )

    async def wait_closed(self, timeout_s: float = WAIT_S) -> int:
        """Return the close code."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: self.close_code is not None)
        assert self.close_code is not None
        return self.close_code

    def of_room(self, room_id: str) -> list[Json]:
        """The numbered frames of a room, in the order they came."""
        return [frame for frame in self.frames if frame.get("room_id") == room_id and "rev" in frame]

    async def _read(self) -> None:
        try:
            async for text in self.websocket:
                await self._take(json.loads(text))
        except ConnectionClosed:
            pass
        async with self._changed:
            self.close_code = self.websocket.close_code or 1006
            self._changed.notify_all()
        for future in self._replies.values():
            if not future.done():
                future.set_exception(ConnectionError(f"closed with {self.close_code}"))
                future.exception()

    async def _take(self, frame: Json) -> None:
        if "ref" in frame:
            self._replies.pop(frame["ref"]).set_result(frame)
            return
        async with self._changed:
            self.frames.append(frame)
            self._changed.notify_all()


def messages_in(frame: Json) -> list[Json]:
    """Return the messages of a numbered frame: one; or after a gap, healed by `room.changes`, all missed."""
    if frame["ev"] != "room.changes":
        return [frame["d"]]
    return sorted(frame["d"]["messages"], key=lambda message: message["seq"])


def check_follows(frame: Json, rev: int) -> None:
    """Assert that nothing is missing between a position and a numbered frame."""
    if frame["ev"] == "room.changes":
        assert frame["d"]["after_rev"] <= rev < frame["rev"]
    else:
        assert frame["rev"] == rev + 1


class People:
    """Registers people on a running system."""

    def __init__(self, urls: list[str], http: httpx2.AsyncClient) -> None:
        self.urls = urls
        self._http = http

    async def register(self, name: str = "user", node: int = 0) -> Person:
        """Return a new user called `<name>-<random>`, at home on that node."""
        body = {"username": f"{name}-{new_id()[:8]}", "password": PASSWORD}
        response = await self._http.post(f"{self.urls[node]}/api/v1/auth/register", json=body)
        registered = read(response)
        return Person(self.urls[node], registered["user"], registered["tokens"], self._http)


async def eventually(check: Callable[[], Any], timeout_s: float = WAIT_S) -> Any:
    """Return the first true answer of `check` (awaited if it must be), asked every 20 ms."""
    async with asyncio.timeout(timeout_s):
        while True:
            answer = check()
            if asyncio.iscoroutine(answer):
                answer = await answer
            if answer:
                return answer
            await asyncio.sleep(0.02)

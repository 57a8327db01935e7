"""Clients that know one address alone and come back to it at once; whoever is turned away there complains.

Unlike `chatcraft_client`, which waits, retries and hides just that.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tests.faults.talking import created
from tests.wire import Json, Person, Refused, Socket

PAUSE_S = 0.02
# Answers that are none: the way in is closed.
TURNED_AWAY = (InvalidHandshake, ConnectionRefusedError)
# The fault itself, once one was let in.
CUT = (ConnectionClosed, ConnectionError, Refused, TimeoutError)


class Listener:
    """Listens to a room, over as many sockets as it takes, each from where the one before ended."""

    def __init__(self, person: Person, room_id: str) -> None:
        self.close_codes: list[int] = []
        self.complaints: list[str] = []
        self._person = person
        self._room_id = room_id
        self._heard: list[str] = []
        self._held: Json = {}
        self._socket: Socket | None = None

    @property
    def heard(self) -> list[str]:
        """The ids of the room's messages, in the order they came."""
        return self._heard + (created(self._socket, self._room_id) if self._socket else [])

    @property
    def is_synced(self) -> bool:
        return self._socket is not None

    async def listen(self) -> None:
        while True:
            try:
                async with Socket.open(self._person.url, self._person.token) as socket:
                    socket.synced = await socket.call("sync", {"rooms": self._held})
                    self._socket = socket
                    self.close_codes.append(await socket.wait_closed(timeout_s=600))
                    self._leave(socket)
            except TURNED_AWAY as exc:
                self.complaints.append(f"socket: {exc!r}")
            except CUT:
                continue

    def _leave(self, socket: Socket) -> None:
        self._heard, self._socket = self.heard, None
        [room] = [each for each in socket.synced["rooms"] if each["room"]["id"] == self._room_id]
        last = (socket.of_room(self._room_id) or [room["position"]])[-1]
        self._held = {self._room_id: {"epoch": last["epoch"], "rev": last["rev"]}}


class Newcomers:
    """Come all the time, each on a link of its own: over REST and with sockets."""

    def __init__(self, person: Person) -> None:
        self.complaints: list[str] = []
        self.answers = 0
        self._person = person

    async def open_sockets(self) -> None:
        while True:
            try:
                async with Socket.open(self._person.url, self._person.token):
                    self.answers += 1
            except TURNED_AWAY as exc:
                self.complaints.append(f"socket: {exc!r}")
            except CUT:
                pass
            await asyncio.sleep(PAUSE_S)

    async def ask(self) -> None:
        headers = {"Authorization": f"Bearer {self._person.token}", "Connection": "close"}
        async with httpx2.AsyncClient(timeout=15, headers=headers) as http:
            while True:
                try:
                    answer = await http.get(f"{self._person.url}/api/v1/users/me")
                    self.answers += 1
                    if answer.status_code != 200:
                        self.complaints.append(f"REST: {answer.status_code} {answer.text}")
                except httpx2.TransportError as exc:
                    self.complaints.append(f"REST: {exc!r}")
                await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def going_on(*activities: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Let all of it go on while the block runs; whatever ended by itself before is raised."""
    tasks = [asyncio.create_task(each) for each in activities]
    try:
        yield
    finally:
        pending = set(tasks)
        while pending:  # asyncio.wait_for of Python 3.11 may lose a cancellation
            for task in pending:
                task.cancel()
            _, pending = await asyncio.wait(pending, timeout=1)
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(each, asyncio.CancelledError) for each in outcomes), outcomes

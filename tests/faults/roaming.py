"""Clients as they are behind a load balancer: what one gateway does not take, they bring to the next.

Whatever else goes wrong for them is noted, and is a failure of whoever promised that nobody would notice.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx2
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.faults.talking import Talker, created
from tests.stack import Stack
from tests.wire import PASSWORD, Json, Person, Refused, Socket, eventually, new_id, read

DRAINED = 1012
_PAUSE_S = 0.05
_CHORE_PAUSE_S = 0.3
_NOT_HERE = 503
_HEALTH_EVERY_S = 0.1
_READY_WITHIN_S = 60.0


class Errors(list[str]):
    """What clients were shown and should not have been."""

    def note(self, what: str, error: Exception) -> None:
        self.append(f"{what}: {type(error).__name__} {error}")


class Doors:
    """The gateways as a load balancer sends to them: to those that say that they are ready, and to the next
    where one takes no connection.
    """

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._ready = list(stack.gateway_urls)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Ask them for their health meanwhile."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _watch(self) -> None:
        async with httpx2.AsyncClient(timeout=5) as http:
            while True:
                urls = self._stack.gateway_urls
                states = [
                    await _is_ready(http, self._stack.health_url("gateway", n)) for n in range(len(urls))
                ]
                self._ready = [url for url, is_ready in zip(urls, states, strict=True) if is_ready]
                await asyncio.sleep(_HEALTH_EVERY_S)

    async def send_to_all(self) -> None:
        """Wait until all are known to be ready, as a rollout does before it goes on to the next."""
        await eventually(lambda: len(self._ready) == len(self._stack.gateway_urls), _READY_WITHIN_S)

    def _pick(self) -> list[str]:
        return random.sample(self._ready, len(self._ready))

    async def ask(self, method: str, path: str, body: Json | None = None, token: str = "") -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        for url in self._pick():
            # A connection for each request: one that idles may be closed while a request is on its way.
            async with httpx2.AsyncClient(timeout=15) as http:
                try:
                    return read(await http.request(method, f"{url}/api/v1{path}", json=body, headers=headers))
                except httpx2.ConnectError:
                    continue
        raise ConnectionError("no gateway listens")

    @asynccontextmanager
    async def open(self, token: str) -> AsyncIterator[Socket]:
        """Open a socket at whichever gateway takes it."""
        for url in self._pick():
            opening = Socket.open(url, token)
            try:
                socket = await opening.__aenter__()
            except (OSError, InvalidStatus, ConnectionClosed) as exc:
                if not _is_leaving(exc):
                    raise
                continue
            try:
                yield socket
            finally:
                await opening.__aexit__(None, None, None)
            return
        raise ConnectionError("no gateway takes a socket")


def _is_leaving(exc: Exception) -> bool:
    """Whether a gateway took no socket, or drained it as it opened."""
    if isinstance(exc, InvalidStatus):
        return exc.response.status_code == _NOT_HERE
    return not isinstance(exc, ConnectionClosed) or (exc.rcvd is not None and exc.rcvd.code == DRAINED)


async def _is_ready(http: httpx2.AsyncClient, url: str) -> bool:
    try:
        return (await http.get(f"{url}/readyz")).is_success
    except httpx2.HTTPError:
        return False


class RestTalker(Talker):
    """Talks over REST. Anything but an ack is an error."""

    def __init__(self, person: Person, room_id: str, doors: Doors, errors: Errors) -> None:
        super().__init__(person, room_id)
        self._doors = doors
        self._errors = errors

    async def _send(self, body: dict[str, str]) -> None:
        path = f"/rooms/{self.room_id}/messages"
        try:
            await self._doors.ask("POST", path, body, self.person.token)
        except (Refused, httpx2.HTTPError, OSError) as exc:
            self._errors.note("send over REST", exc)
            raise


class _DrainedBeforeSyncError(Exception):
    """A gateway that was about to leave had taken the socket."""


class Roamer(Talker):
    """Talks and reads over a socket, and comes back with the position it holds when that is drained."""

    def __init__(self, person: Person, room_id: str, doors: Doors, errors: Errors) -> None:
        super().__init__(person, room_id)
        self._doors = doors
        self._errors = errors
        self._position: Json | None = None
        self._unsent: dict[str, str] | None = None
        self.seen: dict[str, None] = {}
        self.doubled: list[str] = []
        self.returns = 0

    async def talk(self) -> None:
        while self._talking or self._unsent:
            with suppress(_DrainedBeforeSyncError):
                async with self._reading() as socket:
                    await self._talk_on(socket)
                self.returns += 1

    async def come_back(self, count: int) -> None:
        """Come again until so much was heard; a node may hear of the last message a moment later."""

        async def has_heard() -> bool:
            async with self._reading():
                pass
            return len(self.seen) >= count

        await eventually(has_heard)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[Socket]:
        async with self._doors.open(self.person.token) as socket:
            try:
                await self._sync(socket)
            except (OSError, ConnectionClosed):
                if await socket.wait_closed() == DRAINED:
                    raise _DrainedBeforeSyncError from None
                raise
            try:
                yield socket
            finally:
                self._take(socket)

    async def _sync(self, socket: Socket) -> None:
        held = {self.room_id: self._position} if self._position else {}
        socket.synced = await socket.call("sync", {"rooms": held})
        [element] = socket.synced["rooms"]
        if held and element["state"] not in {"current", "caught_up"}:
            self._errors.append(f"sync: {element['state']}")
        self._position = element["position"]

    async def _talk_on(self, socket: Socket) -> None:
        """Send until the socket is closed; what was not answered is sent again over the next one."""
        while (self._talking or self._unsent) and socket.close_code is None:
            self._unsent = self._unsent or {"id": new_id(), "text": f"s{len(self.acked)}"}
            try:
                await socket.call("messages.send", {"room_id": self.room_id, **self._unsent})
            except Refused as exc:
                self._errors.note("send over a socket", exc)
            except (OSError, ConnectionClosed):
                await socket.wait_closed()
            else:
                self.acked.append(self._unsent["id"])
                self._unsent = None
            await asyncio.sleep(_PAUSE_S)
        if socket.close_code not in {None, DRAINED}:
            self._errors.append(f"socket closed with {socket.close_code}")

    def _take(self, socket: Socket) -> None:
        """Note what the socket told, as a client that goes on from its position does."""
        told = created(socket, self.room_id)
        self.doubled += [each for each in told if each in self.seen]
        self.seen |= dict.fromkeys(told)
        for frame in socket.of_room(self.room_id):
            self._position = {"epoch": frame["epoch"], "rev": frame["rev"]}


class Chores:
    """Somebody who signs in, refreshes, reads and sets their presence, again and again."""

    def __init__(self, person: Person, doors: Doors, errors: Errors) -> None:
        self.rounds = 0
        self._person = person
        self._doors = doors
        self._errors = errors
        self._goes_on = True

    async def run(self) -> None:
        while self._goes_on:
            await self._note("sign in and refresh", self._sign_in)
            await self._note("presence", self._look_around)
            self.rounds += 1
            await asyncio.sleep(_CHORE_PAUSE_S)

    def stop(self) -> None:
        self._goes_on = False

    async def _sign_in(self) -> None:
        body = {"login": self._person.user["username"], "password": PASSWORD}
        tokens = (await self._doors.ask("POST", "/auth/login", body))["tokens"]
        again = await self._doors.ask("POST", "/auth/refresh", {"refresh_token": tokens["refresh_token"]})
        await self._doors.ask("POST", "/auth/logout", None, again["tokens"]["access_token"])

    async def _look_around(self) -> None:
        token, own_id = self._person.token, self._person.id
        await self._doors.ask("PUT", "/presence", {"status": "dnd", "text": f"round {self.rounds}"}, token)
        await self._doors.ask("GET", f"/presence?user_ids={own_id}", None, token)

    async def _note(self, what: str, chore: Callable[[], Awaitable[None]]) -> None:
        try:
            await chore()
        except (Refused, httpx2.HTTPError, OSError) as exc:
            self._errors.note(what, exc)

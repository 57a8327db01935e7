"""Keeps one connection alive: connect, sync, follow, and come back after every end that allows it.

Owned by the client. The state and the feeds are its only outputs.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
import websockets

from chatcraft_client.backoff import Plan, jitter_s, plan_after_close
from chatcraft_client.connection import Connection
from chatcraft_client.credentials import Credentials
from chatcraft_client.errors import ChatCraftError
from chatcraft_client.frames import Event
from chatcraft_client.room_state import Verdict
from chatcraft_client.state import State
from shared.contracts import auth, presence, rooms
from shared.contracts.entities import Presence
from shared.contracts.events import Ready
from shared.contracts.sync import Sync, Synced, sync

log = logging.getLogger("chatcraft_client")

_READY_TIMEOUT_S = 10
_UNAUTHORIZED = 401
_REFUSED = {400, 403}
_REAUTH_RETRY_S = 5.0


class Session:
    """`start` it, wait with `wait_live`, `stop` it. `connection` is there while commands can be sent."""

    def __init__(
        self, urls: list[str], credentials: Credentials, state: State, publish: Callable[[Event], None]
    ) -> None:
        self._urls = urls
        self._credentials = credentials
        self._state = state
        self._publish = publish
        self._next_url = 0
        self._failures = 0
        self._live = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        self.connection: Connection | None = None
        self.ready: Ready | None = None
        self.watched: set[str] = set()
        self.focused: set[str] | None = None
        """None: never said, so that everything of every room comes."""
        self.connections_made = 0
        self.failure: ChatCraftError | None = None
        """Why the session has ended for good, if it has."""

    @property
    def is_running(self) -> bool:
        return self._task is not None and not self._task.done()

    def start(self, on_end: Callable[[ChatCraftError | None], None]) -> None:
        """Begin to connect; `on_end` is told when the session is over, with the reason if it has one."""

        def told(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and (exc := task.exception()) is not None:
                failure = exc if isinstance(exc, ChatCraftError) else ChatCraftError("internal", repr(exc))
                failure.__cause__ = None if failure is exc else exc
                self.failure = failure
            on_end(self.failure)
            self._live.set()  # whoever waits learns of the failure

        self.failure = None
        self._live.clear()
        self._task = asyncio.create_task(self._run(), name="chatcraft_client")
        self._task.add_done_callback(told)

    async def wait_live(self, timeout_s: float) -> None:
        """Wait until everything is synced. Raises ChatCraftError: `timeout`, or why it will never be."""
        try:
            await asyncio.wait_for(self._live.wait(), timeout_s)
        except TimeoutError as exc:
            raise ChatCraftError("timeout", f"not connected within {timeout_s:g} s") from exc
        if self.failure is not None:
            raise self.failure

    async def stop(self) -> None:
        """Close the connection and come back no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError, ChatCraftError):
                await self._task
        await self._end_errands()

    def cut(self, url: str | None = None) -> None:
        """Break the connection without a goodbye; the next one goes to `url`, or to the next address."""
        if url is not None:
            self._next_url = self._urls.index(url)
        self._live.clear()
        if self.connection is not None:
            self.connection.cut()

    async def _run(self) -> None:
        while True:
            plan = await self._connect_once()
            self._failures += 1
            if plan.is_final:
                raise ChatCraftError("unauthenticated", "the server ended this login for good")
            await asyncio.sleep(plan.delay_s)
            if plan.refresh_first:
                await self._refresh()

    async def _connect_once(self) -> Plan:
        """Live through one connection; return what to do after it."""
        url = self._urls[self._next_url % len(self._urls)]
        self._next_url += 1
        try:
            token = await self._credentials.access_token()
            connection = await Connection.open(url, token, self._on_event)
        except websockets.InvalidStatus as exc:
            return _plan_after_refusal(exc.response.status_code, self._failures)
        except (OSError, TimeoutError, websockets.WebSocketException) as exc:
            log.info("cannot connect to %s: %s", url, exc)
            return Plan(jitter_s(self._failures))
        except ChatCraftError as exc:
            if not exc.is_retryable:
                raise
            return Plan(jitter_s(self._failures))
        return plan_after_close(await self._follow(connection), self._failures, connection.drain_ms)

    async def _follow(self, connection: Connection) -> int | None:
        """Sync and follow until the connection ends; return its close code."""
        self.connection = connection
        self._errand(self._bring_up(connection))
        try:
            return await connection.run()
        except msgspec.DecodeError as exc:
            log.warning("a frame is not understood: %s", exc)
            return None
        finally:
            self.connection = None
            self._live.clear()
            await self._end_errands()
            await connection.close()

    async def _bring_up(self, connection: Connection) -> None:
        try:
            async with asyncio.timeout(_READY_TIMEOUT_S):
                self.ready = await connection.ready
            if self.focused is not None:
                await self.focus(connection, self.focused)
            await self.sync(connection)
            self._state.is_complete = True
            if self.watched:
                await self.watch(connection)
        except (ChatCraftError, TimeoutError) as exc:
            log.info("sync failed: %s", exc)
            connection.cut()
            return
        self.connections_made += 1
        self._failures = 0
        self._live.set()
        await self._keep_authenticated(connection)

    async def sync(self, connection: Connection, room_ids: list[str] | None = None) -> None:
        """Catch up with all rooms, or only with the named ones, page by page."""
        held = self._state.positions()
        if room_ids is not None:
            held = {room_id: held[room_id] for room_id in room_ids if room_id in held}
        cursor: str | None = None
        while True:
            request = Sync(rooms=held, cursor=cursor, only=room_ids is not None)
            cursor = (await connection.call(sync, request, apply=self._take_synced)).next_cursor
            if cursor is None:
                return

    @staticmethod
    async def focus(connection: Connection, room_ids: set[str]) -> None:
        """Say which rooms are looked at on this connection; an older server goes on telling everything."""
        try:
            await connection.call(rooms.focus, rooms.FocusRooms(sorted(room_ids)))
        except ChatCraftError as exc:
            if exc.code != "unknown_op":
                raise

    async def watch(self, connection: Connection) -> list[Presence]:
        """Watch all of `watched` on this connection; what differs from before becomes events."""
        request = presence.WatchPresence(sorted(self.watched))
        presences = (await connection.call(presence.watch, request)).presences
        for each in presences:
            if self._state.presences.get(each.user_id) != each:
                self._on_event(Event("presence.changed", each))
        return presences

    async def _keep_authenticated(self, connection: Connection) -> None:
        """Hand in a fresh token before the old one ends; without it the server closes with 4003.

        For an API token the server itself asks again whether it counts.
        """
        while self._credentials.api_token is None:
            await asyncio.sleep(max(0.0, self._credentials.due_in_s))
            try:
                token = await self._credentials.access_token()
                await connection.call(auth.reauth, auth.Reauth(token))
            except ChatCraftError as exc:
                log.warning("cannot renew the connection's token: %s", exc)
                if not exc.is_retryable:
                    return
                await asyncio.sleep(_REAUTH_RETRY_S)

    async def _refresh(self) -> None:
        """Refresh now; a failure that passes is met again on connecting."""
        tokens = self._credentials.tokens
        try:
            await self._credentials.refresh(tokens.access_token if tokens else "")
        except ChatCraftError as exc:
            if not exc.is_retryable:
                raise

    def _take_synced(self, synced: Synced) -> None:
        for event in self._state.take_synced(synced):
            self._publish(event)

    def _on_event(self, event: Event) -> None:
        verdict = self._state.apply(event)
        if verdict is Verdict.APPLIED or event.name == "room.reset":
            self._publish(event)
        if verdict in {Verdict.GAP, Verdict.RELOAD} and self.connection and event.room_id:
            self._errand(self._reload(self.connection, event.room_id))

    async def _reload(self, connection: Connection, room_id: str) -> None:
        try:
            await self.sync(connection, [room_id])
        except ChatCraftError as exc:
            log.info("cannot reload room %s: %s", room_id, exc)
            connection.cut()  # the next connection syncs everything

    def _errand(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._errands.add(task)
        task.add_done_callback(self._errands.discard)

    async def _end_errands(self) -> None:
        errands = list(self._errands)
        for task in errands:
            task.cancel()
        await asyncio.gather(*errands, return_exceptions=True)


def _plan_after_refusal(status: int, attempt: int) -> Plan:
    if status == _UNAUTHORIZED:
        return Plan(jitter_s(attempt), refresh_first=True)
    if status in _REFUSED:
        raise ChatCraftError("forbidden", f"the server refused the handshake with HTTP {status}")
    return Plan(jitter_s(attempt))

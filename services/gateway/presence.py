"""This node's part of presence: its lease on its users, and who here watches whom.

The presence service decides who is online; the node names its users and passes changes on.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from itertools import islice

import msgspec
from msgspec import Struct, structs

from services.gateway.connection import Connection
from services.gateway.frames import event_payload, text_frame
from services.gateway.gather import Gather
from shared import calls
from shared.background import Background
from shared.bus import Bus, Subscription, subjects
from shared.contracts import internal
from shared.contracts.entities import Empty, Presence
from shared.contracts.errors import ErrorCode
from shared.contracts.limits import PRESENCES_PER_REQUEST, WATCHED_USERS_MAX
from shared.contracts.presence import Presences, WatchPresence
from shared.errors import ChatError
from shared.ids import new_id
from shared.telemetry import get_logger

log = get_logger(__name__)

_RENEW_S = 3.0
_RETRY_S = 0.5
# Arrivals within a moment share a call.
_COALESCE_S = 0.02
_HOLD_MAX = 1_000
_REREAD_S = 60.0


OnFewerPlaces = Callable[[str, int, int], None]
"""Gets a user id, the places given, and for how many connections they were asked."""


class Lease:
    """Tells the presence service who is here, every 3 s and when somebody comes or goes.

    Each connection takes one of the user's places, which are counted over all nodes: whoever gets none
    is turned away. While presence is away nobody is, and what came meanwhile asks afterwards.
    `on_fewer_places` is set by the composition root.
    """

    def __init__(self, bus: Bus, background: Background, node_id: str) -> None:
        self._bus = bus
        self._background = background
        self._node_id = node_id
        self._incarnation = new_id()
        self.on_fewer_places: OnFewerPlaces
        self._connections: dict[str, int] = {}
        # Those to be told of, with the places they were given so far; the others have as many as connections.
        self._changed: dict[str, int] = {}
        self._is_full = True
        self._is_released = False
        self._wake = asyncio.Event()
        self._calling = asyncio.Lock()

    def start(self) -> None:
        self._background.run("presence_lease", self._renew_forever)

    def set(self, user_id: str, connections: int) -> None:
        """Note how many connections a user has here now; they are told in a moment."""
        before = self._connections.get(user_id, 0)
        if connections == before or self._is_released:
            return
        if connections:
            self._connections[user_id] = connections
        else:
            del self._connections[user_id]
        self._changed.setdefault(user_id, before)
        self._wake.set()

    async def release(self) -> None:
        """Give all users up, at the end of a drain, so that nobody waits for the lease to run out."""
        self._is_released = True
        self._changed |= self._connections
        self._connections.clear()
        try:
            await self._renew()
        except ChatError as exc:
            log.warning("presence_not_released", code=exc.code)

    async def _renew_forever(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(_RENEW_S):
                    await self._wake.wait()
                await asyncio.sleep(_COALESCE_S)
            self._wake.clear()
            try:
                await self._renew()
            except ChatError as exc:
                self._background.note("presence_lease", exc, _RETRY_S)
                await asyncio.sleep(_RETRY_S)
                self._wake.set()

    async def _renew(self) -> None:
        async with self._calling:  # the service expects one call of a node at a time
            await self._hold_changed()

    async def _hold_changed(self) -> None:
        if self._is_full:
            self._changed = {
                user_id: self._changed.get(user_id, count) for user_id, count in self._connections.items()
            }
        while True:
            part = dict(islice(self._changed.items(), _HOLD_MAX))
            # Taken out before the call: who comes or goes meanwhile is in the next one.
            for user_id in part:
                del self._changed[user_id]
            try:
                is_known = await self._hold(part)
            except ChatError:
                self._changed.update(part)
                raise
            if not is_known:
                self._changed.update(part)
                self._incarnation = new_id()
                self._is_full = True
                self._wake.set()
                return
            if not self._changed:
                self._is_full = False
                return

    async def _hold(self, part: dict[str, int]) -> bool:
        wanted = {user_id: self._connections.get(user_id, 0) for user_id in part}
        online = [user_id for user_id in part if wanted[user_id]]
        asked = internal.HoldPresence(
            self._node_id,
            self._incarnation,
            online=online,
            offline=[user_id for user_id in part if not wanted[user_id]],
            full=self._is_full,
            count=None if self._changed else len(self._connections),
            places=[(part[user_id], wanted[user_id]) for user_id in online],
        )
        held = await calls.call(self._bus, internal.PRESENCE_HOLD, asked, internal.PresenceHeld)
        if held.known:
            for user_id, places in held.places.items():
                # Before anything else is noted of them: the next call must not claim what was not given.
                self._changed[user_id] = places
                self._wake.set()
                self.on_fewer_places(user_id, places, wanted[user_id])
        return held.known


class _Shown(Struct, frozen=True):
    """How a watched person looks to this node, and after how many changes of anybody it was told so."""

    presence: Presence
    change: int = 0


class Watches:
    """Who watches whom on this node: one subscription for each watched user.

    What a reading says counts only where no change has arrived since it was asked for: it may be older than
    that, and if it is newer, another change is on its way.
    """

    def __init__(self, bus: Bus, background: Background) -> None:
        self._bus = bus
        self._background = background
        self._watchers: dict[str, set[Connection]] = {}
        self._subscriptions: dict[str, Subscription] = {}
        self._shown: dict[str, _Shown] = {}
        self._changes = 0
        self._missed: dict[Connection, set[str]] = {}
        """Of whom slow readers were not told."""
        self._reader: Gather[str, Presence] = Gather(self._read)

    def start(self) -> None:
        self._background.run("presence_reread", self._reread_forever)

    async def watch(self, connection: Connection, request: WatchPresence) -> Presences:
        """Follow people: subscribed first, then read, so that no change falls between."""
        user_ids = list(dict.fromkeys(request.user_ids))
        if len(connection.watched.union(user_ids)) > WATCHED_USERS_MAX:
            raise ChatError(ErrorCode.TOO_LARGE, f"at most {WATCHED_USERS_MAX} people can be watched")
        connection.watched = connection.watched.union(user_ids)
        for user_id in user_ids:
            self._add(user_id, connection)
        try:
            await asyncio.gather(*(self._reader.get(user_id) for user_id in user_ids))
        finally:
            if connection.is_closed:
                self.forget(connection)
        # Taken at the last moment: a change that was written meanwhile must not be undone by the reply.
        return Presences([self._shown[user_id].presence for user_id in user_ids if user_id in self._shown])

    async def unwatch(self, connection: Connection, request: WatchPresence) -> Empty:
        """Stop following people."""
        for user_id in connection.watched.intersection(request.user_ids):
            self._remove(user_id, connection)
        connection.watched = connection.watched.difference(request.user_ids)
        return Empty()

    def forget(self, connection: Connection) -> None:
        """Drop all watches of a closed connection."""
        for user_id in connection.watched:
            self._remove(user_id, connection)
        connection.watched = frozenset()
        self._missed.pop(connection, None)

    def on_drained(self, connection: Connection) -> None:
        """Tell a reader that was slow how those look now of whom it was not told."""
        for user_id in self._missed.pop(connection, ()):
            if user_id in connection.watched and user_id in self._shown:
                connection.send(event_payload("presence.changed", self._shown[user_id].presence))

    async def is_hidden(self, user_id: str) -> bool:
        """Whether somebody who is connected here looks offline to others. Raises ChatError."""
        presence = await self._reader.get(user_id)
        return presence is not None and presence.status == "offline"

    def reread_soon(self) -> None:
        """Changes may have been missed: read again what is watched."""
        self._background.spawn("presence_reread", self._reread())

    def _add(self, user_id: str, connection: Connection) -> None:
        watchers = self._watchers.get(user_id)
        if watchers is None:
            watchers = self._watchers[user_id] = set()
            self._subscriptions[user_id] = self._bus.fan_in(subjects.presence(user_id), self._on_changed)
        watchers.add(connection)

    def _remove(self, user_id: str, connection: Connection) -> None:
        watchers = self._watchers.get(user_id)
        if watchers is None:
            return
        watchers.discard(connection)
        if not watchers:
            del self._watchers[user_id]
            self._shown.pop(user_id, None)
            self._bus.leave(self._subscriptions.pop(user_id))

    def _on_changed(self, _subject: bytes, payload: bytes) -> None:
        presence = _decode_changed(payload).d
        if presence.user_id not in self._watchers:
            return
        self._changes += 1
        before = self._shown.get(presence.user_id)
        self._shown[presence.user_id] = _Shown(presence, self._changes)
        if before is None or before.presence != presence:  # a snapshot may have told it already
            self._send(presence.user_id, payload)

    def _send(self, user_id: str, payload: bytes) -> None:
        frame = text_frame(payload)
        for connection in self._watchers.get(user_id, ()):
            if connection.can_take:
                connection.write(frame)
            elif not connection.is_closed:
                self._missed.setdefault(connection, set()).add(user_id)

    async def _read(self, user_ids: list[str]) -> dict[str, Presence]:
        change = self._changes
        asked = internal.ReadPresence(user_ids)
        answer = await calls.call(self._bus, internal.PRESENCE_READ, asked, internal.PresenceRead)
        found = {each.user_id: structs.replace(each, text=each.text or None) for each in answer.presences}
        for user_id, presence in found.items():
            is_lost = not answer.settled and presence.status == "offline" and user_id in self._shown
            if user_id in self._watchers and not is_lost:
                self._show(user_id, presence, change)
        return found

    def _show(self, user_id: str, presence: Presence, change: int) -> None:
        """Tell the watchers what a reading that began after so many changes shows, if it is news to them."""
        before = self._shown.get(user_id)
        if before is not None and before.change > change:
            return
        self._shown[user_id] = _Shown(presence, change)
        if before is not None and before.presence != presence:
            self._send(user_id, event_payload("presence.changed", presence))

    async def _reread_forever(self) -> None:
        while True:
            await asyncio.sleep(_REREAD_S)
            await self._reread()

    async def _reread(self) -> None:
        watched = list(self._watchers)
        for start in range(0, len(watched), PRESENCES_PER_REQUEST):
            try:
                await self._read(watched[start : start + PRESENCES_PER_REQUEST])
            except ChatError as exc:
                self._background.note("presence_reread", exc, _REREAD_S)
                return


class _Changed(Struct):
    d: Presence


_decode_changed = msgspec.json.Decoder(_Changed).decode

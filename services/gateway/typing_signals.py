"""Typing: decided here, since attached means member; leaves the node only as a signal that may be lost.

In a crowd nobody is told who types.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NamedTuple

from services.gateway.connection import Connection
from services.gateway.frames import signal_payload
from services.gateway.room import ActiveRoom
from shared.bus import Bus, subjects
from shared.clock import Clock, to_wire
from shared.contracts.entities import Empty
from shared.contracts.events import TypingChanged
from shared.contracts.presence import Typing
from shared.errors import ChatError, not_found
from shared.telemetry import get_logger

log = get_logger(__name__)

_SHOWN_S = 6
_EVERY_S = 3.0
_KEPT_MAX = 10_000


class _Start(NamedTuple):
    """The last start of somebody in a room."""

    at_s: float
    is_told: bool
    """Not yet, or never, where somebody is invisible: then the end is not told either."""


class TypingSignals:
    """Forwards at most one `typing.start` per 3 s for each user and room."""

    def __init__(self, bus: Bus, clock: Clock, is_hidden: Callable[[str], Awaitable[bool]]) -> None:
        """`is_hidden` says whether a user is invisible: then nobody is told that they type."""
        self._is_hidden = is_hidden
        self._bus = bus
        self._clock = clock
        self._starts: dict[tuple[str, str, str | None], _Start] = {}

    async def start(self, connection: Connection, request: Typing) -> Empty:
        """Tell the room, unless it was told within 3 s. Raises ChatError `not_found` if not attached."""
        if _find_attached(connection, request.room_id).crowd is not None:
            return Empty()
        key = (connection.user_id, request.room_id, request.thread_id)
        now_s = self._clock.monotonic_s()
        last = self._starts.get(key)
        if last is None or now_s - last.at_s >= _EVERY_S:
            if len(self._starts) >= _KEPT_MAX:
                self._starts = {each: it for each, it in self._starts.items() if now_s - it.at_s < _EVERY_S}
            self._starts[key] = _Start(now_s, is_told=False)
            if await self._look_hidden(connection.user_id):
                return Empty()
            self._starts[key] = _Start(now_s, is_told=True)
            until_at = to_wire(self._clock.now() + timedelta(seconds=_SHOWN_S))
            self._signal(connection, request, until_at)
        return Empty()

    async def stop(self, connection: Connection, request: Typing) -> Empty:
        """Tell the room that it is over, if it was told of the start."""
        _find_attached(connection, request.room_id)
        key = (connection.user_id, request.room_id, request.thread_id)
        last = self._starts.pop(key, None)
        if last is not None and last.is_told:
            self._signal(connection, request, None)
        return Empty()

    async def _look_hidden(self, user_id: str) -> bool:
        try:
            return await self._is_hidden(user_id)
        except ChatError as exc:
            log.warning("presence_not_read", code=exc.code)
            return False

    def _signal(self, connection: Connection, request: Typing, until_at: str | None) -> None:
        changed = TypingChanged(connection.user_id, request.thread_id, until_at)
        payload = signal_payload("typing.changed", request.room_id, changed)
        self._bus.signal(subjects.room_signal(request.room_id, "typing.changed"), payload)


def _find_attached(connection: Connection, room_id: str) -> ActiveRoom:
    room = connection.find_room(room_id)
    if room is None:
        raise not_found("room")
    return room

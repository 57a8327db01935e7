"""One connection: a signed-in device's frames in, and everything it is told out.

Driven by a transport (detached socket, or plain ASGI), it hands commands to the router and keeps
what the hub needs to know of its place. No task, no queue and no timer of its own.
"""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from services.gateway.frames import (
    ClientFrame,
    ProtocolViolation,
    decode_client_frame,
    reply_payload,
    text_frame,
)
from services.gateway.limits import Bucket
from services.gateway.outlet import Outlet
from services.gateway.room import ActiveRoom
from shared.contracts.close_codes import CloseCode
from shared.tokens import Claims

if TYPE_CHECKING:
    from services.gateway.router import Job


class Transport(Protocol):
    """What carries a connection's bytes. Nothing here waits."""

    def write(self, frames: bytes) -> None: ...

    @property
    def outlet(self) -> Outlet:
        """Where a fan-out writes; the same for as long as the transport is there."""

    def ping(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...
    def close(self, code: int, reason: str = "") -> None: ...
    def abort(self) -> None: ...


class Node(Protocol):
    """What a connection tells its node."""

    def now_s(self) -> float: ...
    def on_frame(self, connection: "Connection", frame: ClientFrame | int) -> None: ...
    def on_slow(self, connection: "Connection") -> None: ...
    def on_drained(self, connection: "Connection") -> None: ...
    def on_closed(self, connection: "Connection") -> None: ...


class Connection:
    """A live connection. `rooms` is a tuple: 200 bytes for 20 rooms, where a set takes 2,264."""

    __slots__ = (
        "_node", "_transport", "address", "bucket", "claims", "expires_at", "focus", "heard_at_s",
        "in_flight", "is_closed", "is_synced", "outlet", "paused_reading", "plan", "queues", "rooms",
        "slow_since_s", "watched",
    )  # fmt: skip

    def __init__(self, node: Node, claims: Claims, address: str, bucket: Bucket) -> None:
        self._node = node
        self._transport: Transport
        self.outlet: Outlet
        """The transport's own."""
        self.claims = claims
        self.address = address
        self.bucket = bucket
        self.expires_at = claims.expires_at
        self.heard_at_s = node.now_s()
        self.in_flight = 0
        self.queues: dict[str, deque[Job]] | None = None
        """Waiting commands by room, while one of that room is under way."""
        self.rooms: tuple[ActiveRoom, ...] = ()
        self.plan: tuple[str, ...] = ()
        """Rooms that further pages of `sync` will answer."""
        self.focus: frozenset[str] | None = None
        """The rooms it looks at; None if it never said so and hears everything."""
        self.watched: frozenset[str] = frozenset()
        self.slow_since_s: float | None = None
        self.paused_reading = 0
        self.is_synced = False
        self.is_closed = False

    def bind(self, transport: Transport) -> None:
        """Give it the transport; nothing is sent before."""
        self._transport = transport
        self.outlet = transport.outlet

    @property
    def user_id(self) -> str:
        return self.claims.user_id

    @property
    def can_take(self) -> bool:
        """Whether it reads fast enough to be sent room events."""
        return self.slow_since_s is None and not self.is_closed

    # -- from the transport ---------------------------------------------------------------

    def on_text(self, data: bytes) -> None:
        """Take one text message."""
        try:
            frame = decode_client_frame(data)
        except ProtocolViolation:
            self.close(CloseCode.PROTOCOL_VIOLATION, "not a JSON object with a usable ref")
            return
        self._node.on_frame(self, frame)

    def on_heard(self) -> None:
        """Note that the peer is there; any bytes count."""
        self.heard_at_s = self._node.now_s()

    def on_writing_paused(self) -> None:
        """Too much is unsent: become slow. Replies still go out, so new commands must wait."""
        if self.slow_since_s is None and not self.is_closed:
            self.slow_since_s = self._node.now_s()
            self.pause_reading()
            self._node.on_slow(self)

    def on_writing_resumed(self) -> None:
        """The unsent bytes have drained."""
        if self.slow_since_s is not None and not self.is_closed:
            self.slow_since_s = None
            self.resume_reading()
            self._node.on_drained(self)

    def on_closed(self) -> None:
        """The socket is gone, whoever closed it."""
        if not self.is_closed:
            self.is_closed = True
            self._node.on_closed(self)

    # -- to the peer ----------------------------------------------------------------------

    def write(self, frames: bytes) -> None:
        """Write framed bytes; never waits."""
        self._transport.write(frames)

    def send(self, payload: bytes) -> None:
        """Send one frame of text."""
        if not self.is_closed:
            self._transport.write(text_frame(payload))

    tell = send
    """Sends an event of the connection's user, as opposed to a room's."""

    def reply(self, ref: int, outcome: bytes) -> None:
        """Answer a command with `{"ok":…}` or `{"error":…}`."""
        self.send(reply_payload(ref, outcome))

    def reply_all(self, outcomes: Iterable[tuple[int, bytes]]) -> None:
        """Answer several commands in one write."""
        if not self.is_closed:
            frames = [text_frame(reply_payload(ref, outcome)) for ref, outcome in outcomes]
            self._transport.write(b"".join(frames))

    def ping(self) -> None:
        self._transport.ping()

    def pause_reading(self) -> None:
        """Stop taking commands; may be called for several reasons at once."""
        self.paused_reading += 1
        if self.paused_reading == 1:
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Undo one `pause_reading`; the peer's silence is counted from here."""
        self.paused_reading -= 1
        if self.paused_reading == 0 and not self.is_closed:
            self.heard_at_s = self._node.now_s()
            self._transport.resume_reading()

    def close(self, code: CloseCode, reason: str = "") -> None:
        """Start the closing handshake; `on_closed` follows."""
        self._transport.close(code, reason)

    def abort(self) -> None:
        """Drop the socket with what is unsent."""
        self._transport.abort()

    # -- rooms ----------------------------------------------------------------------------

    def covers(self, _room_id: str) -> bool:
        """Whether its user's room is one that it may hear."""
        return True

    def attends(self, room_id: str) -> bool:
        """Whether it is to get every event of the room, crowded or not."""
        return self.focus is None or room_id in self.focus

    def find_room(self, room_id: str) -> ActiveRoom | None:
        """Return the attached room, or None. O(rooms of the connection)."""
        return next((room for room in self.rooms if room.room_id == room_id), None)

    def forget_room(self, room: ActiveRoom) -> None:
        self.rooms = tuple(each for each in self.rooms if each is not room)

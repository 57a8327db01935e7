"""What a room needs of a connection, and how it writes to one. Knows neither rooms nor sockets."""

from typing import Protocol

from services.gateway.frames import text_frame
from services.gateway.outlet import Outlet


class Subscriber(Protocol):
    """Somebody who hears a room."""

    @property
    def user_id(self) -> str: ...

    @property
    def can_take(self) -> bool:
        """Whether it reads fast enough to be sent more."""

    @property
    def outlet(self) -> Outlet:
        """Where the events of its rooms go; the same for all its life."""

    def attends(self, room_id: str) -> bool:
        """Whether it wants every event of a room, even where that is crowded."""

    def write(self, frames: bytes) -> None:
        """Write framed bytes; never waits."""


def write_all(subscriber: Subscriber, payloads: list[bytes]) -> None:
    """Write payloads as one piece."""
    if payloads:
        subscriber.write(b"".join(map(text_frame, payloads)))

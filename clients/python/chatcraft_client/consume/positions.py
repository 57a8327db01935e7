"""Where a consumer remembers how far it is in each room; it loads once a room and saves once an event.

The default is a key-value bucket on the bus; a service with a database of its own does better: `Positions`.
"""

from typing import Protocol

from nats.js import JetStreamContext
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from chatcraft_client.consume.order import Place
from chatcraft_client.errors import ChatCraftError
from shared.contracts.feed import POSITIONS


class Superseded(Exception):  # noqa: N818 - says what happened
    """Another process of this durable has gone on in the room meanwhile."""


class Positions(Protocol):
    """Remembers one place per room.

    Implement it to get every effect exactly once: write the event's place in the same transaction as its
    effect, let `load` read it, and let `save`, which comes after the handler, do nothing.
    """

    async def load(self, room_id: str) -> Place | None:
        """Return the last place that was dealt with in the room; None if there is none."""

    async def save(self, room_id: str, place: Place) -> None:
        """Remember it; only then is the event acknowledged. Raise Superseded instead of going back."""


class BusPositions:
    """Places in the bucket on the bus. A crash between a handler's end and `save` repeats that event."""

    def __init__(self, bucket: KeyValue, durable: str) -> None:
        self._bucket = bucket
        self._durable = durable
        self._revisions: dict[str, int] = {}

    @classmethod
    async def open(cls, jetstream: JetStreamContext, durable: str) -> "BusPositions":
        """Raises ChatCraftError while the messages service has not made the bucket yet."""
        try:
            return cls(await jetstream.key_value(POSITIONS), durable)
        except BucketNotFoundError as exc:
            raise ChatCraftError("unavailable", "there is no feed yet: no messages service has run") from exc

    async def load(self, room_id: str) -> Place | None:
        try:
            entry = await self._bucket.get(f"{self._durable}.{room_id}")
        except KeyNotFoundError:
            self._revisions[room_id] = 0
            return None
        self._revisions[room_id] = entry.revision or 0
        epoch, _, rev = (entry.value or b"").partition(b":")
        return Place(int(epoch), int(rev))

    async def save(self, room_id: str, place: Place) -> None:
        value = b"%d:%d" % place
        try:
            self._revisions[room_id] = await self._bucket.update(
                f"{self._durable}.{room_id}", value, self._revisions.get(room_id, 0)
            )
        except KeyWrongLastSequenceError as exc:
            raise Superseded(f"room {room_id}") from exc

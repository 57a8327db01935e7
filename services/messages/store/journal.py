"""What a transaction tells the world: its events, kept in one outbox row and published after the commit.

Every path that takes a rev records here; the outbox publishes what is handed over.
"""

import msgspec
from msgspec import Struct

from services.messages.domain.frames import room_frame, user_frame
from services.messages.models import RoomRow
from services.messages.store.connection import Connection
from shared.bus import subjects
from shared.ids import new_id

# Whoever commits publishes at once; after this long any replica's sweeper takes the row over.
CLAIM_S = 2.0

_SAVE = """
INSERT INTO messages.outbox (id, claimed_by, claimed_until, events)
VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3), $4)
"""


class Outgoing(Struct, frozen=True, array_like=True):
    """One message for NATS. `msg_id` is empty for user hints: the feed does not keep those."""

    subject: str
    msg_id: str
    payload: bytes


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[Outgoing])


class Journal:
    """The events of one transaction, in the order in which they are to be published."""

    __slots__ = ("id", "items")

    def __init__(self) -> None:
        self.id = new_id()
        self.items: list[Outgoing] = []

    def room_event(self, room: RoomRow, event: str, data: bytes) -> None:
        """Record an event at the rev that the room has just taken; `data` is its encoded `d`."""
        self.items.append(
            Outgoing(
                subjects.room_event(room.id, event),
                f"{room.id}:{room.epoch}:{room.rev}",
                room_frame(event, room.id, room.epoch, room.rev, data),
            )
        )

    def user_event(self, user_id: str, event: str, user_rev: int, data: bytes) -> None:
        """Record a hint to one user."""
        frame = user_frame(event, user_rev, data)
        self.items.append(Outgoing(subjects.user_event(user_id, event), "", frame))

    def to_row(self, instance: str, claim_s: float = CLAIM_S) -> tuple[str, str, float, bytes]:
        """Return the outbox row, claimed by this process: id, claimed_by, seconds of the claim, events."""
        return self.id, instance, claim_s, _encoder.encode(self.items)

    async def save(self, connection: Connection, instance: str, claim_s: float = CLAIM_S) -> None:
        """Write the outbox row. Who publishes nothing itself claims it for 0 s: the next sweep takes it."""
        await connection.execute(_SAVE, *self.to_row(instance, claim_s))


def decode_events(events: bytes) -> list[Outgoing]:
    """Read back the events of an outbox row."""
    return _decoder.decode(events)

"""What a consumer is given where events of a room are missing for good: the changes, or the news of it.

Asked by the consumer once it has waited long enough.
"""

from msgspec import Struct

from chatcraft_client.client import Client
from chatcraft_client.consume.order import Place
from chatcraft_client.errors import ChatCraftError
from chatcraft_client.frames import Event
from shared.contracts import messages
from shared.contracts.events import RoomChanges, RoomReset

ROOM_GAP = "room.gap"
"""The consumer's own event: events are missing and cannot be filled in. Its data is a Gap."""

_RETRY_FOR_S = 30.0


class Gap(Struct, frozen=True):
    """Everything above `after_rev` and up to the event's own rev is missing."""

    after_rev: int
    reason: str
    """`no_client`, or the code with which the server refused: `not_found`, `forbidden`."""


async def describe_gap(client: Client | None, room_id: str, done: Place, first: Place) -> Event:
    """Return the event that stands for what is missing between `done` and `first`.

    `room.changes`: the present state of all that changed, which may reach beyond `first`. `room.reset`:
    too much, or another epoch; whoever keeps the room's state reads it anew. `room.gap`: the client's user
    may not read the room. Raises ChatCraftError where asking again may help.
    """
    before_first = Place(first.epoch, first.rev - 1)
    if first.epoch > done.epoch:
        return Event("room.reset", RoomReset(room_id), room_id, *before_first)
    if client is None:
        return Event(ROOM_GAP, Gap(done.rev, "no_client"), room_id, *before_first)
    asked = messages.GetChanges(room_id, done.epoch, done.rev)
    try:
        found = await client.call(messages.changes, asked, retry_for_s=_RETRY_FOR_S)
    except ChatCraftError as exc:
        if exc.code not in {"not_found", "forbidden"}:
            raise
        return Event(ROOM_GAP, Gap(done.rev, exc.code), room_id, *before_first)
    place = Place(found.position.epoch, found.position.rev)
    if found.reset or place < first:
        return Event("room.reset", RoomReset(room_id), room_id, *before_first)
    data = RoomChanges(done.rev, found.messages, found.members, found.room)
    return Event("room.changes", data, room_id, *place)

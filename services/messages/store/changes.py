"""All that changed after a position: the one builder behind `messages.changes`, healing and sync."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from services.messages.domain.catching_up import must_reset
from services.messages.models import RoomRow
from services.messages.store.connection import Connection
from services.messages.store.messages import list_changed
from shared.contracts.entities import Member, Message, Position
from shared.contracts.limits import REPLY_MAX_BYTES
from shared.contracts.messages import Changes

# Room for what stands around the rows in a reply.
_ROWS_MAX_BYTES = REPLY_MAX_BYTES - 8_192


class Changed(NamedTuple):
    """The present state of every row with a larger rev, ascending by rev."""

    messages: list[Message]
    members: list[Member]

    @property
    def is_too_large(self) -> bool:
        """Whether it does not fit into one reply; there is no such thing as a part of it."""
        return len(msgspec.json.encode(self)) > _ROWS_MAX_BYTES


NOTHING = Changed([], [])


def position_of(room: RoomRow) -> Position:
    return Position(room.epoch, room.rev)


async def list_changes(
    connection: Connection, rooms: Sequence[RoomRow], after_revs: Mapping[str, int]
) -> dict[str, Changed]:
    """Return what changed in each of the rooms; positions must not be too old to be caught up from.

    The rooms must have been read in the same snapshot.
    """
    behind = {room.id: after_revs[room.id] for room in rooms if after_revs[room.id] < room.rev}
    found = {room.id: NOTHING for room in rooms}
    if behind:
        for room_id, (messages, members) in (await list_changed(connection, behind)).items():
            found[room_id] = Changed([row.to_wire() for row in messages], [row.to_wire() for row in members])
    return found


async def load_changes(connection: Connection, room: RoomRow, epoch: int, after_rev: int) -> Changes:
    """Return what changed in one room, or `reset` where that cannot be told in one reply."""
    position = position_of(room)
    if not must_reset(epoch, after_rev, position):
        changed = (await list_changes(connection, [room], {room.id: after_rev}))[room.id]
        if not changed.is_too_large:
            return Changes(
                position, reset=False, messages=changed.messages, members=changed.members, room=room.to_wire()
            )
    return Changes(position, reset=True, messages=[], members=[], room=room.to_wire())

"""A connection whose API token is for certain rooms: of the others it hears nothing.

The node makes one where a token says so; all others are plain connections and pay nothing for it.
"""

import msgspec
from msgspec import Struct

from services.gateway.connection import Connection
from services.gateway.store_client import OwnRooms
from shared.grants import Grant


class _Placed(Struct):
    room_id: str | None = None


class _OwnEvent(Struct):
    d: _Placed


_decode = msgspec.json.Decoder(_OwnEvent).decode


class ScopedConnection(Connection):
    """Attaches to the rooms of its grant alone; its user's news of other rooms, or of none, pass it by."""

    __slots__ = ()

    def covers(self, room_id: str) -> bool:
        grant = self.claims.grant
        return grant is not None and grant.covers(room_id)

    def tell(self, payload: bytes) -> None:
        room_id = _decode(payload).d.room_id
        if room_id is not None and self.covers(room_id):
            self.send(payload)


def narrow(own: OwnRooms, grant: Grant | None) -> OwnRooms:
    """Return those of a user's rooms that a grant covers; for people, the very same."""
    if grant is None or grant.room_ids is None:
        return own
    return msgspec.structs.replace(own, rooms=[each for each in own.rooms if grant.covers(each.room_id)])

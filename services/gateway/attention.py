"""`rooms.focus`: which rooms a connection looks at. The rooms themselves decide what that changes."""

from services.gateway.connection import Connection
from shared.contracts.entities import Empty
from shared.contracts.rooms import FocusRooms


async def focus(connection: Connection, request: FocusRooms) -> Empty:
    """Replace what the connection looks at; crowded rooms out of it tell it only that they are active.

    O(rooms of the connection). What a room now in focus has to catch up comes as events, or is healed.
    """
    connection.focus = frozenset(request.room_ids)
    for room in connection.rooms:
        if room.room_id in connection.focus:
            room.attend(connection)
        else:
            room.rest(connection)
    return Empty()

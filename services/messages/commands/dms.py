"""Direct conversations: a set of people is one room, whoever opens it and however often at once."""

from services.messages.commands.joining import let_in
from services.messages.commands.people import People
from services.messages.commands.rooms import new_room
from services.messages.domain.access import dm_kind
from services.messages.store.rooms import list_rooms
from services.messages.store.transaction import Database
from shared.bus import Caller
from shared.contracts.entities import Room
from shared.contracts.limits import DM_OTHERS_MAX
from shared.contracts.rooms import OpenDm
from shared.errors import invalid
from shared.ids import dm_room_id


class DmCommands:
    """The id is made of the people, so the primary key decides who was first."""

    def __init__(self, database: Database, people: People) -> None:
        self._database = database
        self._people = people

    async def open_dm(self, caller: Caller, asked: OpenDm) -> Room:
        user_ids = sorted({*asked.user_ids, caller.user_id})
        if len(user_ids) > DM_OTHERS_MAX + 1:
            raise invalid("user_ids", f"must name at most {DM_OTHERS_MAX} others")
        room_id = dm_room_id(user_ids)
        if (room := await self._find(room_id)) is not None:
            return room
        await self._people.check([user_id for user_id in user_ids if user_id != caller.user_id])
        async with self._database.changing() as transaction:
            row = new_room(
                room_id, dm_kind(user_ids), caller.user_id, await transaction.get_now(), user_ids=user_ids
            )
            change = await transaction.add_room(row)
            if change is not None:
                for user_id in user_ids:
                    let_in(change, user_id, "member")
                return row.to_wire()
        room = await self._find(room_id)
        assert room is not None, "whoever was first has committed"
        return room

    async def _find(self, room_id: str) -> Room | None:
        async with self._database.reading() as connection:
            row = (await list_rooms(connection, [room_id])).get(room_id)
        return row.to_wire() if row else None

"""A member's own place in a room: what they are notified of, and how their unread count came about."""

import msgspec

from services.messages.domain.access import refuse_outsider
from services.messages.store.members import build_memberships, set_notify
from services.messages.store.rooms import get_member_view
from services.messages.store.transaction import Database
from services.messages.store.unread import count_own_above, list_mentions_above
from services.messages.store.users import UserStep
from shared.bus import Caller
from shared.contracts.entities import Membership
from shared.contracts.rooms import OneRoom, SetNotify, UnreadExplained


class PlaceCommands:
    """Handlers; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_notify(self, caller: Caller, asked: SetNotify) -> Membership:
        """The room is locked, as for all that writes a membership, and takes no rev: nobody else sees it."""
        async with self._database.changing() as transaction:
            change, member = await transaction.lock_room(asked.room_id, caller.user_id)
            if member is None:
                raise refuse_outsider(change.room.kind)
            is_new = member.notify != asked.notify
            member.notify = asked.notify
            [mine] = await build_memberships(change.connection, [(change.room, member)])
            if is_new:
                await set_notify(change.connection, member)
                data = msgspec.json.encode(mine)
                change.tell_user(UserStep(caller.user_id, change.room.id, "read.updated", data))
        return mine

    async def explain_unread(self, caller: Caller, asked: OneRoom) -> UnreadExplained:
        async with self._database.reading() as connection:
            room, member = await get_member_view(connection, asked.room_id, caller.user_id)
            counted = await count_own_above(connection, member)
            mentions = await list_mentions_above(connection, member)
        unread = member.unread(room.last_seq)
        return UnreadExplained(
            room_id=room.id, first_seq=room.first_seq, last_seq=room.last_seq, read_seq=member.read_seq,
            own_above=member.own_above, own_above_counted=counted, unread=unread, mentions=mentions,
            notify=member.notify,
            consistent=member.own_above == counted and unread == room.last_seq - member.read_seq - counted,
        )  # fmt: skip

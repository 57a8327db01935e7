"""Bans: whom moderators keep out of a room. That nobody comes in past one is checked in `joining`."""

from services.messages.commands.joining import let_go
from services.messages.commands.members import check_owner_stays, enter
from services.messages.commands.people import People
from services.messages.domain import access
from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.store.bans import BannedFrom, lift_ban, list_bans, put_ban
from services.messages.store.invites import revoke_invites_of
from services.messages.store.members import list_named
from services.messages.store.rooms import get_member_view
from services.messages.store.transaction import Database
from shared.bus import Caller
from shared.contracts.entities import Empty
from shared.contracts.fields import Id
from shared.contracts.members import Bans, ListMembers, OneMember
from shared.errors import forbidden


class BanCommands:
    """Handlers; each is one transaction."""

    def __init__(self, database: Database, people: People) -> None:
        self._database = database
        self._people = people

    async def ban(self, caller: Caller, asked: OneMember) -> Empty:
        """Ban, and in the same transaction let go who is in the room and end their invitations."""
        await self._check_exists(caller, asked)
        async with self._database.changing() as transaction:
            change, member = await enter(transaction, asked.room_id, caller)
            access.check_role(member.role, "moderator")
            if asked.user_id == caller.user_id:
                raise forbidden("nobody bans themselves")
            target = (await list_named(change.connection, asked.room_id, [asked.user_id])).get(asked.user_id)
            if target is not None and target.left_at is None:
                access.check_removable(member.role, target.role)
                await check_owner_stays(transaction, change, target)
                let_go(change, target, "banned")
            await revoke_invites_of(change.connection, asked.room_id, asked.user_id)
            await put_ban(change.connection, BannedFrom(asked.room_id, asked.user_id), caller.user_id)
        return Empty()

    async def unban(self, caller: Caller, asked: OneMember) -> Empty:
        async with self._database.changing() as transaction:
            change, member = await enter(transaction, asked.room_id, caller)
            access.check_role(member.role, "moderator")
            await lift_ban(change.connection, BannedFrom(asked.room_id, asked.user_id))
        return Empty()

    async def list_bans(self, caller: Caller, asked: ListMembers) -> Bans:
        after = decode_cursor(asked.cursor, tuple[Id])[0] if asked.cursor else None
        async with self._database.reading() as connection:
            room, member = await get_member_view(connection, asked.room_id, caller.user_id)
            access.check_has_roles(room.kind)
            access.check_role(member.role, "moderator")
            bans = await list_bans(connection, room.id, asked.limit + 1, after)
        page = bans[: asked.limit]
        return Bans(page, encode_cursor((page[-1].user_id,)) if len(bans) > asked.limit else None)

    async def _check_exists(self, caller: Caller, asked: OneMember) -> None:
        """Whoever was ever in the room exists; about others the auth service is asked, by moderators only."""
        async with self._database.reading() as connection:
            room, member = await get_member_view(connection, asked.room_id, caller.user_id)
            access.check_has_roles(room.kind)
            access.check_role(member.role, "moderator")
            known = await list_named(connection, room.id, [asked.user_id])
        if not known:
            await self._people.check([asked.user_id])

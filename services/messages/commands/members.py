"""Commands of membership. Any member may add people; moderators remove, owners give roles."""

import msgspec

from services.messages.commands.joining import check_not_banned, let_go, let_in
from services.messages.commands.people import People
from services.messages.domain import access
from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.models import MemberRow
from services.messages.store.members import build_memberships, count_owners, list_named, list_page
from services.messages.store.rooms import get_member_view
from services.messages.store.transaction import Database, RoomChange, Transaction
from services.messages.store.users import UserStep
from shared.bus import Caller
from shared.contracts.entities import Empty, Member, MemberRole
from shared.contracts.fields import Id
from shared.contracts.members import AddMembers, ListMembers, Members, OneMember, SetRole
from shared.errors import not_found


class MemberCommands:
    """Handlers; each is one transaction."""

    def __init__(self, database: Database, people: People) -> None:
        self._database = database
        self._people = people

    async def list_members(self, caller: Caller, asked: ListMembers) -> Members:
        after = decode_cursor(asked.cursor, tuple[Id])[0] if asked.cursor else None
        async with self._database.reading() as connection:
            await get_member_view(connection, asked.room_id, caller.user_id)
            rows = await list_page(connection, asked.room_id, asked.limit + 1, after)
        page = rows[: asked.limit]
        cursor = encode_cursor((page[-1].user_id,)) if len(rows) > asked.limit else None
        return Members([row.to_wire() for row in page], cursor)

    async def add(self, caller: Caller, asked: AddMembers) -> Members:
        named = sorted(set(asked.user_ids))
        async with self._database.reading() as connection:
            # Before anybody else is asked: an outsider learns nothing about users either.
            await get_member_view(connection, asked.room_id, caller.user_id)
        await self._people.check(named)
        async with self._database.changing() as transaction:
            change, _ = await enter(transaction, asked.room_id, caller)
            access.check_open(change.room.archived_at is not None)
            rows = await list_named(transaction.connection, change.room.id, named)
            await check_not_banned(change, named)
            for user_id in named:
                if user_id not in rows or rows[user_id].left_at is not None:
                    rows[user_id] = let_in(change, user_id, "member")
        return Members([rows[user_id].to_wire() for user_id in named])

    async def remove(self, caller: Caller, asked: OneMember) -> Empty:
        async with self._database.changing() as transaction:
            change, member = await enter(transaction, asked.room_id, caller)
            access.check_role(member.role, "moderator")
            target = await _get_target(transaction, asked.room_id, asked.user_id)
            access.check_removable(member.role, target.role)
            await check_owner_stays(transaction, change, target)
            let_go(change, target, "left" if target.user_id == caller.user_id else "removed")
        return Empty()

    async def set_role(self, caller: Caller, asked: SetRole) -> Member:
        async with self._database.changing() as transaction:
            change, member = await enter(transaction, asked.room_id, caller)
            access.check_role(member.role, "owner")
            access.check_open(change.room.archived_at is not None)
            target = await _get_target(transaction, asked.room_id, asked.user_id)
            if target.role != asked.role:
                await self._give_role(transaction, change, target, asked.role)
            return target.to_wire()

    async def _give_role(
        self, transaction: Transaction, change: RoomChange, target: MemberRow, role: MemberRole
    ) -> None:
        await check_owner_stays(transaction, change, target)
        target.role = role
        change.change_member("member.updated", target)
        [mine] = await build_memberships(transaction.connection, [(change.room, target)])
        change.tell_user(UserStep(target.user_id, change.room.id, "read.updated", msgspec.json.encode(mine)))


async def enter(transaction: Transaction, room_id: str, caller: Caller) -> tuple[RoomChange, MemberRow]:
    """Lock a room whose members can change, for one of them."""
    change, member = await transaction.lock_room(room_id, caller.user_id)
    if member is None:
        raise access.refuse_outsider(change.room.kind)
    access.check_has_roles(change.room.kind)
    return change, member


async def _get_target(transaction: Transaction, room_id: str, user_id: str) -> MemberRow:
    row = (await list_named(transaction.connection, room_id, [user_id])).get(user_id)
    if row is None or row.left_at is not None:
        raise not_found("member")
    return row


async def check_owner_stays(transaction: Transaction, change: RoomChange, target: MemberRow) -> None:
    """Raise `conflict` if the room would lose its last owner."""
    if target.role == "owner":
        owners = await count_owners(transaction.connection, change.room.id)
        access.check_owner_stays(target.role, owners, change.room.member_count)

"""Invitations by link: made and ended by members, looked at and accepted by whoever holds the code.

Unknown, wrong, expired, used up and revoked are all `not_found`: a guess learns nothing.
"""

import secrets
from datetime import timedelta

from services.messages.commands.joining import check_not_banned, let_in
from services.messages.domain import access
from services.messages.domain.invitations import (
    SECRET_BYTES,
    InviteCode,
    check_may_invite,
    decode_code,
    encode_code,
    hash_secret,
    is_secret_of,
)
from services.messages.models import MemberRow, RoomRow
from services.messages.store.bans import list_banned
from services.messages.store.connection import Connection
from services.messages.store.invites import (
    InviteRow,
    add_invite,
    count_live_invites,
    find_invite,
    list_live_invites,
    revoke_invite,
    use_invite,
)
from services.messages.store.members import build_memberships
from services.messages.store.rooms import get_member_view, list_rooms
from services.messages.store.transaction import Database
from services.messages.store.users import list_member_of
from shared.bus import Caller
from shared.clock import to_wire
from shared.contracts.entities import Empty, Membership
from shared.contracts.invites import (
    CreateInvite,
    HeldInvite,
    Invite,
    InvitePreview,
    Invites,
    OneInvite,
    RoomInvites,
)
from shared.contracts.limits import INVITES_PER_ROOM
from shared.errors import conflict, forbidden, not_found
from shared.ids import new_id

_NO_HASH = bytes(32)


class InviteCommands:
    """Handlers; each is one transaction, `accept` after a look that locks nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, caller: Caller, asked: CreateInvite) -> Invite:
        secret = secrets.token_bytes(SECRET_BYTES)
        async with self._database.changing() as transaction:
            change, member = await transaction.lock_room(asked.room_id, caller.user_id)
            _check_inviter(change.room, member)
            access.check_open(change.room.archived_at is not None)
            if await count_live_invites(change.connection, asked.room_id) >= INVITES_PER_ROOM:
                raise conflict(f"a room has at most {INVITES_PER_ROOM} invitations at a time")
            lives_s = asked.expires_in_s
            row = InviteRow(
                id=new_id(), room_id=asked.room_id, secret_hash=hash_secret(secret),
                created_by=caller.user_id, created_at=change.now,
                expires_at=None if lives_s is None else change.now + timedelta(seconds=lives_s),
                max_uses=asked.max_uses, uses=0, is_live=True,
            )  # fmt: skip
            await add_invite(change.connection, row)
        return row.to_wire(encode_code(InviteCode(row.room_id, row.id, secret)))

    async def list_invites(self, caller: Caller, asked: RoomInvites) -> Invites:
        async with self._database.reading() as connection:
            room, member = await get_member_view(connection, asked.room_id, caller.user_id)
            _check_inviter(room, member)
            rows = await list_live_invites(connection, room.id, INVITES_PER_ROOM)
        return Invites([row.to_wire() for row in rows])

    async def revoke(self, caller: Caller, asked: OneInvite) -> Empty:
        async with self._database.changing() as transaction:
            change, member = await transaction.lock_room(asked.room_id, caller.user_id)
            if member is None:
                raise access.refuse_outsider(change.room.kind)
            invite = await find_invite(change.connection, asked.room_id, asked.invite_id)
            if invite is None:
                raise not_found("invitation")
            if invite.created_by != caller.user_id:
                access.check_role(member.role, "moderator")
            await revoke_invite(change.connection, asked.room_id, asked.invite_id)
        return Empty()

    async def preview(self, caller: Caller, asked: HeldInvite) -> InvitePreview:
        async with self._database.reading() as connection:
            invite, is_member = await _look(connection, caller.user_id, asked.code)
            if not is_member and await list_banned(connection, invite.room_id, [caller.user_id]):
                raise forbidden("banned from this room")
            room = (await list_rooms(connection, [invite.room_id]))[invite.room_id]
        return InvitePreview(
            room_id=room.id, name=room.name or "", topic=room.topic, kind=room.kind,
            member_count=room.member_count,
            expires_at=to_wire(invite.expires_at) if invite.expires_at else None,
        )  # fmt: skip

    async def accept(self, caller: Caller, asked: HeldInvite) -> Membership:
        """Let the holder in and count one use; a member stays one, and nothing is counted."""
        async with self._database.reading() as connection:
            # First without a lock: who only knows a room's id cannot make others wait for it.
            invite, _ = await _look(connection, caller.user_id, asked.code)
        async with self._database.changing() as transaction:
            change, member = await transaction.lock_room_for_guest(invite.room_id, caller.user_id)
            if member is None:
                await _look(change.connection, caller.user_id, asked.code)
                await check_not_banned(change, [caller.user_id])
                access.check_open(change.room.archived_at is not None)
                await use_invite(change.connection, invite.room_id, invite.id)
                member = let_in(change, caller.user_id, access.joining_role(change.room.member_count))
            return (await build_memberships(change.connection, [(change.room, member)]))[0]


def _check_inviter(room: RoomRow, member: MemberRow | None) -> None:
    if member is None:
        raise access.refuse_outsider(room.kind)
    check_may_invite(room.kind, room.settings.who_may_invite, member.role)


async def _look(connection: Connection, user_id: str, code: str) -> tuple[InviteRow, bool]:
    """Return the invitation of a code and whether the holder is in its room already.

    Raises `not_found` unless the secret is right and, for who is not yet in, the invitation is live.
    """
    held = decode_code(code)
    invite = await find_invite(connection, held.room_id, held.invite_id) if held else None
    is_right = is_secret_of(held.secret if held else b"", invite.secret_hash if invite else _NO_HASH)
    if invite is None or not is_right:
        raise not_found("invitation")
    is_member = bool(await list_member_of(connection, user_id, [invite.room_id]))
    if not (invite.is_live or is_member):
        raise not_found("invitation")
    return invite, is_member

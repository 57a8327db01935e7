"""Who comes into a room and who goes: the steps that creating, joining, adding and leaving share."""

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from services.messages.models import MemberRow
from services.messages.store.bans import list_banned
from services.messages.store.transaction import RoomChange
from services.messages.store.users import LeftReason, UserStep
from shared.contracts.entities import MemberRole
from shared.contracts.events import RoomRemoved
from shared.errors import forbidden


class RoomAdded(Struct, frozen=True):
    """The hint `room.added`: the gateway fetches the element and tells the client all of it."""

    room_id: str


async def check_not_banned(change: RoomChange, user_ids: Sequence[str]) -> None:
    """Raise `forbidden` if any of them is kept out of the locked room. Ask before `let_in`."""
    if await list_banned(change.connection, change.room.id, user_ids):
        raise forbidden("banned from this room")


def let_in(change: RoomChange, user_id: str, role: MemberRole) -> MemberRow:
    """Make somebody a member from now on, with everything read."""
    room = change.room
    member = MemberRow(
        room_id=room.id, user_id=user_id, role=role, joined_at=change.now, left_at=None, rev=0,
        read_seq=room.last_seq, own_above=0, notify="all",
    )  # fmt: skip
    room.member_count += 1
    change.change_member("member.joined", member)
    hint = msgspec.json.encode(RoomAdded(room.id))
    change.tell_user(UserStep(user_id, room.id, "room.added", hint, rooms=1))
    return member


def let_go(change: RoomChange, member: MemberRow, reason: LeftReason) -> None:
    """End a membership; its row stays as a tombstone."""
    room = change.room
    member.left_at = change.now
    room.member_count -= 1
    change.change_member("member.left", member)
    hint = msgspec.json.encode(RoomRemoved(room.id, reason))
    change.tell_user(UserStep(member.user_id, room.id, "room.removed", hint, rooms=-1, left_reason=reason))

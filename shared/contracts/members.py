"""Commands of membership: list, add, remove, give a role, ban."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.entities import Ban, Empty, Member, MemberRole
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Cursor, Id, PageSize
from shared.contracts.limits import NAMED_MEMBERS_MAX
from shared.contracts.registry import DELETE, GET, PATCH, POST, PUT, Access, command

_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT)


class ListMembers(Struct, frozen=True):
    room_id: Id
    limit: PageSize = 100
    cursor: Cursor | None = None


class Members(Struct, frozen=True):
    """Present members only, by user id."""

    members: list[Member]
    next_cursor: str | None = None


class AddMembers(Struct, frozen=True):
    room_id: Id
    user_ids: Annotated[list[Id], Meta(min_length=1, max_length=NAMED_MEMBERS_MAX)]


class OneMember(Struct, frozen=True):
    room_id: Id
    user_id: Id


class Bans(Struct, frozen=True):
    """By user id."""

    bans: list[Ban]
    next_cursor: str | None


class SetRole(Struct, frozen=True):
    room_id: Id
    user_id: Id
    role: MemberRole


list_members = command(
    "members.list", ListMembers, Members, "Who is in a room",
    service="messages", http=GET("/rooms/{room_id}/members"), access=Access.MEMBER, errors=_ERRORS[:2],
)  # fmt: skip
add = command(
    "members.add", AddMembers, Members, "Add people to a room; those already in it stay as they are",
    service="messages", http=POST("/rooms/{room_id}/members"), access=Access.MEMBER, errors=_ERRORS,
)  # fmt: skip
remove = command(
    "members.remove", OneMember, Empty, "Remove somebody from a room",
    service="messages", http=DELETE("/rooms/{room_id}/members/{user_id}"), access=Access.MODERATOR,
    errors=_ERRORS,
)  # fmt: skip
set_role = command(
    "members.set_role", SetRole, Member, "Give a member another role",
    service="messages", http=PATCH("/rooms/{room_id}/members/{user_id}"), access=Access.OWNER,
    errors=_ERRORS,
)  # fmt: skip
ban = command(
    "members.ban", OneMember, Empty, "Keep somebody out of a room; who is in it is removed",
    service="messages", http=PUT("/rooms/{room_id}/bans/{user_id}"), access=Access.MODERATOR, errors=_ERRORS,
)  # fmt: skip
unban = command(
    "members.unban", OneMember, Empty, "Lift a ban; nobody comes back by it alone",
    service="messages", http=DELETE("/rooms/{room_id}/bans/{user_id}"), access=Access.MODERATOR,
    errors=_ERRORS,
)  # fmt: skip
list_bans = command(
    "members.bans", ListMembers, Bans, "Who is banned from a room",
    service="messages", http=GET("/rooms/{room_id}/bans"), access=Access.MODERATOR, errors=_ERRORS,
)  # fmt: skip

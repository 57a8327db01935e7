"""Commands of invitations: a link whose holder may come into one room. The code travels in bodies only."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.entities import Empty, Membership, RoomKind
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Id, InviteCode
from shared.contracts.registry import DELETE, GET, POST, Access, Effect, command

_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT)
_WEEK_S = 604_800
_YEAR_S = 31_536_000


class CreateInvite(Struct, frozen=True):
    room_id: Id
    expires_in_s: Annotated[int, Meta(ge=60, le=_YEAR_S)] | None = _WEEK_S
    """Null: until it is revoked."""
    max_uses: Annotated[int, Meta(ge=1, le=10_000)] | None = None


class Invite(Struct, frozen=True):
    id: str
    room_id: str
    created_by: str
    created_at: str
    expires_at: str | None
    max_uses: int | None
    uses: int
    code: str | None
    """Shown once, to who made it; the web client's link is `/#invite=CODE`."""


class RoomInvites(Struct, frozen=True):
    room_id: Id


class Invites(Struct, frozen=True):
    """Those that can still be used, newest first."""

    invites: list[Invite]


class OneInvite(Struct, frozen=True):
    room_id: Id
    invite_id: Id


class HeldInvite(Struct, frozen=True):
    code: InviteCode


class InvitePreview(Struct, frozen=True):
    """What the holder of a link is told before coming in."""

    room_id: str
    name: str
    topic: str
    kind: RoomKind
    member_count: int
    expires_at: str | None


create = command(
    "invites.create", CreateInvite, Invite, "Make a link that lets people into a room",
    service="messages", http=POST("/rooms/{room_id}/invites"), status=201, access=Access.MEMBER,
    errors=_ERRORS,
)  # fmt: skip
list_invites = command(
    "invites.list", RoomInvites, Invites, "A room's invitations, without their codes",
    service="messages", http=GET("/rooms/{room_id}/invites"), access=Access.MEMBER, errors=_ERRORS,
)  # fmt: skip
revoke = command(
    "invites.revoke", OneInvite, Empty, "End an invitation: one's own, or any as a moderator",
    service="messages", http=DELETE("/rooms/{room_id}/invites/{invite_id}"), access=Access.MEMBER,
    errors=_ERRORS,
)  # fmt: skip
preview = command(
    "invites.preview", HeldInvite, InvitePreview, "Which room a link leads to",
    service="messages", http=POST("/invites/preview"), errors=_ERRORS[:2], effect=Effect.READ,
)  # fmt: skip
accept = command(
    "invites.accept", HeldInvite, Membership, "Come into the room that a link leads to",
    service="messages", http=POST("/invites/accept"), errors=_ERRORS,
)  # fmt: skip

"""Commands of rooms: create, find, change, join and leave; one's own place in them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from shared.contracts.entities import Empty, Membership, Notify, Room, WhoMay
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Cursor, Id, PageSize, Query, RoomName, Topic
from shared.contracts.limits import (
    DM_OTHERS_MAX,
    FOCUSED_ROOMS_MAX,
    NAMED_MEMBERS_MAX,
    RETENTION_MAX_DAYS,
    SLOW_MODE_MAX_S,
)
from shared.contracts.registry import (
    GATEWAY_ONLY,
    GET,
    PATCH,
    POST,
    PUT,
    Access,
    Effect,
    TokenUse,
    command,
)

RoomSort = Literal["name", "members", "active"]
_ROOM_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT)


class CreateRoom(Struct, frozen=True):
    kind: Literal["public", "private"]
    name: RoomName
    id: Id | None = None
    """The client's own id makes the command idempotent."""
    topic: Topic | None = ""
    member_ids: Annotated[list[Id], Meta(max_length=NAMED_MEMBERS_MAX)] | None = []


class OpenDm(Struct, frozen=True):
    # One more than the others: naming oneself is ignored.
    user_ids: Annotated[list[Id], Meta(max_length=DM_OTHERS_MAX + 1)]


class ListRooms(Struct, frozen=True):
    limit: PageSize = 100
    cursor: Cursor | None = None


class OwnRoom(Struct, frozen=True):
    room: Room
    membership: Membership


class OwnRooms(Struct, frozen=True):
    """Most recently active first."""

    rooms: list[OwnRoom]
    next_cursor: str | None


class FocusRooms(Struct, frozen=True):
    room_ids: Annotated[list[Id], Meta(max_length=FOCUSED_ROOMS_MAX)]
    """Also rooms that the connection is not, or not yet, attached to."""


class BrowseRooms(Struct, frozen=True):
    q: Query = ""
    """What a word of the name or topic begins with, or the name itself, whatever the case."""
    sort: RoomSort = "name"
    limit: PageSize = 50
    cursor: Cursor | None = None


class Rooms(Struct, frozen=True):
    rooms: list[Room]
    next_cursor: str | None


class OneRoom(Struct, frozen=True):
    room_id: Id


class SetNotify(Struct, frozen=True):
    room_id: Id
    notify: Notify


class CountedMention(Struct, frozen=True):
    message_id: str
    seq: int
    sender_id: str
    why: Literal["user", "room"]


class UnreadExplained(Struct, frozen=True):
    """How a member's count came about: `unread` = `last_seq` - `read_seq` - `own_above`."""

    room_id: str
    first_seq: int
    last_seq: int
    read_seq: int
    own_above: int
    """One's own messages above the mark, as the store keeps their number."""
    own_above_counted: int
    """The same, counted from the messages."""
    unread: int
    mentions: list[CountedMention]
    """Those above the mark, the first 100."""
    notify: Notify
    consistent: bool
    """Whether what is kept is what was counted."""


class SettingsChange(Struct, frozen=True, forbid_unknown_fields=True):
    """The settings to change; what is not named stays."""

    slow_mode_s: Annotated[int, Meta(ge=0, le=SLOW_MODE_MAX_S)] | UnsetType = UNSET
    retention_days: Annotated[int, Meta(ge=1, le=RETENTION_MAX_DAYS)] | UnsetType | None = UNSET
    who_may_post: WhoMay | UnsetType = UNSET
    who_may_mention_room: WhoMay | UnsetType = UNSET
    who_may_pin: WhoMay | UnsetType = UNSET
    who_may_invite: WhoMay | UnsetType | None = UNSET


class UpdateRoom(Struct, frozen=True):
    room_id: Id
    name: RoomName | UnsetType = UNSET
    topic: Topic | UnsetType = UNSET
    settings: SettingsChange | UnsetType = UNSET


create = command(
    "rooms.create", CreateRoom, Room, "Create a room and own it",
    service="messages", http=POST("/rooms"), status=201, errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)  # fmt: skip
open_dm = command(
    "rooms.open_dm", OpenDm, Room, "Open the one conversation of this set of people",
    service="messages", http=POST("/dms"), errors=(ErrorCode.NOT_FOUND, ErrorCode.CONFLICT),
)  # fmt: skip
list_own = command(
    "rooms.list", ListRooms, OwnRooms, "The caller's rooms", service="messages", http=GET("/rooms")
)
browse = command(
    "rooms.browse", BrowseRooms, Rooms, "Public rooms, by words of their name or topic",
    service="messages", http=GET("/rooms/public"),
)  # fmt: skip
get = command(
    "rooms.get", OneRoom, Room, "One room",
    service="messages", http=GET("/rooms/{room_id}"), access=Access.READER, errors=(ErrorCode.NOT_FOUND,),
)  # fmt: skip
update = command(
    "rooms.update", UpdateRoom, Room, "Change name, topic or settings",
    service="messages", http=PATCH("/rooms/{room_id}"), access=Access.MODERATOR, errors=_ROOM_ERRORS,
)  # fmt: skip
archive = command(
    "rooms.archive", OneRoom, Room, "Close a room for writing, for good",
    service="messages", http=POST("/rooms/{room_id}/archive"), access=Access.OWNER, errors=_ROOM_ERRORS,
)  # fmt: skip
join = command(
    "rooms.join", OneRoom, Membership, "Join a public room",
    service="messages", http=POST("/rooms/{room_id}/join"), errors=_ROOM_ERRORS,
)  # fmt: skip
leave = command(
    "rooms.leave", OneRoom, Empty, "Leave a room; its last owner cannot while others are in it",
    service="messages", http=POST("/rooms/{room_id}/leave"), access=Access.MEMBER, errors=_ROOM_ERRORS,
)  # fmt: skip
set_notify = command(
    "rooms.set_notify", SetNotify, Membership, "What the caller is notified of in a room, on all devices",
    service="messages", http=PUT("/rooms/{room_id}/notify"), access=Access.MEMBER, errors=_ROOM_ERRORS[:2],
)  # fmt: skip
explain_unread = command(
    "rooms.explain_unread", OneRoom, UnreadExplained, "How the caller's unread count came about",
    service="messages", http=GET("/rooms/{room_id}/unread"), access=Access.MEMBER, errors=_ROOM_ERRORS[:2],
)  # fmt: skip
focus = command(
    "rooms.focus", FocusRooms, Empty, "Look at these rooms: other crowded ones tell only of activity",
    service="gateway", doors=GATEWAY_ONLY, effect=Effect.READ, tokens=TokenUse.ANY,
)  # fmt: skip

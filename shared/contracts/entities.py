"""What the protocol speaks of: users, rooms, members, messages, as they travel. Keys are never absent.

Ids are lower-case UUIDs, times RFC 3339 UTC with milliseconds. Shapes only, no rules.
"""

from typing import Any, Literal

from msgspec import Struct, field

UserRole = Literal["member", "admin", "bot"]
RoomKind = Literal["public", "private", "dm", "group_dm"]
MemberRole = Literal["owner", "moderator", "member"]
Notify = Literal["all", "mentions", "none"]
WhoMay = Literal["everybody", "moderators"]
"""Of the members; owners count as moderators."""
MessageKind = Literal["text", "system", "encrypted"]
PresenceStatus = Literal["online", "away", "dnd", "invisible"]
SeenStatus = Literal["online", "away", "dnd", "invisible", "offline"]
"""What a presence shows; `invisible` only to oneself."""


class Empty(Struct, frozen=True):
    """`{}`: nothing to say, or nothing to ask."""


class User(Struct, frozen=True):
    id: str
    username: str
    display_name: str
    role: UserRole
    bio: str
    avatar_file_id: str | None
    created_at: str | None
    deactivated: bool


class Me(User, frozen=True):
    """A User as its owner sees it. `created_at` is null only while the auth service is away."""

    email: str | None
    email_verified: bool
    locale: str | None
    timezone: str | None


class Tokens(Struct, frozen=True):
    access_token: str
    expires_in_s: int
    refresh_token: str | None
    """Null when a browser has it as a cookie."""


class LoginSession(Struct, frozen=True):
    """One refresh-token family: a device where the user is signed in."""

    id: str
    created_at: str
    last_used_at: str
    address: str | None
    user_agent: str | None
    current: bool


class RoomSettings(Struct, frozen=True):
    """What moderators set for a room."""

    slow_mode_s: int = 0
    """Seconds between two messages of one member; moderators do not wait. 0: off."""
    retention_days: int | None = None
    """Messages of the main timeline go after so many days, with their threads. Null: kept."""
    who_may_post: WhoMay = "everybody"
    """In the main timeline; everybody may reply in threads."""
    who_may_mention_room: WhoMay = "everybody"
    """`<!room>` and `<!here>`."""
    who_may_pin: WhoMay = "everybody"
    who_may_invite: WhoMay | None = None
    """Null: everybody in public rooms, moderators in private ones."""


class Room(Struct, frozen=True):
    id: str
    kind: RoomKind
    name: str | None
    topic: str
    user_ids: list[str] | None
    """DMs only: everybody in it, sorted."""
    created_by: str
    created_at: str
    archived_at: str | None
    epoch: int
    rev: int
    first_seq: int
    last_seq: int
    member_count: int
    settings: RoomSettings


class Member(Struct, frozen=True):
    room_id: str
    user_id: str
    role: MemberRole
    joined_at: str
    left_at: str | None
    rev: int


class Membership(Struct, frozen=True):
    """A member's own view of a room; only its owner ever sees it."""

    room_id: str
    user_id: str
    role: MemberRole
    joined_at: str
    read_seq: int
    unread: int
    mentions: int
    notify: Notify


class Ban(Struct, frozen=True):
    room_id: str
    user_id: str
    banned_by: str
    banned_at: str


class Draft(Struct, frozen=True):
    """What a user has begun to write, on all their devices; an empty text means that there is none."""

    room_id: str
    thread_id: str | None
    text: str
    updated_at: str


class SavedMark(Struct, frozen=True):
    """Whether a user keeps a message for later; `saved_at` is null once it was removed."""

    room_id: str
    message_id: str
    saved_at: str | None


class Mentions(Struct, frozen=True):
    user_ids: list[str] = field(default_factory=list)
    room: bool = False
    here: bool = False


class Reaction(Struct, frozen=True):
    emoji: str
    count: int
    user_ids: list[str]


class Message(Struct, frozen=True):
    id: str
    room_id: str
    seq: int
    rev: int
    thread_id: str | None
    reply_to: str | None
    sender_id: str
    kind: MessageKind
    text: str
    content: dict[str, Any] | None
    mentions: Mentions
    files: list[dict[str, Any]]
    reactions: list[Reaction]
    reply_count: int
    last_reply_at: str | None
    pinned_at: str | None
    created_at: str
    edited_at: str | None
    deleted_at: str | None


class ThreadMark(Struct, frozen=True):
    """How far one user has read a thread, and whether they follow it."""

    room_id: str
    thread_id: str
    read_seq: int
    following: bool


class Presence(Struct, frozen=True):
    user_id: str
    status: SeenStatus
    text: str | None
    last_active_at: str | None


class Position(Struct, frozen=True):
    """A place in a room's history. Lower epoch: drop; higher: reload; else compare `rev`."""

    epoch: int
    rev: int

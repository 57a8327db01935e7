"""Calls between services: `svc.<service>.<verb>`, their requests and replies. Never public.

Permitted per caller by NATS. Unlike commands they carry no caller: the one who asks is a service.
"""

from typing import Any, Literal

from msgspec import Raw, Struct, field

from shared.contracts.entities import (
    Me,
    Member,
    Membership,
    Message,
    Position,
    Presence,
    PresenceStatus,
    Room,
)
from shared.contracts.sync import HeldPosition, SyncElement

# Not a call but the gateway's short way for a command: an array of requests of one caller for one room; the
# reply is the array of what each would have been answered. An older service does not listen here.
SEND_MANY = "rpc.messages.send.many"
KEYS = "svc.auth.keys"
REVOCATIONS = "svc.auth.revocations"
KNOWN_USERS = "svc.auth.known_users"
PROFILES = "svc.auth.profiles"
API_TOKENS = "svc.auth.api_tokens"
EXPORT_HEAD = "svc.auth.export_head"
EXPORT_PART = "svc.auth.export_part"
MEMBERSHIPS = "svc.messages.memberships"
SNAPSHOT = "svc.messages.snapshot"
CHANGES = "svc.messages.changes"
POSITIONS = "svc.messages.positions"
USER_CHANGES = "svc.messages.user_changes"
EXPORT_PAGE = "svc.messages.export_page"
ERASE_SOME = "svc.messages.erase_some"
PRESENCE_READ = "svc.presence.read"
PRESENCE_HOLD = "svc.presence.hold"
PRESENCE_KEPT = "svc.presence.kept"
PRESENCE_FORGET = "svc.presence.forget"
# Every node answers, not one of them.
DELIVERIES = "svc.gateway.deliveries"


class NoRequest(Struct, frozen=True):
    """A call that asks nothing."""


class Keys(Struct, frozen=True):
    keys: list[dict[str, Any]]
    issuer: str
    audience: str


class Revocation(Struct, frozen=True):
    """One row of `auth.revocations`; the hint `auth.revoked` carries the same, encoded alone."""

    rev: int
    kind: Literal["login", "user", "role"]
    id: str
    """A login id for `login`, else a user id."""
    issued_before: float
    """Tokens issued at or before this Unix time in seconds, with fractions, are void (for `login`: all)."""
    until: int
    """Unix time in seconds after which every such token has expired anyway."""
    deactivated: bool = False


class GetRevocations(Struct, frozen=True):
    after_rev: int


class Revocations(Struct, frozen=True):
    """Rows after `after_rev`, ascending; `rev` is the newest there is, `first_rev` the oldest kept."""

    rev: int
    rows: list[Revocation]


class UserIds(Struct, frozen=True):
    user_ids: list[str]


class KnownUsers(Struct, frozen=True):
    """Those of the asked that exist and are active."""

    user_ids: list[str]


class Profiles(Struct, frozen=True):
    """Those that exist, in any order."""

    users: list[Me]


class TokenHashes(Struct, frozen=True):
    """SHA-256 of API tokens, in hex: the tokens themselves never leave the gateway."""

    hashes: list[str]


class KnownToken(Struct, frozen=True):
    """A token that is valid at `checked_at`. Its id stands where a login's would: one list ends both."""

    hash: str
    id: str
    user_id: str
    username: str
    display_name: str
    role: Literal["member", "bot"]
    """Never `admin`, whoever made it."""
    scopes: list[str]
    checked_at: float
    expires_at: float | None


class KnownTokens(Struct, frozen=True):
    """Those of the asked that are valid."""

    tokens: list[KnownToken]


class GetMemberships(Struct, frozen=True):
    user_ids: list[str]


class RoomOf(Struct, frozen=True):
    """One membership of a user, with the room's present rev."""

    room_id: str
    rev: int
    membership: Membership | None
    """Of the first SYNC_PAGE_ROOMS rooms; null where only the order matters."""


class UserRooms(Struct, frozen=True):
    user_id: str
    user_rev: int
    rooms: list[RoomOf]
    """Most recently active first; at most ROOMS_PER_USER."""


class Memberships(Struct, frozen=True):
    """All read in one snapshot. Asked users may be missing where the reply would grow too large: ask again.

    `rooms` holds each room that a membership is given for, once.
    """

    epoch: int
    rooms: dict[str, Room]
    users: list[UserRooms]


class GetSnapshot(Struct, frozen=True):
    """`room_ids` in the order wanted; rooms the user is not in are left out of the reply."""

    user_id: str
    room_ids: list[str]
    held: dict[str, HeldPosition] = field(default_factory=dict)


class Snapshot(Struct, frozen=True):
    """Elements for a prefix of the asked rooms, as far as 512 KiB reach; all in one snapshot."""

    elements: list[SyncElement]
    answered: int
    """How many of the asked room ids were looked at."""
    user_rev: int


class RoomAfter(Struct, frozen=True):
    room_id: str
    epoch: int
    after_rev: int


class RoomsAfter(Struct, frozen=True):
    """At most 200 rooms, each once."""

    rooms: list[RoomAfter]


class RoomChanged(Struct, frozen=True):
    """Like `messages.changes`, without a caller: the gateway decides who hears it."""

    after_rev: int
    position: Position
    reset: bool
    messages: list[Message]
    members: list[Member]
    room: Room


class RoomsChanged(Struct, frozen=True):
    """Those of the asked rooms that exist and fit into one reply; ask again for the rest."""

    rooms: list[RoomChanged]


class GetPositions(Struct, frozen=True):
    room_ids: list[str] = field(default_factory=list)
    user_ids: list[str] = field(default_factory=list)


class Positions(Struct, frozen=True):
    """`rooms` and `users` map id to rev; unknown ids are absent."""

    epoch: int
    rooms: dict[str, int]
    users: dict[str, int]


class GetUserChanges(Struct, frozen=True):
    user_id: str
    after_user_rev: int


class UserItemEvent(Struct, frozen=True):
    """The present state of one of the user's own items, as the event that tells of it."""

    ev: str
    d: Raw


class UserChanges(Struct, frozen=True):
    """Present state of what changed after `after_user_rev` in the user's own timeline.

    `memberships` are those still held (new ones, read marks, settings); `left` those ended.
    """

    user_rev: int
    memberships: list[Membership]
    left: list[str]
    items: list[UserItemEvent] = field(default_factory=list)


class HoldPresence(Struct, frozen=True):
    """A node's heartbeat: who came and who went on it since the last call that was answered.

    At most 1,000 users in both lists together, and one call at a time. `full` marks each call that
    re-adds everybody, beginning the lease of a new incarnation. An unanswered call is repeated.

    A user's connections take places, of which there are 20 over all nodes. Who comes, and whose number
    changes, is named in `online`.
    """

    node_id: str
    incarnation: str
    online: list[str] = field(default_factory=list)
    offline: list[str] = field(default_factory=list)
    full: bool = False
    count: int | None = None
    """How many users the node holds after this call; None while more of them are still to be sent."""
    places: list[tuple[int, int]] = field(default_factory=list)
    """For each of `online`: places given before, and connections there are now. Empty: (1, 1) each."""


class PresenceHeld(Struct, frozen=True):
    """`known` is false when lease or users were lost: take a new incarnation, call again with `full`."""

    known: bool
    places: dict[str, int] = field(default_factory=dict)
    """Who has more connections on the node than places: how many places. The newest have to go."""


class ReadPresence(Struct, frozen=True):
    user_ids: list[str]


class PresenceRead(Struct, frozen=True):
    presences: list[Presence]
    settled: bool = True
    """False: Redis has lost data less than a lease ago, and who looks offline may well be here."""


class GetExport(Struct, frozen=True):
    """Asked by a gateway for who presented a token; their address is for the audit log."""

    user_id: str
    export_id: str
    address: str


class ExportHead(Struct, frozen=True):
    """An export that its owner may download now."""

    size_bytes: int
    parts: int
    requested_at: str


class GetExportPart(Struct, frozen=True):
    user_id: str
    export_id: str
    number: int
    """From 1."""


class ExportPart(Struct, frozen=True):
    """At most 256 KiB of the file."""

    data: bytes


class GetExportPage(Struct, frozen=True):
    user_id: str
    cursor: str | None = None
    """Of the page before; null for the first one."""


class ExportPage(Struct, frozen=True):
    """One document of an export, at most 512 KiB; its name is null where there was nothing on the way."""

    name: str | None
    document: Raw
    people: list[str]
    """Whom the document names and the service knows by id only."""
    cursor: str | None
    """Null: this was the last one."""


class EraseSome(Struct, frozen=True):
    """Go on with an erasure. Any replica may be asked, also once more with the same cursor."""

    user_id: str
    stage: Literal["rooms", "messages"]
    keeps_texts: bool
    cursor: str | None = None


class ErasedSome(Struct, frozen=True):
    cursor: str | None
    """Where to go on; null: the stage is done."""


class PresenceOf(Struct, frozen=True):
    user_id: str


class PresenceKept(Struct, frozen=True):
    """What is kept of somebody, whatever others are shown."""

    status: PresenceStatus
    text: str
    expires_at: str | None
    last_active_at: str | None


class PresenceForgotten(Struct, frozen=True):
    is_done: bool
    """False while they are still connected somewhere, or others have yet to be told: ask again."""


class GetDelivery(Struct, frozen=True):
    """What became of one event of a room on each node."""

    room_id: str
    epoch: int
    rev: int


class Delivery(Struct, frozen=True):
    """One node's answer, from its memory: times are forgotten first, then the event itself."""

    node_id: str
    listeners: int
    """Connections here that hear the room now."""
    state: Literal["no_listener", "not_yet", "written", "passed"]
    """`passed`: the node stands behind it and remembers no more of it."""
    written_at: str | None = None
    written_to: int | None = None
    """To how many connections at once; others were caught up later."""
    together: int | None = None
    """How many events went out in the same write."""

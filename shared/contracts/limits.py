"""The bounds a client must know, and the ones it is told in `ready.limits`. Numbers only."""

from msgspec import Struct

PASSWORD_MIN = 8
PASSWORD_MAX = 128
MESSAGE_TEXT_MAX = 16_000
DM_OTHERS_MAX = 19
ROOMS_PER_USER = 1_000
SYNC_PAGE_ROOMS = 100
SYNC_NEWEST_MESSAGES = 30
SYNC_MAX_REVS_BEHIND = 500
REPLY_MAX_BYTES = 512 * 1024
MENTIONS_COUNTED_MAX = 100
MENTIONED_USERS_MAX = 50
REACTION_USERS_SHOWN = 100
REACTION_KINDS_MAX = 50
PINS_MAX = 100
SLOW_MODE_MAX_S = 21_600
RETENTION_MAX_DAYS = 3_650
PROFILES_PER_REQUEST = 100
PRESENCES_PER_REQUEST = 500
NAMED_MEMBERS_MAX = 100
WATCHED_USERS_MAX = 500
FOCUSED_ROOMS_MAX = 20
INVITES_PER_ROOM = 100
INVITE_CODE_LENGTH = 64
INVITATION_USES_MAX = 10_000
INVITATION_LIFE_MAX_S = 365 * 24 * 3600
INVITATIONS_SHOWN_MAX = 500
DRAFTS_PER_USER = 1_000
SAVED_PER_USER = 10_000
EXPLAINED_MENTIONS_MAX = 100
SCOPES_PER_TOKEN = 100
RECEIPT_LENGTH = 64


class Limits(Struct, frozen=True):
    """What `ready.limits` tells a client; the gateway enforces the same object."""

    frame_bytes: int = 262_144
    text_code_points: int = MESSAGE_TEXT_MAX
    commands_in_flight: int = 64
    command_timeout_s: int = 10
    commands_per_s: int = 20
    commands_burst: int = 60
    connections_per_user: int = 20
    watched_users: int = WATCHED_USERS_MAX
    rooms_per_user: int = ROOMS_PER_USER
    reply_bytes: int = REPLY_MAX_BYTES
    ping_interval_s: int = 25
    silence_s: int = 45
    focused_rooms: int = FOCUSED_ROOMS_MAX

"""Rooms, members, messages with their threads and mentions, user timelines, outbox, epoch.

`room_id` is in every key and nothing refers across rooms or to users: the tables can be sharded by it.
"""

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# Each statement opens every partition it might touch: with 16 a batch costs PostgreSQL a third more, and a
# single message twice as much.
_PARTITIONS = 4

_ROOMS = """
CREATE TABLE messages.rooms (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('public', 'private', 'dm', 'group_dm')),
    name text,
    topic text NOT NULL DEFAULT '',
    user_ids uuid[],                          -- DMs: everybody in it, sorted
    created_by uuid NOT NULL,
    created_at timestamptz NOT NULL,
    archived_at timestamptz,
    rev bigint NOT NULL DEFAULT 0,
    first_seq bigint NOT NULL DEFAULT 1,
    last_seq bigint NOT NULL DEFAULT 0,
    member_count integer NOT NULL DEFAULT 0,
    settings jsonb NOT NULL DEFAULT '{}',
    active_at timestamptz NOT NULL            -- of the newest message of the main timeline; sorts lists
) PARTITION BY HASH (id)
"""

_MEMBERSHIPS = """
CREATE TABLE messages.memberships (
    room_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role text NOT NULL CHECK (role IN ('owner', 'moderator', 'member')),
    joined_at timestamptz NOT NULL,
    left_at timestamptz,                      -- who left stays as a tombstone
    rev bigint NOT NULL CHECK (rev > 0),
    read_seq bigint NOT NULL DEFAULT 0,
    own_above bigint NOT NULL DEFAULT 0,      -- own messages above read_seq: unread without counting
    notify text NOT NULL DEFAULT 'all' CHECK (notify IN ('all', 'mentions', 'none')),
    PRIMARY KEY (room_id, user_id)
) PARTITION BY HASH (room_id)
"""

_MESSAGES = """
CREATE TABLE messages.messages (
    room_id uuid NOT NULL,
    id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    rev bigint NOT NULL CHECK (rev > 0),
    thread_id uuid,
    reply_to uuid,
    sender_id uuid NOT NULL,
    kind text NOT NULL DEFAULT 'text' CHECK (kind IN ('text', 'system', 'encrypted')),
    text text NOT NULL,
    content jsonb,
    mention_user_ids uuid[] NOT NULL DEFAULT '{}',
    mention_room boolean NOT NULL DEFAULT false,
    mention_here boolean NOT NULL DEFAULT false,
    reply_count bigint NOT NULL DEFAULT 0,
    last_reply_at timestamptz,
    thread_last_seq bigint NOT NULL DEFAULT 0, -- of the thread under this message, deleted replies too
    pinned_at timestamptz,
    created_at timestamptz NOT NULL,
    edited_at timestamptz,
    deleted_at timestamptz,
    PRIMARY KEY (room_id, id)
) PARTITION BY HASH (room_id)
"""

_MENTIONS = """
CREATE TABLE messages.mentions (
    room_id uuid NOT NULL,
    message_id uuid NOT NULL,
    user_id uuid,                             -- null: the whole room
    sender_id uuid NOT NULL,
    thread_id uuid,
    seq bigint NOT NULL
) PARTITION BY HASH (room_id)
"""

_THREAD_READS = """
CREATE TABLE messages.thread_reads (
    room_id uuid NOT NULL,
    thread_id uuid NOT NULL,
    user_id uuid NOT NULL,
    read_seq bigint NOT NULL,
    PRIMARY KEY (room_id, thread_id, user_id)
) PARTITION BY HASH (room_id)
"""

_PLAIN_TABLES = (
    # A user's own timeline; room_count keeps the limit of rooms per user without counting.
    """
    CREATE TABLE messages.user_timelines (
        user_id uuid PRIMARY KEY,
        rev bigint NOT NULL,
        room_count integer NOT NULL DEFAULT 0
    ) WITH (fillfactor = 70)
    """,
    # The memberships by user, with the place of the last change in the user's timeline.
    """
    CREATE TABLE messages.user_rooms (
        user_id uuid NOT NULL,
        room_id uuid NOT NULL,
        user_rev bigint NOT NULL,
        left_reason text CHECK (left_reason IN ('left', 'removed', 'banned')),
        PRIMARY KEY (user_id, room_id)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX user_rooms_by_rev ON messages.user_rooms (user_id, user_rev)",
    # Batches of events that are committed and not yet acknowledged by the feed.
    """
    CREATE TABLE messages.outbox (
        id uuid PRIMARY KEY,
        created_at timestamptz NOT NULL DEFAULT now(),
        claimed_by uuid NOT NULL,
        claimed_until timestamptz NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        events bytea NOT NULL
    ) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)
    """,
    "CREATE INDEX outbox_by_claim ON messages.outbox (claimed_until)",
    # One row: the epoch, beside what tells this history of the database from another.
    """
    CREATE TABLE messages.deployment (
        is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
        epoch bigint NOT NULL,
        timeline_id bigint NOT NULL,
        system_identifier bigint NOT NULL
    )
    """,
    """
    INSERT INTO messages.deployment (epoch, timeline_id, system_identifier)
    SELECT 1, c.timeline_id, s.system_identifier FROM pg_control_checkpoint() c, pg_control_system() s
    """,
)

# The conditions hold for every row. They keep these indexes out of lookups by id: on a small table the
# planner finds any index that begins with room_id as good as the primary key, and would then read the room.
_INDEXES = (
    """
    CREATE UNIQUE INDEX messages_by_seq ON messages.messages (room_id, thread_id, seq) NULLS NOT DISTINCT
    WHERE seq > 0
    """,
    """
    CREATE INDEX rooms_by_name ON messages.rooms ((lower(name) COLLATE "C"), id)
    WHERE kind = 'public' AND archived_at IS NULL
    """,
    "CREATE INDEX memberships_by_rev ON messages.memberships (room_id, rev) WHERE rev > 0",
    """
    CREATE INDEX memberships_owners ON messages.memberships (room_id)
    WHERE role = 'owner' AND left_at IS NULL
    """,
    "CREATE INDEX messages_by_rev ON messages.messages (room_id, rev) WHERE rev > 0",
    # Counts one's own messages above a read mark that is set back.
    "CREATE INDEX messages_by_sender ON messages.messages (room_id, sender_id, seq) WHERE thread_id IS NULL",
    "CREATE INDEX mentions_by_user ON messages.mentions (room_id, user_id, seq) WHERE thread_id IS NULL",
    "CREATE INDEX mentions_by_message ON messages.mentions (room_id, message_id)",
)


def upgrade() -> None:
    # Counters change in place: free space in each page keeps those updates off the indexes.
    _create_partitioned("rooms", _ROOMS, fillfactor=50)
    _create_partitioned("memberships", _MEMBERSHIPS, fillfactor=70)
    _create_partitioned("messages", _MESSAGES, fillfactor=95)
    _create_partitioned("mentions", _MENTIONS, fillfactor=100)
    _create_partitioned("thread_reads", _THREAD_READS, fillfactor=80)
    for statement in (*_PLAIN_TABLES, *_INDEXES):
        op.execute(statement)


def downgrade() -> None:
    for table in (
        "deployment", "outbox", "user_rooms", "user_timelines", "thread_reads", "mentions", "messages",
        "memberships", "rooms",
    ):  # fmt: skip
        op.execute(f"DROP TABLE messages.{table}")


def _create_partitioned(table: str, statement: str, *, fillfactor: int) -> None:
    op.execute(statement)
    for number in range(_PARTITIONS):
        op.execute(
            f"CREATE TABLE messages.{table}_{number:02d} PARTITION OF messages.{table} "
            f"FOR VALUES WITH (MODULUS {_PARTITIONS}, REMAINDER {number}) WITH (fillfactor = {fillfactor})"
        )

"""Reactions, edit history, bans, invitations, slow mode, and what a user keeps for themselves.

Only adds, so that the version before runs on it; `thread_reads` stays until that version is gone.
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_PARTITIONS = 4  # as many as the tables of 0001: rows of one room lie side by side

_COLUMNS = (
    # The wire's `reactions`, kept by the writer under the room's lock: reading a message joins nothing.
    "ALTER TABLE messages.messages ADD COLUMN reactions jsonb",
    "ALTER TABLE messages.memberships ADD COLUMN last_sent_at timestamptz",  # for slow mode
)

_REACTIONS = """
CREATE TABLE messages.reactions (
    room_id uuid NOT NULL,
    message_id uuid NOT NULL,
    emoji text NOT NULL,
    user_id uuid NOT NULL,
    rev bigint NOT NULL CHECK (rev > 0),      -- of the room, when it was added: sorts
    PRIMARY KEY (room_id, message_id, emoji, user_id)
) PARTITION BY HASH (room_id)
"""

_HISTORY = """
CREATE TABLE messages.message_history (
    room_id uuid NOT NULL,
    message_id uuid NOT NULL,
    rev bigint NOT NULL CHECK (rev > 0),      -- that the message had with this text
    text text NOT NULL,
    written_at timestamptz NOT NULL,
    PRIMARY KEY (room_id, message_id, rev)
) PARTITION BY HASH (room_id)
"""

_PLAIN_TABLES = (
    """
    CREATE TABLE messages.bans (
        room_id uuid NOT NULL,
        user_id uuid NOT NULL,
        banned_by uuid NOT NULL,
        banned_at timestamptz NOT NULL,
        PRIMARY KEY (room_id, user_id)
    )
    """,
    # A link is a secret: kept hashed, and shown once.
    """
    CREATE TABLE messages.invites (
        room_id uuid NOT NULL,
        id uuid NOT NULL,
        secret_hash bytea NOT NULL,
        created_by uuid NOT NULL,
        created_at timestamptz NOT NULL,
        expires_at timestamptz,
        max_uses integer,
        uses integer NOT NULL DEFAULT 0,
        revoked_at timestamptz,
        PRIMARY KEY (room_id, id)
    )
    """,
    # Drafts, saved messages, followed threads: one user's own, on all devices; numbered like user_rooms.
    """
    CREATE TABLE messages.user_items (
        user_id uuid NOT NULL,
        kind text NOT NULL CHECK (kind IN ('draft', 'saved', 'thread')),
        room_id uuid NOT NULL,
        item_id uuid NOT NULL,                -- a message; the room itself for its main timeline's draft
        user_rev bigint NOT NULL,
        data jsonb NOT NULL,                  -- `d` of the event that tells of it
        PRIMARY KEY (user_id, kind, room_id, item_id)
    ) WITH (fillfactor = 80)
    """,
    "CREATE INDEX user_items_by_rev ON messages.user_items (user_id, user_rev)",
)

_INDEXES = (
    "CREATE INDEX messages_pinned ON messages.messages (room_id, pinned_at) WHERE pinned_at IS NOT NULL",
    """
    CREATE INDEX messages_with_thread ON messages.messages (room_id, last_reply_at, id)
    WHERE last_reply_at IS NOT NULL
    """,
    """
    CREATE INDEX rooms_with_retention ON messages.rooms (id) WHERE settings ? 'retention_days'
    """,
)


# Nobody has to be told of what they had: 0 is before every place in a user's timeline.
_TAKE_OVER_MARKS = """
INSERT INTO messages.user_items (user_id, kind, room_id, item_id, user_rev, data)
SELECT user_id, 'thread', room_id, thread_id, 0,
       jsonb_build_object('room_id', room_id, 'thread_id', thread_id, 'read_seq', read_seq, 'following', true)
FROM messages.thread_reads
"""


def upgrade() -> None:
    for statement in _COLUMNS:
        op.execute(statement)
    _create_partitioned("reactions", _REACTIONS)
    _create_partitioned("message_history", _HISTORY)
    for statement in (*_PLAIN_TABLES, *_INDEXES):
        op.execute(statement)
    op.execute(_TAKE_OVER_MARKS)


def downgrade() -> None:
    for index in ("rooms_with_retention", "messages_with_thread", "messages_pinned"):
        op.execute(f"DROP INDEX messages.{index}")
    for table in ("user_items", "invites", "bans", "message_history", "reactions"):
        op.execute(f"DROP TABLE messages.{table}")
    op.execute("ALTER TABLE messages.memberships DROP COLUMN last_sent_at")
    op.execute("ALTER TABLE messages.messages DROP COLUMN reactions")


def _create_partitioned(table: str, statement: str) -> None:
    op.execute(statement)
    for number in range(_PARTITIONS):
        op.execute(
            f"CREATE TABLE messages.{table}_{number:02d} PARTITION OF messages.{table} "
            f"FOR VALUES WITH (MODULUS {_PARTITIONS}, REMAINDER {number})"
        )

"""The search index: words of each message, and up to which rev each room is indexed.

Filled after the commit, beside the tables it is made from: dropped and made anew, nothing is lost.
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_PARTITIONS = 4  # as many as the tables of 0001: rows of one room lie side by side

_SEARCH = """
CREATE TABLE messages.message_search (
    room_id uuid NOT NULL,
    message_id uuid NOT NULL,
    created_at timestamptz NOT NULL,
    edited_at timestamptz,                    -- of the text that was indexed: another one has changed since
    tsv tsvector NOT NULL,
    PRIMARY KEY (room_id, message_id)
) PARTITION BY HASH (room_id)
"""

_PROGRESS = """
CREATE TABLE messages.search_progress (
    room_id uuid NOT NULL PRIMARY KEY,
    rev bigint NOT NULL                       -- every change of the room up to this one is indexed
) PARTITION BY HASH (room_id)
"""

# What waits to be merged into the index is read by every search: half a megabyte, not four.
_WORDS = """
CREATE INDEX message_search_words ON messages.message_search USING gin (tsv)
WITH (gin_pending_list_limit = 512)
"""


def upgrade() -> None:
    _create_partitioned("message_search", _SEARCH, fillfactor=100)
    _create_partitioned("search_progress", _PROGRESS, fillfactor=50)
    op.execute(_WORDS)


def downgrade() -> None:
    op.execute("DROP TABLE messages.search_progress")
    op.execute("DROP TABLE messages.message_search")


def _create_partitioned(table: str, statement: str, *, fillfactor: int) -> None:
    op.execute(statement)
    for number in range(_PARTITIONS):
        op.execute(
            f"CREATE TABLE messages.{table}_{number:02d} PARTITION OF messages.{table} "
            f"FOR VALUES WITH (MODULUS {_PARTITIONS}, REMAINDER {number}) WITH (fillfactor = {fillfactor})"
        )

"""Which of a user's own items were removed, and when they were last put: for lists, bounds and the sweep.

Adds a computed column, which rewrites `user_items` once; the version before runs on it.
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_IS_REMOVED = """
ALTER TABLE messages.user_items
    ADD COLUMN put_at timestamptz NOT NULL DEFAULT now(),
    ADD COLUMN is_removed boolean NOT NULL GENERATED ALWAYS AS (
        kind = 'draft' AND data->>'text' IS NOT DISTINCT FROM ''
        OR kind = 'saved' AND data->>'saved_at' IS NULL
    ) STORED
"""
_INDEXES = (
    # Lists newest first, and counts against the bounds.
    "CREATE INDEX user_items_kept ON messages.user_items (user_id, kind, user_rev) WHERE NOT is_removed",
    "CREATE INDEX user_items_removed ON messages.user_items (put_at) WHERE is_removed",
)


def upgrade() -> None:
    for statement in (_IS_REMOVED, *_INDEXES):
        op.execute(statement)


def downgrade() -> None:
    for index in ("user_items_removed", "user_items_kept"):
        op.execute(f"DROP INDEX messages.{index}")
    op.execute("ALTER TABLE messages.user_items DROP COLUMN is_removed, DROP COLUMN put_at")

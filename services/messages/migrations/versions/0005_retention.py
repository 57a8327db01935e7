"""How far a room's expired messages are deleted: the sweeper of retention works between here and first_seq.

Only adds, so that the version before runs on it.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE messages.rooms ADD COLUMN purged_seq bigint NOT NULL DEFAULT 0")
    op.execute("CREATE INDEX rooms_to_purge ON messages.rooms (id) WHERE purged_seq < first_seq - 1")


def downgrade() -> None:
    op.execute("DROP INDEX messages.rooms_to_purge")
    op.execute("ALTER TABLE messages.rooms DROP COLUMN purged_seq")

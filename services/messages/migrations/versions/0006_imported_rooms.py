"""Which rooms an import made: it goes on in those, and touches no other that happens to have the id."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_IMPORTED_ROOMS = """
CREATE TABLE messages.imported_rooms (
    room_id uuid PRIMARY KEY,
    begun_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz                   -- null: the history is on its way, the room still closed
)
"""


def upgrade() -> None:
    op.execute(_IMPORTED_ROOMS)


def downgrade() -> None:
    op.execute("DROP TABLE messages.imported_rooms")

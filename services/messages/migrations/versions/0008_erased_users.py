"""Whose account is erased: they come into no room any more, and their own lists are gone."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ERASED_USERS = """
CREATE TABLE messages.erased_users (
    user_id uuid PRIMARY KEY,
    erased_at timestamptz NOT NULL DEFAULT now()
)
"""


def upgrade() -> None:
    op.execute(_ERASED_USERS)


def downgrade() -> None:
    op.execute("DROP TABLE messages.erased_users")

"""Bots with their owners, and the API tokens by which they, and people's own scripts, act."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, UUID

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_ID = UUID(as_uuid=False)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "bots",
        sa.Column("user_id", _ID, sa.ForeignKey("auth.users.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("owner_id", _ID, sa.ForeignKey("auth.users.id", ondelete="CASCADE"), nullable=False),
        schema="auth",
    )
    op.create_index("bots_by_owner", "bots", ["owner_id"], schema="auth")
    op.create_table(
        "api_tokens",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("auth.users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME),
        sa.Column("expires_at", _TIME),
        sa.Column("ended_at", _TIME),
        schema="auth",
    )
    op.create_index("api_tokens_by_user", "api_tokens", ["user_id"], schema="auth")


def downgrade() -> None:
    op.drop_table("api_tokens", schema="auth")
    # A bot without an owner could be used by nobody and ended by nobody; its name stays taken.
    op.execute(
        "UPDATE auth.users SET deactivated_at = coalesce(deactivated_at, now())"
        " WHERE id IN (SELECT user_id FROM auth.bots)"
    )
    op.drop_table("bots", schema="auth")

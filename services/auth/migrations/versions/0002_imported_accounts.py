"""Who came by an import: the same person is the same account, however often an export is imported."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_ID = UUID(as_uuid=False)


def upgrade() -> None:
    op.create_table(
        "imported_accounts",
        sa.Column("person_id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("auth.users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("is_made", sa.Boolean, nullable=False),
        sa.Column("imported_at", sa.DateTime(timezone=True), nullable=False),
        schema="auth",
    )
    op.create_index("imported_accounts_by_user", "imported_accounts", ["user_id"], schema="auth")


def downgrade() -> None:
    op.drop_table("imported_accounts", schema="auth")

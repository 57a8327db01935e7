"""Accounts at providers, and what is under way with them."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_ID = UUID(as_uuid=False)
_TIME = sa.DateTime(timezone=True)


def _user(*, nullable: bool = False) -> sa.Column[str]:
    return sa.Column("user_id", _ID, sa.ForeignKey("auth.users.id", ondelete="CASCADE"), nullable=nullable)


def upgrade() -> None:
    op.create_table(
        "identities",
        sa.Column("id", _ID, primary_key=True),
        _user(),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("linked_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME),
        sa.UniqueConstraint("issuer", "subject", name="identities_by_subject"),
        schema="auth",
    )
    op.create_table(
        "oidc_flows",
        sa.Column("state_hash", sa.LargeBinary, primary_key=True),
        sa.Column("binding_hash", sa.LargeBinary, nullable=False),
        sa.Column("provider_id", sa.Text, nullable=False),
        _user(nullable=True),
        sa.Column("expires_at", _TIME, nullable=False),
        schema="auth",
    )
    op.create_table(
        "identity_tickets",
        sa.Column("token_hash", sa.LargeBinary, primary_key=True),
        _user(nullable=True),
        sa.Column("provider_id", sa.Text, nullable=False),
        sa.Column("issuer", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("email", sa.Text),
        sa.Column("email_verified", sa.Boolean, nullable=False),
        sa.Column("is_admin", sa.Boolean, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        schema="auth",
    )
    for table in ("identities", "oidc_flows", "identity_tickets"):
        op.create_index(f"{table}_by_user", table, ["user_id"], schema="auth")
    for table in ("oidc_flows", "identity_tickets"):
        op.create_index(f"{table}_by_end", table, ["expires_at"], schema="auth")


def downgrade() -> None:
    for table in ("identity_tickets", "oidc_flows", "identities"):
        op.drop_table(table, schema="auth")

"""Mails that wait to be sent, the links in them, invitations, consents; who must verify an address first."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ID = UUID(as_uuid=False)
_TIME = sa.DateTime(timezone=True)
_USER = "auth.users.id"


def upgrade() -> None:
    op.add_column(
        "users",
        sa.Column("must_verify_email", sa.Boolean, nullable=False, server_default=sa.false()),
        schema="auth",
    )
    op.create_index(
        "users_by_unverified_email",
        "users",
        [sa.text("lower(email)")],
        schema="auth",
        postgresql_where=sa.text("NOT email_verified AND email IS NOT NULL"),
    )
    _create_mails()
    _create_links()
    _create_invitations()
    op.create_table(
        "consents",
        sa.Column("user_id", _ID, sa.ForeignKey(_USER, ondelete="CASCADE"), primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("accepted_at", _TIME, nullable=False),
        sa.CheckConstraint("kind IN ('terms', 'age')", name="consents_kind_check"),
        schema="auth",
    )


def _create_mails() -> None:
    op.create_table(
        "mails",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("user_id", _ID, sa.ForeignKey(_USER, ondelete="CASCADE")),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        schema="auth",
    )
    op.create_index("mails_by_due", "mails", ["due_at"], schema="auth")
    op.create_index("mails_by_user", "mails", ["user_id"], schema="auth")


def _create_links() -> None:
    op.create_table(
        "email_links",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("user_id", _ID, sa.ForeignKey(_USER, ondelete="CASCADE"), nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.CheckConstraint("purpose IN ('verify', 'reset')", name="email_links_purpose_check"),
        schema="auth",
    )
    op.create_index("email_links_by_user", "email_links", ["user_id", "purpose"], schema="auth")
    op.create_index("email_links_by_end", "email_links", ["expires_at"], schema="auth")


def _create_invitations() -> None:
    op.create_table(
        "invitations",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("created_by", _ID, sa.ForeignKey(_USER, ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("max_uses", sa.Integer, nullable=False),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("revoked_at", _TIME),
        sa.CheckConstraint("uses BETWEEN 0 AND max_uses", name="invitations_uses_check"),
        schema="auth",
    )
    op.create_index("invitations_by_creator", "invitations", ["created_by"], schema="auth")
    op.create_index("invitations_by_end", "invitations", ["expires_at"], schema="auth")


def downgrade() -> None:
    for table in ("consents", "invitations", "email_links", "mails"):
        op.drop_table(table, schema="auth")
    op.drop_index("users_by_unverified_email", "users", schema="auth")
    op.drop_column("users", "must_verify_email", schema="auth")

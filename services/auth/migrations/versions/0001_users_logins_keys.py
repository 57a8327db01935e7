"""Users, logins with their refresh tokens, revocations, signing keys, limits."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_ID = UUID(as_uuid=False)
_TIME = sa.DateTime(timezone=True)
_KEY = sa.Text(collation="C")


def upgrade() -> None:
    _create_users()
    _create_logins()
    _create_revocations()
    op.create_table(
        "keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("valid_from", _TIME, nullable=False),
        sa.Column("valid_until", _TIME),
        schema="auth",
    )
    op.create_table(
        "limits",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("full_at", _TIME, nullable=False),
        schema="auth",
        prefixes=["UNLOGGED"],
    )


def _create_users() -> None:
    op.create_table(
        "users",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("username", _KEY, nullable=False, unique=True),
        sa.Column("display_name", sa.Text, nullable=False),
        sa.Column("display_key", _KEY, nullable=False),
        sa.Column("role", sa.String, nullable=False),
        sa.Column("bio", sa.Text, nullable=False),
        sa.Column("avatar_file_id", _ID),
        sa.Column("email", sa.Text),
        sa.Column("email_verified", sa.Boolean, nullable=False),
        sa.Column("locale", sa.Text),
        sa.Column("timezone", sa.Text),
        sa.Column("password_hash", sa.Text),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("deactivated_at", _TIME),
        sa.CheckConstraint("role IN ('member', 'admin', 'bot')", name="users_role_check"),
        schema="auth",
    )
    active = sa.text("deactivated_at IS NULL")
    op.create_index(
        "users_by_name", "users", ["display_key", "username"], schema="auth", postgresql_where=active
    )
    op.create_index(
        "users_by_verified_email",
        "users",
        [sa.text("lower(email)")],
        unique=True,
        schema="auth",
        postgresql_where=sa.text("email_verified"),
    )


def _create_logins() -> None:
    op.create_table(
        "logins",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey("auth.users.id", ondelete="CASCADE"), nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("address", sa.Text),
        sa.Column("user_agent", sa.Text),
        schema="auth",
    )
    op.create_index("logins_by_user", "logins", ["user_id", "last_used_at"], schema="auth")
    op.create_index("logins_by_end", "logins", ["expires_at"], schema="auth")
    op.create_table(
        "refresh_tokens",
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("login_id", _ID, sa.ForeignKey("auth.logins.id", ondelete="CASCADE"), nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("used_at", _TIME),
        schema="auth",
    )
    op.create_index("refresh_tokens_by_login", "refresh_tokens", ["login_id"], schema="auth")
    op.create_index("refresh_tokens_by_end", "refresh_tokens", ["expires_at"], schema="auth")


def _create_revocations() -> None:
    op.create_table(
        "revocations",
        sa.Column("rev", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject_id", _ID, nullable=False),
        sa.Column("issued_before", _TIME, nullable=False),
        sa.Column("until", _TIME, nullable=False),
        sa.Column("deactivated", sa.Boolean, nullable=False),
        sa.CheckConstraint("kind IN ('login', 'user', 'role')", name="revocations_kind_check"),
        schema="auth",
    )
    counter = op.create_table(
        "revocation_counter",
        sa.Column("is_only", sa.Boolean, primary_key=True),
        sa.Column("rev", sa.BigInteger, nullable=False),
        sa.CheckConstraint("is_only", name="revocation_counter_one_row"),
        schema="auth",
    )
    op.bulk_insert(counter, [{"is_only": True, "rev": 0}])


def downgrade() -> None:
    for table in ("limits", "keys", "revocation_counter", "revocations", "refresh_tokens", "logins", "users"):
        op.drop_table(table, schema="auth")

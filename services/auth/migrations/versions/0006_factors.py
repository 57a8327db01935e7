"""TOTP, recovery codes, passkeys, and what is under way with them: challenges, logins half done."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_ID = UUID(as_uuid=False)
_TIME = sa.DateTime(timezone=True)


def _user(*, nullable: bool = False, primary_key: bool = False) -> sa.Column[str]:
    theirs = sa.ForeignKey("auth.users.id", ondelete="CASCADE")
    return sa.Column("user_id", _ID, theirs, nullable=nullable, primary_key=primary_key)


def upgrade() -> None:
    _create_factors()
    op.create_table(
        "challenges",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("purpose", sa.String, nullable=False),
        _user(nullable=True),
        sa.Column("challenge", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.CheckConstraint("purpose IN ('create', 'get')", name="challenges_purpose_check"),
        schema="auth",
    )
    op.create_table(
        "pending_logins",
        sa.Column("token_hash", sa.LargeBinary, primary_key=True),
        _user(),
        sa.Column("password_mark", sa.LargeBinary, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.Column("tries_left", sa.SmallInteger, nullable=False),
        schema="auth",
    )
    for table in ("challenges", "pending_logins"):
        op.create_index(f"{table}_by_end", table, ["expires_at"], schema="auth")
        op.create_index(f"{table}_by_user", table, ["user_id"], schema="auth")


def _create_factors() -> None:
    op.create_table(
        "totp",
        _user(primary_key=True),
        sa.Column("sealed", sa.LargeBinary, nullable=False),
        sa.Column("begun_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME),
        sa.Column("last_step", sa.BigInteger, nullable=False),
        schema="auth",
    )
    op.create_table(
        "recovery_codes",
        _user(primary_key=True),
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        schema="auth",
    )
    op.create_table(
        "passkeys",
        sa.Column("id", _ID, primary_key=True),
        _user(),
        sa.Column("credential_id", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("transports", JSONB, nullable=False),
        sa.Column("is_backed_up", sa.Boolean, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_used_at", _TIME),
        schema="auth",
    )
    op.create_index("passkeys_by_user", "passkeys", ["user_id", "created_at"], schema="auth")


def downgrade() -> None:
    for table in ("pending_logins", "challenges", "passkeys", "recovery_codes", "totp"):
        op.drop_table(table, schema="auth")

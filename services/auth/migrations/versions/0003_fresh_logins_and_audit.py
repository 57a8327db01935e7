"""When somebody last proved who they are within a login, and the audit log with its chain of hashes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_ID = UUID(as_uuid=False)
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("logins", sa.Column("proved_at", _TIME), schema="auth")
    op.create_table(
        "audit_log",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("actor_id", _ID),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("subject_id", _ID),
        sa.Column("address", sa.Text),
        sa.Column("details", JSONB, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        schema="auth",
    )
    op.create_index("audit_log_by_actor", "audit_log", ["actor_id", "number"], schema="auth")
    op.create_index("audit_log_by_subject", "audit_log", ["subject_id", "number"], schema="auth")
    op.create_table(
        "audit_head",
        sa.Column("is_only", sa.Boolean, sa.CheckConstraint("is_only"), primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        schema="auth",
    )
    op.execute("INSERT INTO auth.audit_head (is_only, number, hash) VALUES (true, 0, ''::bytea)")


def downgrade() -> None:
    op.drop_table("audit_head", schema="auth")
    op.drop_table("audit_log", schema="auth")
    op.drop_column("logins", "proved_at", schema="auth")

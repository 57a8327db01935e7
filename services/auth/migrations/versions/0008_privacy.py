"""Exports with their parts, and erasures: what is under way, how far it is, and who works on it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_ID = UUID(as_uuid=False)
_TIME = sa.DateTime(timezone=True)
_USER = "auth.users.id"


def upgrade() -> None:
    _create_exports()
    _create_parts()
    _create_erasures()


def _create_exports() -> None:
    op.create_table(
        "exports",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey(_USER, ondelete="CASCADE"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("ready_at", _TIME),
        sa.Column("expires_at", _TIME),
        sa.Column("progress", JSONB, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("parts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.CheckConstraint("state IN ('waiting', 'ready', 'failed')", name="exports_state_check"),
        schema="auth",
    )
    waiting = sa.text("state = 'waiting'")
    op.create_index("exports_waiting", "exports", ["user_id"], schema="auth", unique=True,
                    postgresql_where=waiting)  # fmt: skip
    op.create_index("exports_by_user", "exports", ["user_id", "requested_at"], schema="auth")


def _create_parts() -> None:
    op.create_table(
        "export_entries",
        _part_of("exports", "export_id"),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("offset_bytes", sa.BigInteger, nullable=False),
        sa.Column("crc", sa.BigInteger, nullable=False),
        sa.Column("plain_bytes", sa.BigInteger, nullable=False),
        sa.Column("packed_bytes", sa.BigInteger, nullable=False),
        schema="auth",
    )
    op.create_table(
        "export_parts",
        _part_of("exports", "export_id"),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.CheckConstraint("octet_length(data) <= 262144", name="export_parts_size_check"),
        schema="auth",
    )
    # It is packed already.
    op.execute("ALTER TABLE auth.export_parts ALTER COLUMN data SET STORAGE EXTERNAL")


def _create_erasures() -> None:
    op.create_table(
        "erasures",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("user_id", _ID, sa.ForeignKey(_USER), nullable=False, unique=True),
        sa.Column("bot_ids", ARRAY(_ID), nullable=False),
        sa.Column("receipt_hash", sa.LargeBinary, nullable=False, unique=True),
        sa.Column("messages", sa.Text, nullable=False),
        sa.Column("requested_at", _TIME, nullable=False),
        sa.Column("begun_at", _TIME),
        sa.Column("finished_at", _TIME),
        sa.Column("progress", JSONB, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.CheckConstraint("messages IN ('erase', 'anonymise')", name="erasures_messages_check"),
        schema="auth",
    )
    op.create_index("erasures_under_way", "erasures", ["due_at"], schema="auth",
                    postgresql_where=sa.text("finished_at IS NULL"))  # fmt: skip
    op.create_table(
        "erasure_steps",
        _part_of("erasures", "erasure_id"),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("finished_at", _TIME, nullable=False),
        schema="auth",
    )


def _part_of(table: str, column: str) -> sa.Column[str]:
    whole = sa.ForeignKey(f"auth.{table}.id", ondelete="CASCADE")
    return sa.Column(column, _ID, whole, primary_key=True)


def downgrade() -> None:
    for table in ("erasure_steps", "erasures", "export_parts", "export_entries", "exports"):
        op.drop_table(table, schema="auth")

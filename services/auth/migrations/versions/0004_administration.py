"""Keys that only verify any more, passwords that expire, and an audit log that refuses to be changed."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "retired_keys",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("public", sa.LargeBinary, nullable=False),
        sa.Column("valid_until", _TIME, nullable=False),
        schema="auth",
    )
    op.add_column("users", sa.Column("password_expires_at", _TIME), schema="auth")
    op.execute(
        """
        CREATE FUNCTION auth.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '%.% is only ever appended to', TG_TABLE_SCHEMA, TG_TABLE_NAME
                USING ERRCODE = 'insufficient_privilege';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER audit_log_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON auth.audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION auth.refuse_change()
        """
    )
    # Also where a session claims to be a replica, for which plain triggers do not fire.
    op.execute("ALTER TABLE auth.audit_log ENABLE ALWAYS TRIGGER audit_log_is_append_only")


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_log_is_append_only ON auth.audit_log")
    op.execute("DROP FUNCTION auth.refuse_change()")
    op.drop_column("users", "password_expires_at", schema="auth")
    op.drop_table("retired_keys", schema="auth")

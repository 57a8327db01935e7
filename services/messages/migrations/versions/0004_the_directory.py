"""What the directory of public rooms is searched by.

Adds a computed column, which rewrites `rooms` once; the version before runs on it.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# Name and topic in lower case with a mark before each word: a query marked alike is found where words begin,
# and nowhere else. Only public rooms have it, so that other rooms' rows grow by nothing.
_FOUND_BY = r"""
ALTER TABLE messages.rooms ADD COLUMN found_by text GENERATED ALWAYS AS (
    CASE WHEN kind = 'public' THEN
        regexp_replace(lower(name || chr(10) || topic), '(^|\W|_)(?=\w)', '\1' || chr(1), 'g')
    END
) STORED
"""


def upgrade() -> None:
    op.execute(_FOUND_BY)


def downgrade() -> None:
    op.execute("ALTER TABLE messages.rooms DROP COLUMN found_by")

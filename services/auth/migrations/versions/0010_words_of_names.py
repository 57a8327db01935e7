"""People are found by each word of their names: an index of these words."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # As `store/users.py` has it. No column, so that the table is not written anew.
    op.execute(
        "CREATE INDEX users_by_words ON auth.users"
        " USING gin (array_to_tsvector(array_remove(string_to_array(display_key, ' '), '')))"
    )


def downgrade() -> None:
    op.execute("DROP INDEX auth.users_by_words")

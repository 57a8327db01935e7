"""Whether this build and the database fit together, asked once at start."""

from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.lifecycle import StartupError

# The window of revisions this build works with. Migrations come first in a rollout, so it must stand
# newer ones too, as long as they only expand: those keep the hundreds; one that contracts starts the next.
OLDEST_REVISION = 8
NEWEST_REVISION = 99


async def check_schema(connection: AsyncConnection, oldest: int = OLDEST_REVISION) -> None:
    """Raise StartupError, with what to do, unless the schema is in the window."""
    try:
        found = await connection.scalar(text("SELECT version_num FROM auth.schema_version"))
    except ProgrammingError:
        found = None
    if found is None or int(found) < oldest:
        raise StartupError(
            f"the database schema 'auth' is at revision {found or 'none'}, "
            f"this needs {oldest:04d}: run python -m shared.migrate auth"
        )
    if int(found) > NEWEST_REVISION:
        raise StartupError(
            f"the database schema 'auth' is at revision {found}, "
            f"this build knows none after {NEWEST_REVISION:04d}: run a newer build"
        )

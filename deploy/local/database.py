"""The database for a command that works beside `chatcraft up` or without it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from deploy.local import probe
from deploy.local.child import Child
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from deploy.local.migrations import migrate_embedded
from deploy.local.postgres import ensure_database, postgres_program, postgres_url
from deploy.local.servers import ExternalUrls, start_and_wait
from deploy.local.up import check_external


@asynccontextmanager
async def open_database(external: ExternalUrls, path: Path, *, migrates: bool = True) -> AsyncIterator[str]:
    """Give the URL of the database: the one that was named, a running `chatcraft up`'s, or the embedded one.

    The last is started for as long as it is needed, and brought up to date unless it is for being looked at
    as it is. A named one is not migrated: others may be using it.
    Raises StartError.
    """
    if external.database is not None:
        await check_external(ExternalUrls(database=external.database))
        yield external.database
    elif (running := DataDir.find_running(path)) is not None:
        if not await probe.can_connect(running.host("postgres"), _port_of(running)):
            raise StartError(f"the `chatcraft up` of {path} is not ready; try again when it is")
        yield postgres_url(running)
    else:
        with DataDir.open(path) as data_dir:
            server = Child(await postgres_program(data_dir))
            try:
                await start_and_wait(server)
                await ensure_database(data_dir)
                if migrates:
                    await migrate_embedded(data_dir, postgres_url(data_dir))
                yield postgres_url(data_dir)
            finally:
                await server.stop()


def _port_of(running: DataDir) -> int:
    try:
        return running.port_in_use("postgres")
    except KeyError:
        raise StartError(
            f"what runs on {running.path} has no database of its own; set CHATCRAFT_DATABASE_URL"
        ) from None

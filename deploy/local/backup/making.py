"""`chatcraft backup`: one snapshot of the database into one file. Nobody has to stop for it."""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from deploy.local.backup import database, programs, secret
from deploy.local.backup.archive import Manifest, write_backup
from deploy.local.backup.private_file import write_whole
from deploy.local.database import open_database
from deploy.local.errors import StartError
from deploy.local.servers import ExternalUrls

# Of the pg_dump that is here: it reads servers of its own version and older ones.
NEWEST_POSTGRES = 18


@dataclass(frozen=True, kw_only=True)
class BackupOptions:
    """What was asked for on the command line."""

    file: Path
    data_dir: Path
    replaces: bool
    secret_file: Path | None


async def run_backup(options: BackupOptions, external: ExternalUrls) -> Manifest:
    """Write it, beside running services or without them. Raises StartError; then there is no file."""
    if external.database is None and not options.data_dir.exists():
        raise StartError(f"there is no data in {options.data_dir}; name it with --data-dir")
    found = secret.find_secret(options.data_dir)
    with ExitStack() as files:  # both or neither
        if options.secret_file is not None:
            secret.write_secret(
                files.enter_context(write_whole(options.secret_file, replaces=options.replaces)), found
            )
        file = files.enter_context(write_whole(options.file, replaces=options.replaces))
        return await _write(file, options.data_dir, external, found and secret.digest_of(found))


async def _write(file: IO[bytes], data_dir: Path, external: ExternalUrls, digest: str | None) -> Manifest:
    # At rest it is taken as it is: a backup is what one makes before a migration.
    async with (
        open_database(external, data_dir, migrates=False) as url,
        database.connect(url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        _check_version(database.read_major(connection))
        manifest = await database.read_manifest(connection, digest)
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        with write_backup(file, manifest) as target:
            await programs.dump(url, snapshot, target)
    return manifest


def _check_version(major: int) -> None:
    if major > NEWEST_POSTGRES:
        raise StartError(
            f"the server is PostgreSQL {major}, and the pg_dump here is of {NEWEST_POSTGRES}; "
            "use the server's own pg_dump, or update ChatCraft"
        )

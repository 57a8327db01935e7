"""Brings the schemas up to date before the services start. Runs the command; knows no schema."""

import asyncio
import hashlib
import importlib.util
import os
import sys
from pathlib import Path

from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError

MIGRATED_NOTE = "migrated"


async def migrate(database_url: str) -> None:
    """Run `python -m shared.migrate`. Raises StartError with what it said last."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "shared.migrate"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "CHATCRAFT_DATABASE_URL": database_url},
        start_new_session=True,
    )
    try:
        output, _ = await process.communicate()
    except asyncio.CancelledError:
        process.kill()  # its transaction is rolled back
        await process.wait()
        raise
    if process.returncode != 0:
        last_line = (output.decode("utf-8", "replace").strip().splitlines() or ["no output"])[-1]
        raise StartError(f"the database could not be migrated: {last_line}")


async def migrate_embedded(data_dir: DataDir, database_url: str) -> bool:
    """Migrate the embedded database, if these migrations have not run on it; tell whether they had to.

    Nobody else can reach that database, so the note beside it is true, and a second start is 1 s quicker.
    """
    fingerprint = _fingerprint()
    if data_dir.read_note(MIGRATED_NOTE) == fingerprint:
        return False
    await migrate(database_url)
    data_dir.write_note(MIGRATED_NOTE, fingerprint)
    return True


def list_revisions(service: str) -> set[str]:
    """Return the numbers of a service's migrations that this version has."""
    versions = _package_dir("services") / service / "migrations" / "versions"
    return {file.name.partition("_")[0] for file in versions.glob("[0-9]*_*.py")}


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for file in sorted(_package_dir("services").glob("*/migrations/**/*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _package_dir(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise StartError(f"the package {name!r} is not installed")
    return Path(spec.origin).parent

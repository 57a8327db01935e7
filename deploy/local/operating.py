"""Runs a service's own commands for the operator, `python -m services.<name>.admin`, on the right database.

What they do is the service's. `admin` and `accounts` read the options.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.local.data_dir import DataDir
from deploy.local.database import open_database
from deploy.local.doctor.targets import find_bus
from deploy.local.errors import StartError
from deploy.local.servers import ExternalUrls

DataDirOption = Annotated[
    Path, typer.Option(envvar="CHATCRAFT_DATA_DIR", help="Where `chatcraft up` keeps its data.")
]
DEFAULT_DATA_DIR = Path(".chatcraft")


def operate(service: str, data_dir: Path, *arguments: str, reads_input: bool = False) -> None:
    """Run it to its end, and exit as it did. Raises StartError where there is no data."""
    if not os.environ.get("CHATCRAFT_DATABASE_URL") and not data_dir.exists():
        raise StartError(f"there is no data in {data_dir}; name it with --data-dir")
    raise typer.Exit(asyncio.run(_run_on_database(service, data_dir, arguments, reads_input=reads_input)))


async def _run_on_database(
    service: str, data_dir: Path, arguments: tuple[str, ...], *, reads_input: bool
) -> int:
    async with open_database(ExternalUrls.from_environment(), data_dir) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", f"services.{service}.admin", *arguments),
            stdin=None if reads_input else asyncio.subprocess.DEVNULL,
            env={**_find_environment(service, data_dir), **_set_variables(), "CHATCRAFT_DATABASE_URL": url},
        )
        return await process.wait()


def _set_variables() -> dict[str, str]:
    # One that is set to nothing counts as not set, as it does for `chatcraft up`.
    return {name: value for name, value in os.environ.items() if value or not name.startswith("CHATCRAFT_")}


def _find_environment(service: str, data_dir: Path) -> dict[str, str]:
    """Return what `chatcraft up` would tell the service: the secret, and the bus while it runs."""
    if service != "auth" or not _is_on_that_database(data_dir):
        return {}
    found: dict[str, str] = {}
    if secret := DataDir.peek_secret(data_dir, "secret_key"):
        found["CHATCRAFT_SECRET_KEY"] = secret
    running = DataDir.find_running(data_dir)
    if running is not None and (bus := find_bus(running, service)):
        found["CHATCRAFT_NATS_URL"] = bus
    return found


def _is_on_that_database(data_dir: Path) -> bool:
    # A directory with a database of its own is another deployment than the one that a URL was given for:
    # its nodes must not hear of that one's logins, nor its secret seal that one's keys.
    return not os.environ.get("CHATCRAFT_DATABASE_URL") or DataDir.peek_port(data_dir, "postgres") is None

"""`chatcraft admin …`: what an operator does to the store, on a running ChatCraft or a resting one.

Finds the database and runs `python -m services.messages.admin` on it; what that does is the service's.
"""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from deploy.local.database import open_database
from deploy.local.errors import StartError
from deploy.local.servers import ExternalUrls

app = typer.Typer(help="Look after the message store.", no_args_is_help=True)

DataDirOption = Annotated[
    Path, typer.Option(envvar="CHATCRAFT_DATA_DIR", help="Where `chatcraft up` keeps its data.")
]
RoomOption = Annotated[str | None, typer.Option(metavar="ID", help="Check only this room.")]


@app.command()
def verify(*, data_dir: DataDirOption = Path(".chatcraft"), room: RoomOption = None) -> None:
    """Check what must hold of the stored rooms; a line for each thing wrong, and then exit code 1.

    Can run beside live traffic. Asks CHATCRAFT_DATABASE_URL, or the database of the data directory.
    """
    _run(data_dir, "verify", *(("--room", room) if room else ()))


@app.command()
def new_epoch(*, data_dir: DataDirOption = Path(".chatcraft")) -> None:
    """Make every client reload: after a backup was restored into a server that was there before.

    Asks CHATCRAFT_DATABASE_URL, or the database of the data directory.
    """
    _run(data_dir, "new-epoch")


def _run(data_dir: Path, *arguments: str) -> None:
    if not os.environ.get("CHATCRAFT_DATABASE_URL") and not data_dir.exists():
        raise StartError(f"there is no data in {data_dir}; name it with --data-dir")
    raise typer.Exit(asyncio.run(_run_on_database(data_dir, arguments)))


async def _run_on_database(data_dir: Path, arguments: tuple[str, ...]) -> int:
    async with open_database(ExternalUrls.from_environment(), data_dir) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "services.messages.admin", *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            env={**os.environ, "CHATCRAFT_DATABASE_URL": url},
        )
        return await process.wait()

"""`chatcraft admin …`: what an operator does, on a running ChatCraft or a resting one.

Here is what is done to the message store; accounts, keys and the audit log are in `accounts`.
"""

from typing import Annotated

import typer

from deploy.local import accounts
from deploy.local.operating import DEFAULT_DATA_DIR, DataDirOption, operate

_PANEL = "Messages"

app = typer.Typer(
    help="Look after accounts, keys, the audit log and the message store.", no_args_is_help=True
)
app.add_typer(accounts.app)

RoomOption = Annotated[str | None, typer.Option(metavar="ID", help="Check only this room.")]


@app.command(rich_help_panel=_PANEL)
def verify(*, data_dir: DataDirOption = DEFAULT_DATA_DIR, room: RoomOption = None) -> None:
    """Check what must hold of the stored rooms; a line for each thing wrong, and then exit code 1.

    Can run beside live traffic. Asks CHATCRAFT_DATABASE_URL, or the database of the data directory.
    """
    operate("messages", data_dir, "verify", *(("--room", room) if room else ()))


@app.command(rich_help_panel=_PANEL)
def new_epoch(*, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Make every client reload: after a backup was restored into a server that was there before.

    Asks CHATCRAFT_DATABASE_URL, or the database of the data directory.
    """
    operate("messages", data_dir, "new-epoch")

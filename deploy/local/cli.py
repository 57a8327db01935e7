"""The command `chatcraft`: reads options, calls the one function that does it, shows errors as one line.

Further groups of commands are added at the end, each a Typer of its own in a file of its own.
"""

import asyncio
import os
import resource
import signal
import sys
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer

from deploy.local import admin, importing, keeping, looking
from deploy.local.console import Console
from deploy.local.data_dir import DataDir
from deploy.local.errors import StartError
from deploy.local.servers import ExternalUrls
from deploy.local.up import UpOptions, read_feed_url, run_migrate, run_up

INTERRUPTED_EXIT_CODE = 128 + signal.SIGINT
DEFAULT_DATA_DIR = Path(".chatcraft")

app = typer.Typer(
    help="ChatCraft, a chat platform to host yourself.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(importing.app, name="import")

PortOption = Annotated[
    int,
    typer.Option(envvar="CHATCRAFT_PORT", min=0, max=65535, help="Port of the address to open; 0: any."),
]
HostOption = Annotated[
    str, typer.Option(help="Who can connect: only this machine, or with 0.0.0.0 everybody.")
]
DataDirOption = Annotated[
    Path,
    typer.Option(envvar="CHATCRAFT_DATA_DIR", help="What is kept between runs: database, secrets, logs."),
]
Gateways = Annotated[int, typer.Option(min=1, max=64, help="Processes that hold connections, on one port.")]
Auths = Annotated[int, typer.Option(min=1, max=64, help="Processes for accounts and logins.")]
Messages = Annotated[int, typer.Option(min=1, max=64, help="Processes for rooms and messages.")]
Presences = Annotated[int, typer.Option(min=1, max=64, help="Processes for who is online.")]


@app.command()
def up(
    *,
    port: PortOption = 8080,
    host: HostOption = "localhost",
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    gateways: Gateways = 1,
    auth: Auths = 1,
    messages: Messages = 1,
    presence: Presences = 1,
) -> None:
    """Run ChatCraft on this machine until Ctrl-C.

    Starts PostgreSQL, NATS and Valkey, brings the database up to date, starts the services, and restarts
    what dies. Where CHATCRAFT_DATABASE_URL, CHATCRAFT_NATS_URL or CHATCRAFT_REDIS_URL is set, that server
    is used instead of an own one.
    """
    options = UpOptions(
        host=host,
        port=port,
        count_by_service={"auth": auth, "messages": messages, "presence": presence, "gateway": gateways},
        external=ExternalUrls.from_environment(),
        secret_key=os.environ.get("CHATCRAFT_SECRET_KEY"),
    )
    raise_file_limit()
    with DataDir.open(data_dir) as opened, Console() as console:
        console.say(f"ChatCraft {metadata.version('chatcraft')}, data in {data_dir}\n")
        asyncio.run(run_up(options, opened, console))


@app.command()
def migrate(data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Bring the database up to date; `up` does it by itself."""
    asyncio.run(run_migrate(ExternalUrls.from_environment(), data_dir))
    typer.echo("The database is up to date.")


@app.command()
def feed_url(data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Print where a service of your own reads all room events.

    It holds a password: whoever has it reads every room.
    """
    typer.echo(read_feed_url(data_dir))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(f"chatcraft {metadata.version('chatcraft')}")


app.command()(keeping.backup)
app.command()(keeping.restore)
app.command()(looking.doctor)
app.command()(looking.trace)
app.add_typer(admin.app, name="admin")


def main() -> None:
    """Entry point of the script."""
    try:
        app()
    except (StartError, OSError) as exc:
        sys.exit(f"chatcraft: {exc}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED_EXIT_CODE)


def raise_file_limit() -> None:
    """Every connection is a descriptor: allow as many as this user may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

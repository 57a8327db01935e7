"""`chatcraft backup` and `chatcraft restore`: options in, a few lines out."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from deploy.local.operating import DEFAULT_DATA_DIR, DataDirOption
from deploy.local.servers import ExternalUrls

NewFileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="Where it goes.")]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="What `chatcraft backup` wrote.")]
ForceOption = Annotated[bool, typer.Option("--force", help="Overwrite files that are there.")]
KeepSecretOption = Annotated[
    Path | None,
    typer.Option(
        "--secret-key",
        metavar="FILE",
        help="Write the secret key, too, into a file of its own: keep it elsewhere.",
    ),
]
SecretOption = Annotated[
    Path | None,
    typer.Option(
        "--secret-key",
        metavar="FILE",
        help="The secret key's file. [default: CHATCRAFT_SECRET_KEY, else the data directory's]",
    ),
]
ReplaceOption = Annotated[bool, typer.Option("--replace", help="Delete what is there now.")]
FindingsOption = Annotated[
    bool, typer.Option("--despite-findings", help="Restore also what `chatcraft admin verify` objects to.")
]


def backup(
    file: NewFileArgument,
    *,
    secret_key: KeepSecretOption = None,
    force: ForceOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Write all accounts, rooms and messages into one file, while people chat or at rest.

    The secret key is not in it, and without that nobody can sign in to what is restored: keep it, too, in
    another place. Asks CHATCRAFT_DATABASE_URL, or the database of the data directory.
    """
    # What it works with takes a while to import, which `up` need not wait for.
    from deploy.local.backup import making, restoring  # noqa: PLC0415 - see above

    options = making.BackupOptions(file=file, data_dir=data_dir, replaces=force, secret_file=secret_key)
    manifest = asyncio.run(making.run_backup(options, ExternalUrls.from_environment()))
    typer.echo(f"Written to {file}: {restoring.describe(manifest)}.")
    if secret_key is not None:
        typer.echo(
            f"The secret key is in {secret_key}; whoever has both can sign in as anybody: keep them apart."
        )
    elif manifest.secret is not None:
        typer.echo(
            "The secret key is not in it: keep that, too, in another place (--secret-key FILE writes it)."
        )
    else:
        typer.echo("Keep CHATCRAFT_SECRET_KEY of the auth services, too, in another place.")


def restore(
    file: FileArgument,
    *,
    secret_key: SecretOption = None,
    replace: ReplaceOption = False,
    despite_findings: FindingsOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Bring back what a backup holds, and make every client load it anew.

    ChatCraft must not be running. What is there stays until the backup is read, moved on to this version
    and checked. Restores into CHATCRAFT_DATABASE_URL, or into the database of the data directory.
    """
    from deploy.local.backup import restoring  # noqa: PLC0415 - as for `backup`

    options = restoring.RestoreOptions(
        file=file,
        data_dir=data_dir,
        replaces=replace,
        ignores_findings=despite_findings,
        secret_file=secret_key,
    )
    external = ExternalUrls.from_environment()
    asyncio.run(restoring.run_restore(options, external, typer.echo))
    start = "Start the services" if external.database else "Start it with `chatcraft up`"
    typer.echo(f"{start}: clients that were there before load everything anew.")

"""`chatcraft import`: commands by which people arrive from elsewhere. Options in, a summary out."""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from deploy.importing.slack.export import SlackExport
from deploy.importing.summary import Summary
from deploy.local.first_passwords import write_private
from deploy.local.servers import ExternalUrls
from deploy.local.slack_import import SlackImport, rehearse

app = typer.Typer(no_args_is_help=True, help="Bring people, rooms and messages from elsewhere.")

ZipArgument = Annotated[
    Path,
    typer.Argument(
        metavar="EXPORT.ZIP", help="The export as Slack let you download it.", exists=True, dir_okay=False
    ),
]
DataDirOption = Annotated[
    Path, typer.Option(envvar="CHATCRAFT_DATA_DIR", help="Where `chatcraft up` keeps its data.")
]
TeamOption = Annotated[
    str | None, typer.Option(help="Names the workspace; the same name later goes on with the same import.")
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Read all of it and say what would come of it.")
]
PasswordsOption = Annotated[
    Path | None,
    typer.Option(
        help="Give accounts that nobody can sign in to a first password, and write them into this CSV."
    ),
]
ReportOption = Annotated[
    Path | None, typer.Option(help="Where the summary goes as JSON. Default: beside the zip.")
]
SkipOption = Annotated[bool, typer.Option("--skip-broken", help="Leave out files that cannot be read.")]


@app.callback()
def imports() -> None:
    """Bring people, rooms and messages from elsewhere."""


@app.command()
def slack(
    export: ZipArgument,
    *,
    data_dir: DataDirOption = Path(".chatcraft"),
    team: TeamOption = None,
    dry_run: DryRunOption = False,
    passwords: PasswordsOption = None,
    report: ReportOption = None,
    skip_broken: SkipOption = False,
) -> None:
    """Import a Slack export: people, channels, direct messages, threads, reactions, links to files.

    Run it beside `chatcraft up` or without. Interrupted or killed, the same command goes on where it was;
    with a later export of the same workspace it adds what is new. Nothing that is there already is changed.
    """
    console = Console()
    with SlackExport.open(export, team) as opened, _progress(console) as progress:
        task = progress.add_task("Looking through", total=opened.total_bytes)
        opened.survey(lambda size: progress.advance(task, size), skips_broken=skip_broken)
        progress.update(task, visible=False)
        if dry_run:
            rehearse(opened, progress)
        else:
            running = SlackImport(opened, progress, passwords)
            try:
                asyncio.run(running.run(ExternalUrls.from_environment(), data_dir))
            except KeyboardInterrupt:
                typer.echo("Interrupted. The same command goes on where it was.", err=True)
                raise
    _show(console, opened.summary, report or export.with_name(f"{export.name}.report.json"), opened.team)


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn(),
        console=console, disable=not console.is_terminal,
    )  # fmt: skip


def _show(console: Console, summary: Summary, report: Path, team: str) -> None:
    for line in summary.to_lines():
        console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)
    write_private(
        report, json.dumps({"workspace": team, **summary.to_json()}, indent=2, ensure_ascii=False) + "\n"
    )
    console.print(f"\nWritten to {report}", markup=False, highlight=False, emoji=False, soft_wrap=True)

"""`chatcraft doctor` and `chatcraft trace`: options in, lines or JSON out. Both only look."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer

from deploy.local.errors import StartError
from shared.ids import is_id

DataDirOption = Annotated[
    Path, typer.Option(envvar="CHATCRAFT_DATA_DIR", help="Where `chatcraft up` keeps its data.")
]
UrlOption = Annotated[
    str | None,
    typer.Option(metavar="URL", help="The address that people open. [default: that of `chatcraft up`]"),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs.")]
MessageArgument = Annotated[str, typer.Argument(metavar="MESSAGE", help="The id of a message.")]
RoomOption = Annotated[
    str | None, typer.Option(metavar="ID", help="Its room: faster, where there are very many.")
]
DEFAULT_DATA_DIR = Path(".chatcraft")


class _Shown(Protocol):
    def to_json(self) -> dict[str, Any]: ...


def doctor(
    *, data_dir: DataDirOption = DEFAULT_DATA_DIR, url: UrlOption = None, as_json: JsonOption = False
) -> None:
    """Look whether all is well, and say what to do about what is not.

    Looks at a running `chatcraft up`, or at the servers of CHATCRAFT_DATABASE_URL, CHATCRAFT_NATS_URL (the
    URL of the bus's user `messages`) and CHATCRAFT_REDIS_URL. Exit code 1: something fails.
    """
    # What it asks with takes half a second to import, which `up` need not wait for.
    from deploy.local.doctor import examination, finding, targets  # noqa: PLC0415 - see above

    findings = asyncio.run(examination.examine(targets.find_targets(data_dir, url)))
    _print(findings, finding.describe(findings), as_json=as_json)
    raise typer.Exit(any(each.level is finding.Level.FAIL for each in findings))


def trace(
    message: MessageArgument,
    *,
    room: RoomOption = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Show the way of a message: accepted, committed, published, fanned out by each gateway.

    Each time is of the clock of who noted it. The text is not read. Asks what `doctor` asks. Exit code 1:
    there is no such message.
    """
    from deploy.local.doctor.targets import find_targets  # noqa: PLC0415 - as for `doctor`
    from deploy.local.tracing import way  # noqa: PLC0415 - the same

    for name, value in (("message", message), ("room", room)):
        if value is not None and not is_id(value):
            raise StartError(f"{value!r} is not the id of a {name}: it is a UUID in lower case")
    ways = asyncio.run(way.trace(find_targets(data_dir, None), message, room))
    _print(ways, way.describe(ways) or ["There is no such message."], as_json=as_json)
    raise typer.Exit(not ways)


def _print(found: Sequence[_Shown], lines: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([each.to_json() for each in found], indent=2))
    else:
        typer.echo("\n".join(lines))

"""What an operator does to the store: `python -m services.messages.admin verify | new-epoch`.

`chatcraft admin` runs it. Asks the database alone, whether the services run or not.
"""

import argparse
import asyncio
import sys
from time import monotonic
from typing import Any

import asyncpg
from asyncpg.exceptions import InterfaceError, PostgresError

from services.messages.store.deployment import SCHEMA_OLDEST, find_schema_version, raise_epoch
from services.messages.verifying import Summary, verify
from services.messages.verifying.findings import Finding
from shared.ids import is_id
from shared.settings import find_setting

_PROGRESS_EVERY_S = 1.0
_RELOADED_WITHIN_S = 30


def main() -> None:
    """Entry point; the database is CHATCRAFT_DATABASE_URL. Exits with 1 when something is wrong."""
    url = find_setting("CHATCRAFT_DATABASE_URL")
    if not url:
        sys.exit("CHATCRAFT_DATABASE_URL is not set: postgresql://user:password@host:port/database")
    asked = _read_arguments()
    try:
        is_fine = asyncio.run(_run(url, asked))
    except (OSError, PostgresError, InterfaceError) as exc:
        sys.exit(f"PostgreSQL: {exc or type(exc).__name__}")
    sys.exit(0 if is_fine else 1)


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m services.messages.admin")
    commands = parser.add_subparsers(dest="command", required=True)
    verifying = commands.add_parser("verify", help="check what must hold of the stored rooms")
    verifying.add_argument("--room", metavar="ID", help="only this room")
    commands.add_parser("new-epoch", help="make all clients reload, after a restore")
    asked = parser.parse_args()
    if asked.command == "verify" and asked.room is not None and not is_id(asked.room):
        parser.error(f"--room: {asked.room!r} is not a room's id")
    return asked


async def _run(url: str, asked: argparse.Namespace) -> bool:
    connect: Any = asyncpg.connect  # asyncpg has no types of its own
    connection = await connect(url, server_settings={"application_name": "chatcraft-admin"})
    try:
        version = await find_schema_version(connection)
        if version is None or version < SCHEMA_OLDEST:
            sys.exit("the database is not migrated: run python -m shared.migrate")
        if asked.command == "new-epoch":
            return await _raise(connection)
        return await _verify(connection, asked.room)
    finally:
        await connection.close()


async def _raise(connection: asyncpg.Connection) -> bool:
    epoch = await raise_epoch(connection)
    _say(
        f"The epoch is {epoch} now. Services need no restart; connected clients reload within "
        f"{_RELOADED_WITHIN_S} s."
    )
    return True


async def _verify(connection: asyncpg.Connection, room_id: str | None) -> bool:
    progress = _Progress()

    def found(finding: Finding) -> None:
        progress.clear()
        _say(str(finding))

    summary = await verify(connection, found, progress.show, room_id)
    progress.clear()
    if room_id is not None and not summary.rooms:
        _say(f"There is no room {room_id}.")
        return False
    rooms, changes = _count(summary.rooms, "room"), _count(summary.revs, "change")
    found_in_all = _count(summary.findings, "finding") if summary.findings else "nothing is wrong"
    _say(f"{rooms} with {changes} and {_count(summary.users, 'user')}: {found_in_all}.")
    return not summary.findings


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class _Progress:
    """One line that is written over, for whoever watches a terminal."""

    def __init__(self) -> None:
        self._is_shown = sys.stderr.isatty()
        self._shown_at = monotonic()

    def show(self, summary: Summary) -> None:
        if self._is_shown and monotonic() - self._shown_at > _PROGRESS_EVERY_S:
            self._shown_at = monotonic()
            sys.stderr.write(
                f"\r{summary.rooms:,} rooms, {summary.revs:,} changes, {summary.users:,} users …"
            )
            sys.stderr.flush()

    def clear(self) -> None:
        if self._is_shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()

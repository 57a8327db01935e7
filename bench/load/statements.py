"""How many statements reach PostgreSQL, by its own log."""

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

# Until every connection has taken up the setting.
_RELOADED_S = 2.0
_CONTROL = ("BEGIN", "COMMIT", "ROLLBACK", "SET ", "SHOW ")


class StatementLog:
    """Logs every statement while it is open. Use as an async context."""

    def __init__(self, admin_url: str, path: Path) -> None:
        """`admin_url` is the superuser's; `path` is where PostgreSQL writes what it logs."""
        self._admin_url = admin_url
        self._path = path

    async def __aenter__(self) -> Self:
        await self._log("all")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._log("none")

    def count(self) -> int:
        """Return how many statements have been logged so far that are no transaction control."""
        text = self._path.read_text(errors="replace")
        lines = [
            line for line in text.splitlines() if "LOG:  execute " in line or "LOG:  statement: " in line
        ]
        return sum(not _statement(line).startswith(_CONTROL) for line in lines)

    async def _log(self, which: str) -> None:
        connection = await asyncpg.connect(self._admin_url)
        try:
            await connection.execute(f"ALTER SYSTEM SET log_statement = '{which}'")
            await connection.execute("SELECT pg_reload_conf()")
        finally:
            await connection.close()
        await asyncio.sleep(_RELOADED_S)


def _statement(line: str) -> str:
    return line.partition(": ")[2].partition(": ")[2].lstrip()

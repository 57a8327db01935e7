"""The programs that do the work: PostgreSQL's own, and the services' commands for the operator."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import IO
from urllib.parse import unquote, urlsplit, urlunsplit

from deploy.local.backup.archive import CHUNK_BYTES
from deploy.local.errors import StartError
from deploy.local.postgres import find_binaries

# Owners and grants are the target's; who guesses how often is nobody's loss.
_DUMP_OPTIONS = ("--format=custom", "--no-owner", "--no-acl", "--no-unlogged-table-data")
_RESTORE_OPTIONS = ("--no-owner", "--no-acl", "--exit-on-error")


async def dump(url: str, snapshot: str, target: IO[bytes]) -> None:
    """Write what an exported snapshot shows of a database. Raises StartError with what pg_dump said."""
    bare_url, password = _split_password(url)
    program = (str(find_binaries() / "pg_dump"), *_DUMP_OPTIONS, f"--snapshot={snapshot}", "-d", bare_url)
    process = await _start(*program, env=password)
    assert process.stdout is not None
    assert process.stderr is not None
    errors = asyncio.create_task(process.stderr.read())
    try:
        while piece := await process.stdout.read(CHUNK_BYTES):
            target.write(piece)
        _check(await process.wait(), await errors, "the database could not be read")
    finally:
        await _end(process)


async def load(url: str, pieces: Iterator[bytes]) -> None:
    """Fill an empty database with a dump. Raises StartError with what pg_restore said."""
    bare_url, password = _split_password(url)
    program = (str(find_binaries() / "pg_restore"), *_RESTORE_OPTIONS, "-d", bare_url)
    process = await _start(*program, env=password)
    assert process.stdin is not None
    output = asyncio.create_task(_read(process))
    try:
        with suppress(ConnectionError):  # it has ended early, and says why
            for piece in pieces:
                process.stdin.write(piece)
                await process.stdin.drain()
        process.stdin.close()
        said = await output
        _check(await process.wait(), said, "the database could not be restored")
    finally:
        await _end(process)


async def run_service_command(
    service: str, url: str, *arguments: str, given: str = ""
) -> tuple[bool, list[str]]:
    """Run `python -m services.<service>.admin` on a database; return whether all is well, and its lines."""
    program = (sys.executable, "-P", "-m", f"services.{service}.admin", *arguments)
    process = await _start(*program, env={"CHATCRAFT_DATABASE_URL": url, "CHATCRAFT_NATS_URL": ""})
    try:
        output, errors = await process.communicate(given.encode())
    finally:
        await _end(process)
    return process.returncode == 0, (output + errors).decode("utf-8", "replace").splitlines()


async def _start(*argv: str, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "LC_ALL": "C", **env},
        start_new_session=True,  # Ctrl-C is for us, who end it
    )


async def _read(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    assert process.stderr is not None
    said = await asyncio.gather(process.stdout.read(), process.stderr.read())
    return b"".join(said)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _check(code: int, said: bytes, what: str) -> None:
    if code != 0:
        first_line = (said.decode("utf-8", "replace").strip().splitlines() or ["no output"])[0]
        raise StartError(f"{what}: {first_line}")


def _split_password(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL for a command line, which all users of a machine can see, and what is not for them."""
    parts = urlsplit(url)
    if parts.password is None:
        return url, {}
    login, _, host = parts.netloc.rpartition("@")
    user = login.partition(":")[0]
    return urlunsplit(parts._replace(netloc=f"{user}@{host}")), {"PGPASSWORD": unquote(parts.password)}

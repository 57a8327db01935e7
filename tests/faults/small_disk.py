"""A PostgreSQL whose tables lie on a small disk, that a test can fill up and clear; its WAL lies elsewhere.

The disk is a tmpfs in a mount namespace of the server's own: no privilege is needed, and nobody else sees it.
"""

import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.child import Child
from tests.faults.small_disk_server import REFUSED_EXIT_CODE
from tests.stack import Stack

SCRIPT = Path(__file__).with_name("small_disk_server.py")


@asynccontextmanager
async def on_small_disk(stack: Stack) -> AsyncIterator["SmallDisk"]:
    """Run the stack's PostgreSQL with its tables on a small disk; skips where namespaces are forbidden."""
    server = stack.find("postgres")
    plain = server.program
    tables = Path(plain.argv[plain.argv.index("-D") + 1]) / "base"
    await server.stop()
    server.program = replace(plain, argv=(sys.executable, "-I", "-S", str(SCRIPT), str(tables), *plain.argv))
    try:
        await start_or_skip(server)
        with open_disk(server, tables) as disk:
            yield disk
            await server.stop()
            keep(disk, tables)
    finally:
        server.program = plain
        await stack.restart("postgres")


class SmallDisk:
    """The disk as seen from outside its namespace."""

    def __init__(self, root: int) -> None:
        self.root = root

    def fill(self) -> None:
        """Leave not a page free."""
        ballast = os.open("ballast", os.O_WRONLY | os.O_CREAT, dir_fd=self.root)
        try:
            while free_bytes := os.fstatvfs(self.root).f_bavail * os.fstatvfs(self.root).f_bsize:
                os.posix_fallocate(ballast, os.fstat(ballast).st_size, free_bytes)
        finally:
            os.close(ballast)

    def clear(self) -> None:
        """Give the space back."""
        os.unlink("ballast", dir_fd=self.root)


async def start_or_skip(server: Child) -> None:
    await server.start()
    if not await server.wait_ready(30):
        if await server.wait() == REFUSED_EXIT_CODE:
            pytest.skip("this machine gives out no mount namespaces")
        raise AssertionError("PostgreSQL did not start on the small disk")


@contextmanager
def open_disk(server: Child, tables: Path) -> Iterator[SmallDisk]:
    """Open the disk by a descriptor, which keeps it when the server and its namespace have ended."""
    root = os.open(f"/proc/{server.pid}/root{tables}", os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield SmallDisk(root)
    finally:
        os.close(root)


def keep(disk: SmallDisk, tables: Path) -> None:
    """Bring the tables back from the disk, over the state from before it."""
    with suppress(FileNotFoundError):
        disk.clear()
    shutil.rmtree(tables)
    shutil.copytree(f"/proc/self/fd/{disk.root}", tables)

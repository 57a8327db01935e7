"""A file that only its owner can read, and that is there whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from deploy.local.errors import StartError


@contextmanager
def write_whole(path: Path, *, replaces: bool) -> Iterator[IO[bytes]]:
    """Write into a temporary file beside `path`, which takes its name once all of it is on disk.

    Raises StartError where there is a file already, unless it may be replaced.
    """
    _check(path, replaces=replaces)
    fd, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    fresh = Path(name)
    try:
        with os.fdopen(fd, "w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _check(path, replaces=replaces)
        fresh.rename(path)
    finally:
        fresh.unlink(missing_ok=True)
    _sync_directory(path.parent)


def _check(path: Path, *, replaces: bool) -> None:
    if path.is_dir():
        raise StartError(f"{path} is a directory; name a file in it")
    if path.exists() and not replaces:
        raise StartError(f"{path} exists; name another file, or overwrite it with --force")
    if not path.parent.is_dir():
        raise StartError(f"there is no directory {path.parent}")


def _sync_directory(path: Path) -> None:
    # Without it the new name may be lost with the machine, whatever became of the content.
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)

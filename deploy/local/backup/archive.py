"""The file of a backup: a ZIP of a manifest and of what `pg_dump -Fc` wrote. Knows no database.

A ZIP has its table of contents at the end: one that was cut off has none, and each part has a checksum.
"""

import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from deploy.local.errors import StartError

FORMAT = 1
_MANIFEST, _DUMP = "chatcraft-backup.json", "database.dump"
_NAME_OFFSET = 30  # of a ZIP's first name, in its first header
CHUNK_BYTES = 1 << 20


class Manifest(Struct, frozen=True, kw_only=True):
    """What a backup says of itself."""

    format: int = FORMAT
    made_at: str
    chatcraft: str
    """The version that made it."""
    postgres: int
    """The major version of the server it is from."""
    schemas: Mapping[str, str]
    """By service, the newest migration."""
    epoch: int
    people: int
    rooms: int
    secret: str | None = None
    """Which secret key the database was sealed under, by a digest; None: not known."""


class Backup:
    """An open one that was found to be whole."""

    def __init__(self, path: Path, manifest: Manifest, parts: zipfile.ZipFile) -> None:
        self.path = path
        self.manifest = manifest
        self._parts = parts

    def iterate_dump(self) -> Iterator[bytes]:
        """Return the dump, a piece at a time."""
        with self._parts.open(_DUMP) as dump:
            while piece := dump.read(CHUNK_BYTES):
                yield piece


@contextmanager
def write_backup(file: IO[bytes], manifest: Manifest) -> Iterator[IO[bytes]]:
    """Give a place to write the dump to."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as parts:  # the dump is compressed already
        parts.writestr(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=2))
        with parts.open(_DUMP, "w", force_zip64=True) as dump:
            yield dump


@contextmanager
def open_backup(path: Path) -> Iterator[Backup]:
    """Open a backup and read all of it once. Raises StartError for what is none, or is not whole."""
    if not path.is_file():
        raise StartError(f"there is no file {path}")
    try:
        parts = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise _describe_broken(path) from None
    with parts:
        yield Backup(path, _read_manifest(path, parts), parts)


def _read_manifest(path: Path, parts: zipfile.ZipFile) -> Manifest:
    if _MANIFEST not in parts.namelist():
        raise StartError(f"{path} was not made by `chatcraft backup`")
    try:
        damaged = parts.testzip()
        manifest = msgspec.json.decode(parts.read(_MANIFEST), type=Manifest)
    except (zipfile.BadZipFile, EOFError, msgspec.DecodeError) as exc:
        raise StartError(f"{path} is damaged ({exc}); take another backup") from None
    if manifest.format != FORMAT:
        raise StartError(
            f"{path} has format {manifest.format}, this ChatCraft knows format {FORMAT}; update ChatCraft"
        )
    if damaged is not None or _DUMP not in parts.namelist():
        raise StartError(f"{path} is damaged (in {damaged or _DUMP}); take another backup")
    return manifest


def _describe_broken(path: Path) -> StartError:
    with path.open("rb") as file:
        head = file.read(_NAME_OFFSET + len(_MANIFEST))
    if head[_NAME_OFFSET:] == _MANIFEST.encode():
        return StartError(f"{path} is not whole: its end is missing; copy it again, or take another backup")
    return StartError(f"{path} was not made by `chatcraft backup`")

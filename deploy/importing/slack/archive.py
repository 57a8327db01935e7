"""Opens the zip of a Slack export and reads its parts, one at a time, within bounds. Writes nothing.

Names in the zip are compared, never used as paths.
"""

import json
import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from deploy.local.errors import StartError

Record = TypeVar("Record")

FILE_MAX_BYTES = 256 * 1024 * 1024
"""Of one file in the zip: a day of a channel, or the list of users. A real day has a few megabytes."""
ENTRIES_MAX = 2_000_000
# Text of chats packs to a tenth; what claims to be thousands of times larger than it is was made to do harm.
RATIO_MAX = 250
RATIO_FREE_BYTES = 8 * 1024 * 1024
USERS_FILES = ("users.json", "org_users.json")
CONVERSATION_FILES = ("channels.json", "groups.json", "mpims.json", "dms.json")
_DAY = re.compile(r"\d{4}-\d\d-\d\d\.json")
_SURROGATE = re.compile("[\ud800-\udfff]")


class BrokenFileError(Exception):
    """A file of the export cannot be read. The text says which one, where, and what is wrong."""


class Archive:
    """An open export. `days_by_folder` names the files of each conversation, oldest first."""

    def __init__(self, packed: zipfile.ZipFile) -> None:
        self._packed = packed
        self._entries = {_normalize(info.filename): info for info in packed.infolist() if not info.is_dir()}
        self._root = self._find_root()
        self.days_by_folder: dict[str, list[str]] = {}
        self.others: list[str] = []
        """Files that hold no messages and that nothing here reads, by their path."""
        self._sort_entries()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an export. Raises StartError if it is none, or if it is a zip that would do harm."""
        try:
            packed = zipfile.ZipFile(path)
        except zipfile.BadZipFile:
            raise StartError(f"{path} is not a zip file; give the file that Slack let you download") from None
        try:
            _check_bounds(packed.infolist())
            return cls(packed)
        except StartError:
            packed.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._packed.close()

    def has(self, name: str) -> bool:
        """Whether the export has this file at its top."""
        return self._root + name in self._entries

    def count_bytes(self, name: str) -> int:
        """Return the unpacked size of a file."""
        return self._entries[self._root + name].file_size

    def read_records(self, name: str, kind: type[Record]) -> Iterator[Record | None]:
        """Yield each record of a file that holds a list; None for one of another shape.

        Raises BrokenFileError, before the first, with the line at which the file stops being JSON.
        """
        data = self._read(name)
        try:
            yield from msgspec.json.decode(data, type=list[kind])  # type: ignore[valid-type]  # a value, as msgspec wants it
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # Slower: says where it is broken, or stands what is only odd.
            yield from (_convert(record, kind) for record in _parse(name, data))

    def _read(self, name: str) -> bytes:
        info = self._entries[self._root + name]
        try:
            return self._packed.read(info).removeprefix(b"\xef\xbb\xbf")
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError) as exc:
            raise BrokenFileError(f"{name}: {exc}") from exc

    def _find_root(self) -> str:
        """Return what stands before every name: some pack the folder and not what is in it."""
        roots = [
            name.removesuffix(users)
            for name in self._entries
            for users in USERS_FILES
            if name == users or name.endswith(f"/{users}")
        ]
        if not roots:
            raise StartError("there is no users.json in the zip: not a Slack export in JSON")
        return min(roots, key=len)

    def _sort_entries(self) -> None:
        for name in sorted(self._entries):
            if not name.startswith(self._root):
                continue
            folder, _, file = name.removeprefix(self._root).rpartition("/")
            if folder and "/" not in folder and _DAY.fullmatch(file):
                self.days_by_folder.setdefault(folder, []).append(f"{folder}/{file}")
            elif folder or file not in USERS_FILES + CONVERSATION_FILES:
                self.others.append(name.removeprefix(self._root))


def _normalize(name: str) -> str:
    return name.replace("\\", "/").removeprefix("./")


def _check_bounds(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len(entries) > ENTRIES_MAX:
        raise StartError(f"the zip holds more than {ENTRIES_MAX:,} files")
    for info in entries:
        _check_entry(info)


def _check_entry(info: zipfile.ZipInfo) -> None:
    if info.flag_bits & 1:
        raise StartError("the zip is encrypted; unpack it and pack it again without a password")
    if info.file_size > FILE_MAX_BYTES:
        raise StartError(f"{info.filename!a} in the zip is larger than {FILE_MAX_BYTES:,} bytes")
    if info.file_size > max(RATIO_FREE_BYTES, RATIO_MAX * info.compress_size):
        raise StartError(f"{info.filename!a} in the zip claims to be {RATIO_MAX} times its size: a zip bomb")


def _parse(name: str, data: bytes) -> list[Any]:
    try:
        parsed = json.loads(data)
    except json.JSONDecodeError as exc:
        raise BrokenFileError(f"{name}, line {exc.lineno}, column {exc.colno}: {exc.msg}") from exc
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        raise BrokenFileError(f"{name}, line {line}: not UTF-8") from exc
    except (RecursionError, ValueError) as exc:
        raise BrokenFileError(f"{name}: {exc}") from exc
    if not isinstance(parsed, list):
        raise BrokenFileError(f"{name}, line 1: not a list")
    return parsed


def _convert(record: Any, kind: type[Record]) -> Record | None:
    try:
        # Once more through JSON: half a surrogate pair is a question mark then, and Raw fields are filled.
        text = _SURROGATE.sub("\ufffd", json.dumps(record, ensure_ascii=False))
        return msgspec.json.decode(text, type=kind)
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None

"""The file of first passwords: written before any of them counts, so that none is ever lost.

A later run reads it again: who has no password yet gets the one that stands there.
"""

import csv
import io
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from msgspec import Struct

from deploy.local.errors import StartError

# Without what looks like something else; four groups of four are 79 bits.
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS = 4
_GROUP_LENGTH = 4
_HEADER = ("username", "email", "password")
_FORMULA_STARTS = ("=", "+", "-", "@")


class Entry(Struct, frozen=True):
    username: str
    email: str
    password: str


def make_password() -> str:
    """Return a new random password."""
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS))
    return "-".join(groups)


def read_entries(path: Path) -> dict[str, Entry]:
    """Return what the file holds, by user name; nothing if there is none. Raises StartError."""
    if not path.exists():
        return {}
    try:
        rows = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
        if rows[:1] != [list(_HEADER)]:
            raise StartError(f"{path} is not a file of first passwords; choose another one for --passwords")
        return {row[0]: Entry(*row) for row in rows[1:]}
    except (UnicodeDecodeError, csv.Error, TypeError, IndexError):
        raise StartError(f"{path} is damaged; choose another file for --passwords") from None


def write_entries(path: Path, entries: Iterable[Entry]) -> None:
    """Write the file for its owner's eyes only, whole or not at all, and on disk when this returns."""
    lines = io.StringIO()
    writer = csv.writer(lines)
    writer.writerow(_HEADER)
    writer.writerows((each.username, _defuse(each.email), each.password) for each in entries)
    write_private(path, lines.getvalue())


def write_private(path: Path, text: str) -> None:
    """Replace a file by one that only its owner can read."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _defuse(text: str) -> str:
    """Keep a spreadsheet from running an address that begins like a formula."""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text

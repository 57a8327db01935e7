"""Erasures that a restore has undone, asked for once more. The operator's commands call it.

A list of them is a line each. It names nobody: ids, the digest of the receipt, and what becomes of messages.
"""

import sys
from pathlib import Path

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.administration import By
from services.auth.privacy import asking
from services.auth.store import erasures
from services.auth.store.erasures import Requested
from shared.contracts.internal import Revocation
from shared.lifecycle import StartupError

STANDARD_INPUT = "-"


def to_line(requested: Requested) -> str:
    """Return an erasure as it stands in a list."""
    return msgspec.json.encode(requested).decode()


def read_list(path: str) -> list[Requested]:
    """Read a list. Raises StartupError where there is none, or a line that `to_line` did not write."""
    try:
        text = sys.stdin.read() if path == STANDARD_INPUT else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as exc:
        raise StartupError(f"{path} cannot be read: {exc}") from None
    found: list[Requested] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            found.append(msgspec.json.decode(line, type=Requested))
        except msgspec.DecodeError:
            raise StartupError(f"line {number} is not one of what list-erasures prints") from None
    return found


async def repeat(connection: AsyncConnection, by: By, requested: Requested) -> list[Revocation] | None:
    """Lock the account and its bots out and leave the rest to be done, as when its owner asked for it.

    The receipt is good for this one. None where it is under way or done, or the account is not there.
    """
    held = await asking.hold(connection, requested.user_id)
    is_known = requested.user_id in held.standings
    if not is_known or await erasures.is_begun(connection, requested.user_id):
        return None
    return await asking.begin(connection, by, held, requested)

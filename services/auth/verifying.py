"""Verifies the audit log: walks its chain of hashes from the first entry to the head.

What it cannot find: that somebody with the database rewrote all of it, head included, or cut off its end with
the head. Against that, keep a head elsewhere and verify with it.
"""

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.store import audit_trail
from services.auth.store.audit_trail import Entry, Head


class Verified(Struct, frozen=True):
    """What came of it. `head` is the last entry that is as it was recorded."""

    head: Head
    finding: str | None = None
    """The first thing that is wrong, with its number."""


async def verify(connection: AsyncConnection, kept: Head | None = None) -> Verified:
    """Check all entries, in the snapshot of the connection's transaction, and a head that was kept.

    Stops at the first that is altered, missing or out of order: from there on nothing is proved.
    """
    last = Head(0, b"")
    async for entry in audit_trail.iter_entries(connection):
        number = last.number + 1
        if entry.number != number or not entry.follows(last.hash, number):
            return Verified(last, await _explain(connection, last, entry))
        last = Head(entry.number, entry.hash)
        if kept and kept.number == last.number and kept != last:
            return Verified(last, f"entry {number} is not the one that was kept: the log was rewritten")
    finding = _check_end(last, await audit_trail.find_head(connection)) or _check_kept(last, kept)
    return Verified(last, finding)


async def _explain(connection: AsyncConnection, last: Head, found: Entry) -> str:
    """Say what has become of the entry after the last good one."""
    number = last.number + 1
    async for entry in audit_trail.iter_entries(connection):
        if entry.follows(last.hash, number) and entry.number != number:
            return f"entry {number} is out of order: it stands as number {entry.number}"
    if found.number > number:
        return f"entry {number} is missing"
    return f"entry {min(found.number, number)} is altered"


def _check_end(last: Head, head: Head | None) -> str | None:
    if head is None:
        return f"the head is missing; the last entry is {last.number}"
    if head.number > last.number:
        return f"entry {last.number + 1} is missing: the head says that there are {head.number}"
    if head.number < last.number:
        return f"the head is altered: it says {head.number}, and the last entry is {last.number}"
    if head.hash != last.hash:
        return f"the head is altered: it does not have the hash of entry {last.number}"
    return None


def _check_kept(last: Head, kept: Head | None) -> str | None:
    if kept and kept.number > last.number:
        return f"entry {last.number + 1} is missing: there were {kept.number} when the head was kept"
    return None

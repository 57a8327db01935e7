"""The audit log: who did what, to whom, from where. Appended to in the transaction of the deed itself."""

import hashlib
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct, field
from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import audit_head, audit_log
from services.auth.store.database import read_clock
from shared.clock import to_wire


class Deed(Struct, frozen=True):
    """What somebody did. `details` are plain JSON and hold neither secrets nor what people wrote.

    Numbers in them are whole: the database writes others its own way, and the hash would not fit them.
    """

    action: str
    """`<noun>.<verb past>`, as in `passkey.removed`."""
    actor_id: str | None = None
    """None: the operator at the command line, or somebody who is not signed in."""
    subject_id: str | None = None
    address: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


async def record(connection: AsyncConnection, deed: Deed) -> None:
    """Append to the log. Holds its end until commit, so do it last, but before any revocation is written:
    those two locks are always taken in this order.
    """
    statement = select(audit_head.c.number, audit_head.c.hash).with_for_update()
    number, previous = (await connection.execute(statement)).one()
    number, at = number + 1, await read_clock(connection)
    linked = link(previous, number, at, deed)
    await connection.execute(update(audit_head).values(number=number, hash=linked))
    await connection.execute(
        insert(audit_log).values(
            number=number,
            at=at,
            actor_id=deed.actor_id,
            action=deed.action,
            subject_id=deed.subject_id,
            address=deed.address or None,
            details=deed.details,
            hash=linked,
        )
    )


def link(previous: bytes, number: int, at: datetime, deed: Deed) -> bytes:
    """Return the hash of an entry: SHA-256 over the hash before it and the entry in canonical JSON."""
    entry = [
        number, to_wire(at), deed.actor_id, deed.action, deed.subject_id, deed.address or None, deed.details,
    ]  # fmt: skip
    return hashlib.sha256(previous + msgspec.json.encode(entry, order="sorted")).digest()

"""Rows of `exports`, their entries and parts. Worked on by one replica at a time, by the database's clock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from sqlalchemy import ColumnElement, RowMapping, and_, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from services.auth.models import export_entries, export_parts, exports, users
from services.auth.privacy.archive import Entry
from shared.clock import to_wire
from shared.contracts.privacy import Export


class Claim(Struct, frozen=True):
    """An export that this replica works on; another `attempts` says that it has lost it."""

    id: str
    user_id: str
    requested_at: datetime
    progress: dict[str, Any]
    size_bytes: int
    parts: int
    attempts: int


class Piece(Struct, frozen=True):
    """What one step adds to the file."""

    data: Sequence[bytes]
    """In parts."""
    entries: Sequence[Entry]


async def insert_export(connection: AsyncConnection, export_id: str, user_id: str) -> Export:
    """Add an export that is to be made."""
    now = func.clock_timestamp()
    statement = (
        insert(exports)
        .values(
            id=export_id,
            user_id=user_id,
            state="waiting",
            requested_at=now,
            progress={},
            size_bytes=0,
            parts=0,
            due_at=now,
            attempts=0,
        )
        .returning(exports)
    )
    return _to_wire((await connection.execute(statement)).mappings().one())


async def has_waiting(connection: AsyncConnection, user_id: str) -> bool:
    """Whether one is being made. The user must be locked for an answer that lasts."""
    statement = select(exports.c.id).where(exports.c.user_id == user_id, exports.c.state == "waiting")
    return (await connection.scalar(statement)) is not None


async def list_exports(connection: AsyncConnection, user_id: str) -> list[Export]:
    """Return a user's, the newest first; the limits on asking for them bound how many there are."""
    statement = select(exports).where(*_kept(user_id)).order_by(exports.c.requested_at.desc())
    return [_to_wire(row) for row in (await connection.execute(statement)).mappings()]


async def delete_export(connection: AsyncConnection, export_id: str, user_id: str) -> bool:
    """Delete one of a user's with all its parts; who works on it notices. False if it is not theirs."""
    statement = delete(exports).where(exports.c.id == export_id, exports.c.user_id == user_id)
    return (await connection.execute(statement)).rowcount == 1


async def find_ready(
    connection: AsyncConnection, export_id: str, user_id: str
) -> tuple[int, int, datetime] | None:
    """Return size, parts and time of an export that its owner, who is active, may download now."""
    statement = select(exports.c.size_bytes, exports.c.parts, exports.c.requested_at).where(
        *_downloadable(export_id, user_id)
    )
    row = (await connection.execute(statement)).one_or_none()
    return (row.size_bytes, row.parts, row.requested_at) if row else None


async def find_part(connection: AsyncConnection, export_id: str, user_id: str, number: int) -> bytes | None:
    """Return one part, under the same conditions."""
    statement = select(export_parts.c.data).where(
        export_parts.c.export_id == export_id,
        export_parts.c.number == number,
        select(exports.c.id).where(*_downloadable(export_id, user_id)).exists(),
    )
    data: bytes | None = await connection.scalar(statement)
    return data


async def claim(connection: AsyncConnection, lease: timedelta) -> Claim | None:
    """Take the export that has been due for longest; what is not worked on for `lease` may be taken over."""
    now = func.clock_timestamp()
    due = (
        select(exports.c.id)
        .where(exports.c.state == "waiting", exports.c.due_at <= now)
        .order_by(exports.c.due_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    statement = (
        update(exports)
        .where(exports.c.id.in_(due))
        .values(due_at=now + lease, attempts=exports.c.attempts + 1)
        .returning(
            exports.c.id,
            exports.c.user_id,
            exports.c.requested_at,
            exports.c.progress,
            exports.c.size_bytes,
            exports.c.parts,
            exports.c.attempts,
        )
    )
    row = (await connection.execute(statement)).one_or_none()
    return Claim(*row) if row else None


async def is_wanted(connection: AsyncConnection, held: Claim) -> bool:
    """Hold the export until commit; False if it was deleted or taken over, or its owner is deactivated."""
    statement = (
        select(exports.c.id)
        .join(users, users.c.id == exports.c.user_id)
        .where(_is_held(held), users.c.deactivated_at.is_(None))
        .with_for_update(of=exports)
    )
    return (await connection.scalar(statement)) is not None


async def append(
    connection: AsyncConnection, held: Claim, piece: Piece, progress: dict[str, Any], lease: timedelta
) -> Claim | None:
    """Add a piece and say how far that is, both or neither; None if the export is no longer ours."""
    count, size = len(piece.data), sum(map(len, piece.data))
    if not await is_wanted(connection, held):
        return None
    moved = {
        "progress": progress,
        "size_bytes": held.size_bytes + size,
        "parts": held.parts + count,
        "due_at": func.clock_timestamp() + lease,
    }
    await connection.execute(update(exports).where(_is_held(held)).values(moved))
    if piece.data:
        rows = [
            {"export_id": held.id, "number": number, "data": data}
            for number, data in enumerate(piece.data, held.parts + 1)
        ]
        await connection.execute(insert(export_parts), rows)
    if piece.entries:
        first = await _count_entries(connection, held.id) + 1
        entries = [_to_row(held.id, number, entry) for number, entry in enumerate(piece.entries, first)]
        await connection.execute(insert(export_entries), entries)
    return Claim(
        held.id, held.user_id, held.requested_at, progress, held.size_bytes + size, held.parts + count,
        held.attempts,
    )  # fmt: skip


async def list_entries(connection: AsyncConnection, export_id: str) -> list[Entry]:
    """Return all, in the order of the file: about one for a thousand messages."""
    columns = (
        export_entries.c.name, export_entries.c.offset_bytes, export_entries.c.crc,
        export_entries.c.plain_bytes, export_entries.c.packed_bytes,
    )  # fmt: skip
    statement = (
        select(*columns).where(export_entries.c.export_id == export_id).order_by(export_entries.c.number)
    )
    return [Entry(*row) for row in await connection.execute(statement)]


async def finish(connection: AsyncConnection, held: Claim, life: timedelta) -> Export:
    """Let an export that is held and whole be downloaded, for so long."""
    now = func.clock_timestamp()
    statement = (
        update(exports)
        .where(_is_held(held))
        .values(state="ready", ready_at=now, expires_at=now + life)
        .returning(exports)
    )
    return _to_wire((await connection.execute(statement)).mappings().one())


async def fail(connection: AsyncConnection, held: Claim, life: timedelta) -> None:
    """Give an export up; that it failed is shown for so long."""
    failed = {"state": "failed", "size_bytes": 0, "expires_at": func.clock_timestamp() + life}
    done = await connection.execute(update(exports).where(_is_held(held)).values(failed))
    if done.rowcount:
        await connection.execute(delete(export_parts).where(export_parts.c.export_id == held.id))
        await connection.execute(delete(export_entries).where(export_entries.c.export_id == held.id))


async def postpone(connection: AsyncConnection, held: Claim, pause: timedelta) -> None:
    """Go on after `pause`, whoever then does."""
    later = func.clock_timestamp() + pause
    await connection.execute(update(exports).where(_is_held(held)).values(due_at=later))


async def sweep(connection: AsyncConnection) -> None:
    """Delete what has expired."""
    await connection.execute(delete(exports).where(exports.c.expires_at < func.clock_timestamp()))


async def _count_entries(connection: AsyncConnection, export_id: str) -> int:
    statement = select(func.coalesce(func.max(export_entries.c.number), 0)).where(
        export_entries.c.export_id == export_id
    )
    return int(await connection.scalar(statement) or 0)


def _to_row(export_id: str, number: int, entry: Entry) -> dict[str, Any]:
    return {
        "export_id": export_id,
        "number": number,
        "name": entry.name,
        "offset_bytes": entry.offset_bytes,
        "crc": entry.crc,
        "plain_bytes": entry.plain_bytes,
        "packed_bytes": entry.packed_bytes,
    }


def _is_held(held: Claim) -> ColumnElement[bool]:
    return and_(exports.c.id == held.id, exports.c.state == "waiting", exports.c.attempts == held.attempts)


def _kept(user_id: str) -> list[ColumnElement[bool]]:
    is_kept = func.coalesce(exports.c.expires_at > func.clock_timestamp(), True)
    return [exports.c.user_id == user_id, is_kept]


def _downloadable(export_id: str, user_id: str) -> list[ColumnElement[bool]]:
    is_active = select(users.c.id).where(users.c.id == user_id, users.c.deactivated_at.is_(None)).exists()
    return [exports.c.id == export_id, exports.c.state == "ready", is_active, *_kept(user_id)]


def _to_wire(row: RowMapping) -> Export:
    is_ready = row["state"] == "ready"
    return Export(
        id=row["id"],
        state=row["state"],
        requested_at=to_wire(row["requested_at"]),
        ready_at=to_wire(row["ready_at"]) if row["ready_at"] else None,
        expires_at=to_wire(row["expires_at"]) if row["expires_at"] else None,
        size_bytes=row["size_bytes"] if is_ready else None,
    )

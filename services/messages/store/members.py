"""Members of rooms, present and gone, and what only a member sees: unread counts and mentions."""

from collections.abc import Sequence

from services.messages.models import MEMBER_COLUMNS, MemberRow, RoomRow, member_row
from services.messages.store.connection import Connection
from shared.contracts.entities import Membership
from shared.contracts.limits import MENTIONS_COUNTED_MAX

_ROWS = f"""
SELECT {MEMBER_COLUMNS} FROM messages.memberships m WHERE m.room_id = $1 AND m.user_id = ANY($2::uuid[])
"""
_PAIRS = f"""
SELECT {MEMBER_COLUMNS} FROM unnest($1::uuid[], $2::uuid[]) AS k(room_id, user_id)
JOIN messages.memberships m ON m.room_id = k.room_id AND m.user_id = k.user_id AND m.left_at IS NULL
"""
_PAGE = f"""
SELECT {MEMBER_COLUMNS} FROM messages.memberships m
WHERE m.room_id = $1 AND m.left_at IS NULL AND ($3::uuid IS NULL OR m.user_id > $3)
ORDER BY m.user_id LIMIT $2
"""
_OWNERS = """
SELECT count(*) FROM messages.memberships WHERE room_id = $1 AND role = 'owner' AND left_at IS NULL
"""
_PUT = """
INSERT INTO messages.memberships
    (room_id, user_id, role, joined_at, left_at, rev, read_seq, own_above, notify)
SELECT $1, k.* FROM unnest($2::uuid[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::bigint[],
                           $7::bigint[], $8::bigint[], $9::text[]) AS k
ON CONFLICT (room_id, user_id) DO UPDATE
SET role = excluded.role, joined_at = excluded.joined_at, left_at = excluded.left_at, rev = excluded.rev,
    read_seq = excluded.read_seq, own_above = excluded.own_above, notify = excluded.notify
"""
_SET_NOTIFY = "UPDATE messages.memberships SET notify = $3 WHERE room_id = $1 AND user_id = $2"
# A message that names both the member and the room counts once; each branch stops at the cap.
_MENTIONS = f"""
SELECT least(count(found.seq), {MENTIONS_COUNTED_MAX})::int
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) WITH ORDINALITY AS k(room_id, user_id, read_seq, place)
LEFT JOIN LATERAL (
    (SELECT seq FROM messages.mentions n
     WHERE n.room_id = k.room_id AND n.user_id = k.user_id AND n.thread_id IS NULL AND n.seq > k.read_seq
       AND n.sender_id <> k.user_id ORDER BY seq LIMIT {MENTIONS_COUNTED_MAX})
    UNION
    (SELECT seq FROM messages.mentions n
     WHERE n.room_id = k.room_id AND n.user_id IS NULL AND n.thread_id IS NULL AND n.seq > k.read_seq
       AND n.sender_id <> k.user_id ORDER BY seq LIMIT {MENTIONS_COUNTED_MAX})
) found ON true
GROUP BY k.place ORDER BY k.place
"""


async def list_named(connection: Connection, room_id: str, user_ids: Sequence[str]) -> dict[str, MemberRow]:
    """Return the rows of these users, tombstones too, by user id."""
    rows = [member_row(record) for record in await connection.fetch(_ROWS, room_id, user_ids)]
    return {row.user_id: row for row in rows}


async def list_by_pairs(connection: Connection, pairs: Sequence[tuple[str, str]]) -> list[MemberRow]:
    """Return the present memberships among these (room, user) pairs."""
    if not pairs:
        return []
    room_ids, user_ids = zip(*pairs, strict=True)
    return [member_row(record) for record in await connection.fetch(_PAIRS, room_ids, user_ids)]


async def list_page(connection: Connection, room_id: str, limit: int, after: str | None) -> list[MemberRow]:
    """Return present members by user id, after the given one."""
    return [member_row(record) for record in await connection.fetch(_PAGE, room_id, limit, after)]


async def count_owners(connection: Connection, room_id: str) -> int:
    count: int = await connection.fetchval(_OWNERS, room_id)
    return count


async def put_members(connection: Connection, room_id: str, rows: Sequence[MemberRow]) -> None:
    """Insert or overwrite these members of one room, which must be locked."""
    await connection.execute(
        _PUT,
        room_id,
        [row.user_id for row in rows],
        [row.role for row in rows],
        [row.joined_at for row in rows],
        [row.left_at for row in rows],
        [row.rev for row in rows],
        [row.read_seq for row in rows],
        [row.own_above for row in rows],
        [row.notify for row in rows],
    )


async def set_notify(connection: Connection, member: MemberRow) -> None:
    """Write what a member is notified of: their own matter, which takes no rev. The room must be locked."""
    await connection.execute(_SET_NOTIFY, member.room_id, member.user_id, member.notify)


async def build_memberships(
    connection: Connection, views: Sequence[tuple[RoomRow, MemberRow]]
) -> list[Membership]:
    """Return each member's own view, in the order given: one query, only where something is unread."""
    behind = [(room, member) for room, member in views if member.unread(room.last_seq)]
    counts: dict[tuple[str, str], int] = {}
    if behind:
        records = await connection.fetch(
            _MENTIONS,
            [room.id for room, _ in behind],
            [member.user_id for _, member in behind],
            [member.read_seq for _, member in behind],
        )
        for (room, member), record in zip(behind, records, strict=True):
            counts[room.id, member.user_id] = record[0]
    return [
        member.to_membership(room.last_seq, counts.get((room.id, member.user_id), 0))
        for room, member in views
    ]

"""Users' own timelines: what changed for one user, numbered densely, and the hints that say so.

A step either moves the user's place in a room, or puts an item: a draft, a saved message, a thread's mark.
Rooms are locked before users, users in the order of their ids: no deadlocks.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

from services.messages.models import MEMBER_COLUMNS, MemberRow, member_row
from services.messages.store.connection import Connection
from services.messages.store.journal import Journal
from shared.contracts.limits import ROOMS_PER_USER
from shared.errors import conflict, not_found

LeftReason = Literal["left", "removed", "banned"]
ItemKind = Literal["draft", "saved", "thread"]
ITEM_EVENTS: dict[str, str] = {
    "draft": "draft.updated",
    "saved": "saved.updated",
    "thread": "thread.updated",
}

_ADVANCE = """
INSERT INTO messages.user_timelines AS t (user_id, rev, room_count)
SELECT k.user_id, k.steps, k.rooms
FROM unnest($1::uuid[], $2::bigint[], $3::int[]) AS k(user_id, steps, rooms)
ORDER BY k.user_id
ON CONFLICT (user_id) DO UPDATE
SET rev = t.rev + excluded.rev, room_count = t.room_count + excluded.room_count
RETURNING user_id, rev, room_count
"""
_PLACE = """
INSERT INTO messages.user_rooms (user_id, room_id, user_rev, left_reason)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[])
ON CONFLICT (user_id, room_id) DO UPDATE
SET user_rev = excluded.user_rev, left_reason = excluded.left_reason
"""
_PUT_ITEMS = """
INSERT INTO messages.user_items (user_id, kind, room_id, item_id, user_rev, data)
SELECT k.user_id, k.kind, k.room_id, k.item_id, k.user_rev, k.data::jsonb
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::bigint[], $6::text[])
    AS k(user_id, kind, room_id, item_id, user_rev, data)
ON CONFLICT (user_id, kind, room_id, item_id) DO UPDATE
SET user_rev = excluded.user_rev, data = excluded.data, put_at = now()
"""
# A draft can have 64 KB; NATS carries 8 MB at once.
CHANGED_ITEMS_MAX = 50
_CHANGED_ITEMS = f"""
SELECT user_rev, kind, data::text FROM messages.user_items WHERE user_id = $1 AND user_rev > $2
ORDER BY user_rev LIMIT {CHANGED_ITEMS_MAX}
"""
_ERASED = "SELECT user_id FROM messages.erased_users WHERE user_id = ANY($1::uuid[])"
_REV = "SELECT rev FROM messages.user_timelines WHERE user_id = $1"
_CHANGED = """
SELECT room_id, left_reason IS NOT NULL FROM messages.user_rooms
WHERE user_id = $1 AND user_rev > $2 ORDER BY user_rev
"""
_MEMBER_OF = f"""
SELECT {MEMBER_COLUMNS} FROM unnest($1::uuid[]) AS k(room_id)
JOIN messages.memberships m ON m.room_id = k.room_id AND m.user_id = $2 AND m.left_at IS NULL
"""


class UserItem(NamedTuple):
    """Which of a user's items a step puts; its content is the step's `data`."""

    kind: ItemKind
    item_id: str
    """A message's id; the room's own for the draft of its main timeline."""


class ChangedItem(NamedTuple):
    user_rev: int
    event: str
    data: bytes
    """The encoded `d`."""


class UserStep(NamedTuple):
    """One change in one user's timeline and the hint that tells of it."""

    user_id: str
    room_id: str
    event: str
    data: bytes
    rooms: int = 0
    """How many rooms more (1) or fewer (-1) the user is in."""
    left_reason: LeftReason | None = None
    item: UserItem | None = None
    """Set: the step puts this item, and the user's place in the room stays as it is."""


def item_step(user_id: str, room_id: str, item: UserItem, data: bytes) -> UserStep:
    """Return the step that puts an item; `data` is the encoded `d` of the item's event."""
    return UserStep(user_id, room_id, ITEM_EVENTS[item.kind], data, item=item)


async def advance_users(connection: Connection, journal: Journal, steps: Sequence[UserStep]) -> None:
    """Give each step its user_rev and record its hint. Call once per transaction, after the rooms.

    Raises `conflict` if a user would be in more rooms than anybody may, `not_found` for one who is erased.
    """
    if not steps:
        return
    steps_by_user = Counter(step.user_id for step in steps)
    rooms_by_user: Counter[str] = Counter()
    for step in steps:
        rooms_by_user[step.user_id] += step.rooms
    user_ids = sorted(steps_by_user)
    advanced = await connection.fetch(
        _ADVANCE,
        user_ids,
        [steps_by_user[each] for each in user_ids],
        [rooms_by_user[each] for each in user_ids],
    )
    newcomers = [each for each in user_ids if rooms_by_user[each] > 0]
    # Their timelines are locked by now: an erasure has marked them, or waits and finds them here.
    if newcomers and await connection.fetch(_ERASED, newcomers):
        raise not_found("user")
    revs: dict[str, int] = {}
    for user_id, rev, room_count in advanced:
        if room_count > ROOMS_PER_USER and rooms_by_user[str(user_id)] > 0:
            raise conflict(f"nobody can be in more than {ROOMS_PER_USER} rooms")
        revs[str(user_id)] = rev - steps_by_user[str(user_id)]
    numbered = [(step, _take_rev(revs, step.user_id)) for step in steps]
    for step, rev in numbered:
        journal.user_event(step.user_id, step.event, rev, step.data)
    await _place(connection, numbered)
    await _put_items(connection, numbered)


def _take_rev(revs: dict[str, int], user_id: str) -> int:
    revs[user_id] += 1
    return revs[user_id]


async def _place(connection: Connection, numbered: Sequence[tuple[UserStep, int]]) -> None:
    placed = {
        (step.user_id, step.room_id): (rev, step.left_reason) for step, rev in numbered if not step.item
    }
    if placed:
        await connection.execute(
            _PLACE,
            [user_id for user_id, _ in placed],
            [room_id for _, room_id in placed],
            [rev for rev, _ in placed.values()],
            [reason for _, reason in placed.values()],
        )


async def _put_items(connection: Connection, numbered: Sequence[tuple[UserStep, int]]) -> None:
    put = {(step.user_id, step.room_id, *step.item): (rev, step.data) for step, rev in numbered if step.item}
    if put:
        user_ids, room_ids, kinds, item_ids = zip(*put, strict=True)
        await connection.execute(
            _PUT_ITEMS,
            user_ids,
            kinds,
            room_ids,
            item_ids,
            [rev for rev, _ in put.values()],
            [data.decode() for _, data in put.values()],
        )


async def get_user_rev(connection: Connection, user_id: str) -> int:
    """Return the user's position; 0 for one who was never in a room."""
    rev: int | None = await connection.fetchval(_REV, user_id)
    return rev or 0


async def list_changed_rooms(
    connection: Connection, user_id: str, after_user_rev: int
) -> tuple[list[str], list[str]]:
    """Return the ids of rooms whose membership changed, still held and ended, oldest change first."""
    held: list[str] = []
    left: list[str] = []
    for room_id, has_left in await connection.fetch(_CHANGED, user_id, after_user_rev):
        (left if has_left else held).append(str(room_id))
    return held, left


async def list_changed_items(connection: Connection, user_id: str, after_user_rev: int) -> list[ChangedItem]:
    """Return the items put since, oldest first, at most CHANGED_ITEMS_MAX."""
    records = await connection.fetch(_CHANGED_ITEMS, user_id, after_user_rev)
    return [ChangedItem(user_rev, ITEM_EVENTS[kind], data.encode()) for user_rev, kind, data in records]


async def list_member_of(
    connection: Connection, user_id: str, room_ids: Sequence[str]
) -> dict[str, MemberRow]:
    """Return the user's present memberships among these rooms, by room."""
    rows = [member_row(record) for record in await connection.fetch(_MEMBER_OF, room_ids, user_id)]
    return {row.room_id: row for row in rows}

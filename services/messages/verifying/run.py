"""Goes through all rooms and users in batches, each in one snapshot, and hands over what is wrong.

The admin command calls it. One connection, no parallel workers: the load beside live traffic stays small.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from services.messages.domain.access import dm_kind
from services.messages.store.connection import Connection
from services.messages.store.deployment import read_history, read_known_history
from services.messages.verifying import contents, members, timelines
from services.messages.verifying.findings import PER_STATEMENT_MAX, Finding
from shared.ids import dm_room_id

_SESSION = """
SET default_transaction_isolation = 'repeatable read';
SET default_transaction_read_only = on;
SET max_parallel_workers_per_gather = 0;
SET plan_cache_mode = force_custom_plan;
SET work_mem = '32MB';
SET jit = off;
"""
# A snapshot holds up the vacuum of all tables: each lasts for about so many rows, a large room for its own.
_REVS_AT_ONCE = 50_000
_ROOMS_AT_ONCE = 500
_USERS_AT_ONCE = 2_000
_FEED_BEHIND_S = 60

_NEXT_ROOMS = """
SELECT id, rev FROM messages.rooms WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2
"""
_ROOM = "SELECT id, rev FROM messages.rooms WHERE id = $1"
_NEXT_USERS = """
SELECT user_id FROM messages.user_timelines WHERE $1::uuid IS NULL OR user_id > $1 ORDER BY user_id LIMIT $2
"""
_OUTBOX = """
SELECT count(*), floor(extract(epoch FROM clock_timestamp() - min(created_at)))::bigint FROM messages.outbox
WHERE created_at < clock_timestamp() - make_interval(secs => $1)
"""

BY_ROOM = (*timelines.BY_ROOM, *members.BY_ROOM, *contents.BY_ROOM)
OVERALL = ((timelines.ORPHANS, "room"), (members.UNNUMBERED, "user"))


@dataclass
class Summary:
    """How much was looked at, so far."""

    rooms: int = 0
    revs: int = 0
    users: int = 0
    findings: int = 0


async def verify(
    connection: Connection, found: Callable[[Finding], None], progress: Callable[[Summary], None],
    room_id: str | None = None,
) -> Summary:  # fmt: skip
    """Check one room, or all rooms, all users and the deployment; calls `found` for each thing wrong.

    `progress` is called after each batch. The connection is used for nothing else before or after.
    """
    summary = Summary()

    def take(findings: Sequence[Finding]) -> None:
        summary.findings += len(findings)
        for finding in findings:
            found(finding)

    await connection.execute(_SESSION)
    async for room_ids, revs in _batch_rooms(connection, room_id):
        take(await _check_rooms(connection, room_ids))
        summary.rooms += len(room_ids)
        summary.revs += revs
        progress(summary)
    if room_id is not None:
        return summary
    async for user_ids in _batch_users(connection):
        async with connection.transaction():
            for statement in members.BY_USER:
                take(await _ask(connection, statement, "user", user_ids))
        summary.users += len(user_ids)
        progress(summary)
    for statement, noun in OVERALL:
        take(await _ask(connection, statement, noun))
    take(await _check_deployment(connection))
    return summary


async def _batch_rooms(connection: Connection, room_id: str | None) -> AsyncIterator[tuple[list[str], int]]:
    """Yield ids of rooms, and the revs that they have taken: about as much as they have rows."""
    if room_id is not None:
        records = await connection.fetch(_ROOM, room_id)
        if records:
            yield [room_id], records[0][1]
        return
    after: str | None = None
    while records := await connection.fetch(_NEXT_ROOMS, after, _ROOMS_AT_ONCE):
        room_ids: list[str] = []
        revs = 0
        for record in records:
            if room_ids and revs + record[1] > _REVS_AT_ONCE:
                break
            room_ids.append(str(record[0]))
            revs += record[1]
        yield room_ids, revs
        after = room_ids[-1]


async def _batch_users(connection: Connection) -> AsyncIterator[list[str]]:
    after: str | None = None
    while records := await connection.fetch(_NEXT_USERS, after, _USERS_AT_ONCE):
        user_ids = [str(user_id) for (user_id,) in records]
        yield user_ids
        after = user_ids[-1]


async def _check_rooms(connection: Connection, room_ids: Sequence[str]) -> list[Finding]:
    findings: list[Finding] = []
    async with connection.transaction():
        for statement in BY_ROOM:
            findings += await _ask(connection, statement, "room", room_ids)
        for room_id, kind, user_ids, present in await connection.fetch(members.DIRECT, room_ids):
            findings += _check_direct(str(room_id), kind, _to_ids(user_ids), _to_ids(present))
    return findings


async def _ask(
    connection: Connection, statement: str, noun: str, ids: Sequence[str] | None = None
) -> list[Finding]:
    records = await connection.fetch(
        f"{statement} LIMIT {PER_STATEMENT_MAX}", *(() if ids is None else (ids,))
    )
    return [Finding(f"{noun} {subject}", name, text) for subject, name, text in records]


def _check_direct(room_id: str, kind: str, user_ids: list[str], present: list[str]) -> list[Finding]:
    """A direct conversation is its people: its id is made of them, and none comes or goes."""
    subject = f"room {room_id}"
    expected = dm_room_id(user_ids)
    if expected != room_id or user_ids != sorted(set(user_ids)):
        return [Finding(subject, "dm_id", f"the id of its {len(user_ids)} people would be {expected}")]
    if kind != dm_kind(user_ids):
        return [Finding(subject, "dm_id", f"a {kind} of {len(user_ids)} people")]
    if present != user_ids:
        return [
            Finding(subject, "dm_members", f"should be of {len(user_ids)} people, present are {len(present)}")
        ]
    return []


def _to_ids(values: Sequence[object]) -> list[str]:
    return sorted(map(str, values))


async def _check_deployment(connection: Connection) -> list[Finding]:
    findings = []
    count, age_s = await connection.fetchrow(_OUTBOX, float(_FEED_BEHIND_S))
    if count:
        text = f"{count} batches of events are not acknowledged by the feed, the oldest for {age_s} s"
        findings.append(Finding("deployment", "outbox", text))
    history, known = await read_history(connection), await read_known_history(connection)
    if history != known:
        text = f"the epoch is of timeline and system {known}, the database is {history}"
        findings.append(Finding("deployment", "epoch", text))
    return findings

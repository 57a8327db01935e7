"""What must hold once a fault is over: all that was acked is there, once, in one order; nothing hangs on."""

from collections import Counter
from collections.abc import Sequence

import asyncpg

from deploy.local.postgres import postgres_url
from services.messages.verifying import verify
from services.messages.verifying.findings import Finding
from tests.faults.observing import read_metrics
from tests.faults.talking import Talker, created, list_all
from tests.stack import Stack
from tests.wire import Person, Socket, check_follows, eventually

POOL = 10
PUBLISHED_WITHIN_S = 90.0  # a batch that the feed did not take is tried again after 10 s, 20 s, … 60 s
STUCK = """
SELECT count(*) FROM pg_stat_activity
WHERE usename = 'chatcraft' AND state LIKE 'idle in transaction%' AND now() - state_change > interval '3 s'
"""
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'chatcraft-messages'"


async def check_whole(room_id: str, talkers: Sequence[Talker], sockets: Sequence[Socket]) -> None:
    """Check that the room holds what was acked and nothing else, and that all readers heard just that."""
    await check_stored(room_id, talkers)
    await check_order(talkers[0].person, room_id, sockets)


async def check_stored(room_id: str, talkers: Sequence[Talker]) -> list[str]:
    """Check that the room holds what was acked and nothing else, each talker's in order; return it."""
    stored = await list_all(talkers[0].person, room_id)
    assert Counter(stored) == Counter(each for talker in talkers for each in talker.acked)
    for talker in talkers:
        own = set(talker.acked)
        assert [each for each in stored if each in own] == talker.acked
    return stored


async def check_order(reader: Person, room_id: str, sockets: Sequence[Socket]) -> None:
    """Check that all sockets heard the room as it is stored: the same order, dense, each once."""
    stored = await list_all(reader, room_id)
    for socket in sockets:
        await eventually(lambda socket=socket: len(created(socket, room_id)) >= len(stored))
        assert created(socket, room_id) == stored
        check_frames(socket, room_id)


def check_frames(socket: Socket, room_id: str) -> None:
    """Check that each frame goes on where the one before it ended, the first one where the sync did."""
    [element] = [each for each in socket.synced["rooms"] if each["room"]["id"] == room_id]
    rev, frames = element["position"]["rev"], socket.of_room(room_id)
    heard = Counter(frame["d"]["id"] for frame in frames if frame["ev"] == "message.created")
    assert not [message_id for message_id, count in heard.items() if count > 1]
    for frame in frames:
        check_follows(frame, rev)
        rev = frame["rev"]


async def check_nothing_left(stack: Stack, admin_url: str | None = None) -> None:
    """Check the whole database, and that neither a command nor a session nor a transaction hangs on."""
    replicas = [index for service, index in stack.children if service == "messages"]
    for index in replicas:
        await eventually(lambda index=index: _is_idle(stack, index))
    admin = await asyncpg.connect(admin_url or postgres_url(stack._data_dir, as_admin=True))
    try:
        await eventually(
            lambda: admin.fetchval("SELECT count(*) = 0 FROM messages.outbox"), PUBLISHED_WITHIN_S
        )
        # One that hangs stays; on a busy machine others may be slow to end.
        await eventually(lambda: admin.fetchval(f"SELECT ({STUCK}) = 0"))
        await eventually(lambda: admin.fetchval(f"SELECT ({SESSIONS}) <= {POOL * len(replicas)}"))
        findings: list[Finding] = []
        await verify(admin, findings.append, lambda _summary: None)
        assert not findings
    finally:
        await admin.close()


async def _is_idle(stack: Stack, index: int) -> bool:
    return (await read_metrics(stack, "messages", index))["chatcraft_writer_queued_commands"] == 0

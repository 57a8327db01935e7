"""`chatcraft import slack` as a person runs it, and what must hold in the database whatever it did."""

import asyncio
import json
import os
import signal
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from tests.up_process import COMMAND, children_of

DEADLINE_S = 120

# Everything that an import writes, without the moments at which it did.
STATE = """
SELECT to_jsonb(r) - '{archived_at}'::text[] FROM messages.rooms r ORDER BY id;
SELECT to_jsonb(m) - '{joined_at,left_at}'::text[] FROM messages.memberships m ORDER BY room_id, user_id;
SELECT to_jsonb(g) FROM messages.messages g ORDER BY room_id, id;
SELECT to_jsonb(n) FROM messages.mentions n ORDER BY room_id, message_id, user_id;
SELECT to_jsonb(e) FROM messages.reactions e ORDER BY room_id, message_id, emoji, user_id;
SELECT to_jsonb(u) FROM messages.user_rooms u ORDER BY user_id, room_id;
SELECT to_jsonb(t) FROM messages.user_timelines t ORDER BY user_id;
SELECT to_jsonb(a) - '{created_at,deactivated_at,password_hash}'::text[] FROM auth.users a ORDER BY id;
"""

# Each names rooms or users for which a rule is broken.
BROKEN = {
    "main timelines are dense": """
        SELECT r.id FROM messages.rooms r
        LEFT JOIN messages.messages g ON g.room_id = r.id AND g.thread_id IS NULL
        GROUP BY r.id, r.last_seq
        HAVING count(g.id) <> r.last_seq OR coalesce(max(g.seq), 0) <> r.last_seq""",
    "threads are dense, and their roots know": """
        SELECT g.id FROM messages.messages g
        LEFT JOIN messages.messages t ON t.room_id = g.room_id AND t.thread_id = g.id
        GROUP BY g.room_id, g.id, g.thread_last_seq, g.reply_count HAVING count(t.id) <> g.thread_last_seq
        OR coalesce(max(t.seq), 0) <> g.thread_last_seq
        OR count(t.id) FILTER (WHERE t.deleted_at IS NULL) <> g.reply_count""",
    "the last reply is the last": """
        SELECT g.id FROM messages.messages g WHERE g.last_reply_at IS DISTINCT FROM (
            SELECT t.created_at FROM messages.messages t WHERE t.room_id = g.room_id AND t.thread_id = g.id
            AND t.deleted_at IS NULL ORDER BY t.seq DESC LIMIT 1)""",
    "a thread hangs from a message of the main timeline": """
        SELECT t.id FROM messages.messages t
        LEFT JOIN messages.messages g ON g.room_id = t.room_id AND g.id = t.thread_id
        WHERE t.thread_id IS NOT NULL AND (g.id IS NULL OR g.thread_id IS NOT NULL)""",
    "a rev is taken once, and no room is behind": """
        SELECT room_id FROM (SELECT room_id, rev FROM messages.messages UNION ALL
            SELECT room_id, rev FROM messages.memberships) taken JOIN messages.rooms r ON r.id = room_id
        GROUP BY room_id, r.rev HAVING count(*) <> count(DISTINCT taken.rev) OR max(taken.rev) > r.rev""",
    "members are counted": """
        SELECT r.id FROM messages.rooms r WHERE r.member_count <> (
            SELECT count(*) FROM messages.memberships m WHERE m.room_id = r.id AND m.left_at IS NULL)""",
    "all is read": """
        SELECT m.room_id FROM messages.memberships m JOIN messages.rooms r ON r.id = m.room_id
        WHERE m.read_seq <> r.last_seq OR m.own_above <> 0""",
    "users know their rooms": """
        SELECT t.user_id FROM messages.user_timelines t
        LEFT JOIN messages.user_rooms u ON u.user_id = t.user_id
        GROUP BY t.user_id, t.room_count, t.rev
        HAVING count(u.room_id) <> t.room_count OR max(u.user_rev) > t.rev""",
    "reactions are shown as they are": """
        SELECT g.id FROM messages.messages g
        LEFT JOIN messages.reactions e ON e.room_id = g.room_id AND e.message_id = g.id
        GROUP BY g.room_id, g.id, g.reactions HAVING count(e.emoji) <> coalesce((
            SELECT sum((shown->>'count')::int) FROM jsonb_array_elements(g.reactions) shown), 0)""",
    "mentions are those of the messages": """
        SELECT g.id FROM messages.messages g
        LEFT JOIN messages.mentions n ON n.room_id = g.room_id AND n.message_id = g.id
        GROUP BY g.room_id, g.id, g.mention_user_ids, g.mention_room, g.seq
        HAVING count(n.message_id) <> cardinality(g.mention_user_ids) + g.mention_room::int
        OR min(n.seq) <> g.seq""",
    "sent is what was active": """
        SELECT r.id FROM messages.rooms r WHERE r.last_seq > 0 AND r.active_at <> greatest(r.created_at, (
            SELECT max(g.created_at) FROM messages.messages g
            WHERE g.room_id = r.id AND g.thread_id IS NULL))""",
}  # fmt: skip


class Outcome(NamedTuple):
    code: int
    output: str
    report: dict[str, Any]

    @property
    def counts(self) -> dict[str, int]:
        counts: dict[str, int] = self.report["counts"]
        return counts

    def find_left(self, part: str) -> int:
        """Return how often the reason with these words held."""
        return sum(each["count"] for each in self.report["not_carried_over"] if part in each["reason"])


class ImportProcess:
    """A run of the command that a test can kill."""

    def __init__(self, export: Path, *arguments: str, env: dict[str, str] | None = None) -> None:
        self._report = export.with_name(f"{export.name}.report.json")
        self._argv = (COMMAND, "import", "slack", str(export), *arguments)
        self._env = {**os.environ, **(env or {})}

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *self._argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self._env,
        )

    async def end(self) -> Outcome:
        async with asyncio.timeout(DEADLINE_S):
            output, _ = await self.process.communicate()
        report = json.loads(self._report.read_text()) if self._report.exists() else {}
        return Outcome(self.process.returncode or 0, output.decode(), report)

    async def kill(self) -> None:
        """Kill it with all that it has started, as the machine's end would."""
        for pid in (self.process.pid, *children_of(self.process.pid)):
            os.kill(pid, signal.SIGKILL)
        await self.process.wait()


async def run_import(export: Path, database_url: str, *arguments: str) -> Outcome:
    """Import into this database; fail with the output unless it succeeds."""
    process = ImportProcess(export, *arguments, env={"CHATCRAFT_DATABASE_URL": database_url})
    await process.start()
    outcome = await process.end()
    assert outcome.code == 0, outcome.output
    return outcome


async def read_state(database: asyncpg.Connection) -> list[list[str]]:
    """Return everything that imports write."""
    statements = [each for each in STATE.split(";") if each.strip()]
    return [[record[0] for record in await database.fetch(each)] for each in statements]


async def check_rules(database: asyncpg.Connection) -> None:
    """Fail with the rules that are broken, and where."""
    for rule, query in BROKEN.items():
        broken = [str(record[0]) for record in await database.fetch(query)]
        assert not broken, rule

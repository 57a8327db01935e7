"""The write path alone: what one process's writer makes durable a second, without NATS and sockets."""

import asyncio
import random
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.load.speech import TEXT
from bench.store.effort import Effort
from deploy.local.data_dir import DataDir
from deploy.local.migrations import migrate
from deploy.local.servers import EmbeddedServers, ExternalUrls
from services.messages.commands.joining import let_in
from services.messages.commands.rooms import new_room
from services.messages.settings import MessagesSettings
from services.messages.store.deployment import watch_connections
from services.messages.store.transaction import Database
from services.messages.writer import Job, Writer
from shared.background import Background
from shared.bus import Caller
from shared.contracts.messages import SendMessage
from shared.db import create_engine
from shared.ids import new_id

MEMBERS_PER_ROOM = 5
ROOMS = 100
WAITING = 1_000  # commands in flight, as clients would wait for them


class Request:
    """Stands for a request from NATS: the payload, the caller, and a counter in place of the way back."""

    def __init__(self, payload: bytes, user_id: str, done: "Done") -> None:
        self.payload = payload
        self.caller = Caller(user_id, user_id, "member", "::1")
        self.span = None
        self._done = done

    def respond(self, reply: bytes) -> None:
        self._done.count(reply)


class Done:
    """Counts answers; lets so many through at a time as clients would wait for."""

    def __init__(self, expected: int, waiting: int) -> None:
        self.refused = 0
        self.slots = asyncio.Semaphore(waiting)
        self.left = expected
        self.all = asyncio.Event()

    def count(self, reply: bytes) -> None:
        self.refused += not reply.startswith(b'{"ok"')
        self.slots.release()
        self.left -= 1
        if not self.left:
            self.all.set()


async def make_rooms(database: Database, count: int) -> list[tuple[str, list[str]]]:
    made = []
    for _ in range(count):
        people = [new_id() for _ in range(MEMBERS_PER_ROOM)]
        async with database.changing() as transaction:
            room = new_room(new_id(), "private", people[0], await transaction.get_now(), name="bench")
            change = await transaction.add_room(room)
            for user_id in people:
                let_in(change, user_id, "member")
        made.append((room.id, people))
    return made


@asynccontextmanager
async def run_database() -> AsyncIterator[AsyncEngine]:
    """Start PostgreSQL alone, migrated, with an engine as the service has it."""
    nobody = ExternalUrls(nats="nats://none", redis="redis://none")
    with tempfile.TemporaryDirectory() as path, DataDir.open(Path(path) / "data") as data_dir:
        async with EmbeddedServers(data_dir, nobody) as servers:
            url = servers.endpoints.database_url
            await migrate(url)
            settings = MessagesSettings(database_url=url, nats_url="nats://none", health_port=1)
            engine = create_engine(settings, "bench")
            watch_connections(engine)
            try:
                yield engine
            finally:
                await engine.dispose()


async def measure_write_path(effort: Effort) -> dict[str, Any]:
    """The same commands in batches, and each in a transaction of its own."""
    async with run_database() as engine:
        instance = new_id()
        rooms = await make_rooms(Database(engine, instance, lambda _journal: None), ROOMS)
        found = {}
        for name, batch_max, writers, share in (
            ("warm-up", 500, 1, 10),
            ("batches of up to 500", 500, 1, 1),
            ("batches of one", 1, 1, 10),
            ("batches of one, 8 at once", 1, 8, 10),
        ):
            writer = Writer(
                engine, instance, lambda _journal: None, lambda exc, _name: exc,
                lanes=writers, batch_max=batch_max,
            )  # fmt: skip
            found[name] = await _measure(writer, rooms, effort.write_path_messages // share)
        del found["warm-up"]
        return found


async def _measure(writer: Writer, rooms: list[tuple[str, list[str]]], messages: int) -> dict[str, Any]:
    done = Done(messages, WAITING)
    async with Background() as background:
        writer.start(background)
        started_s, cpu = time.perf_counter(), time.process_time()
        for _ in range(messages):
            room_id, people = random.choice(rooms)
            asked = SendMessage(room_id=room_id, id=new_id(), text=TEXT)
            await done.slots.acquire()
            request = Request(msgspec.json.encode(asked), random.choice(people), done)
            writer.put(Job("messages.send", request, asked))
        await done.all.wait()
        taken_s = time.perf_counter() - started_s
        used_s = time.process_time() - cpu
    return {
        "per_s": round(messages / taken_s),
        "cpu_us_per_message": round(used_s / messages * 1e6, 1),
        "refused": done.refused,
    }

"""The writer alone: how many messages a second one process makes durable, without NATS in between.

`python -m bench.write_path [--messages 20000] [--rooms 100] [--writers 1]`, on a data directory of its own.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import uvloop

from deploy.local.data_dir import DataDir
from deploy.local.migrations import migrate
from deploy.local.servers import EmbeddedServers
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
TEXT = "x" * 200


class Request:
    """Stands for a request from NATS: the payload, the caller, and a counter in place of the way back."""

    def __init__(self, payload: bytes, user_id: str, done: "Done") -> None:
        self.payload = payload
        self.caller = Caller(user_id, user_id, "member", "::1")
        self._done = done

    async def respond(self, reply: bytes) -> None:
        self._done.count(reply)


class Done:
    """Counts answers; lets so many through at a time as clients would wait for."""

    def __init__(self, expected: int, waiting: int) -> None:
        self.latencies: list[float] = []
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


async def measure(database_url: str, options: argparse.Namespace) -> dict[str, object]:
    settings = MessagesSettings(database_url=database_url, nats_url="nats://none", health_port=1)
    engine = create_engine(settings, "bench")
    watch_connections(engine)
    instance = new_id()
    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        background = await stack.enter_async_context(Background())
        rooms = await make_rooms(Database(engine, instance, lambda _journal: None), options.rooms)
        writer = Writer(
            engine, instance, lambda _journal: None, lambda exc, _name: exc,
            loops=options.writers, batch_max=500,
        )  # fmt: skip
        writer.start(background)
        done = Done(options.messages, options.waiting)
        started, cpu = time.perf_counter(), time.process_time()
        for _ in range(options.messages):
            room_id, people = random.choice(rooms)
            asked = SendMessage(room_id=room_id, id=new_id(), text=TEXT)
            await done.slots.acquire()
            writer.put(
                Job("messages.send", Request(msgspec.json.encode(asked), random.choice(people), done), asked)
            )
        await done.all.wait()
        taken_s = time.perf_counter() - started
        return {
            "messages_per_s": round(options.messages / taken_s),
            "cpu_us_per_message": round((time.process_time() - cpu) / options.messages * 1e6, 1),
            "refused": done.refused,
        }


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=20_000)
    parser.add_argument("--rooms", type=int, default=100)
    parser.add_argument("--writers", type=int, default=1)
    parser.add_argument("--waiting", type=int, default=1_000, help="commands in flight")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as path, DataDir.open(Path(path) / "data") as data_dir:
        async with EmbeddedServers(data_dir) as servers:
            await migrate(servers.endpoints.database_url)
            result = await measure(servers.endpoints.database_url, options)
    print(json.dumps(vars(options) | result))


if __name__ == "__main__":
    uvloop.run(main())

"""A rollout: today's schema below yesterday's services, then old gateways on a new store, or the other way.

Two people talk through all of it; nobody misses anything.
"""

import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx2
import pytest

from deploy.local.migrations import migrate
from tests.faults.previous_version import unpack_previous_version
from tests.faults.talking import Talker, created, list_all, talking
from tests.stack import Stack
from tests.up_process import run_program
from tests.wire import PASSWORD, Json, People, Person, Socket, eventually, read

pytestmark = pytest.mark.timeout(300)
ORDERS = {
    "store first": (
        ("messages", 0),
        ("messages", 1),
        ("auth", 0),
        ("presence", 0),
        ("gateway", 1),
        ("gateway", 0),
    ),
    "gateways first": (
        ("gateway", 0),
        ("gateway", 1),
        ("messages", 0),
        ("messages", 1),
        ("auth", 0),
        ("presence", 0),
    ),
}
# Some of the steps' own time, and some of talking with that mix.
SAID_PER_STEP = 8


@pytest.fixture(autouse=True)
def mended() -> None:
    """These tests have stacks of their own."""


class Reader:
    """Somebody who comes back with the position they hold, and notes what they are told."""

    def __init__(self, person: Person, room_id: str) -> None:
        self.person = person
        self.room_id = room_id
        self.position: Json | None = None
        self.seen: dict[str, None] = {}

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Socket]:
        async with self.person.socket(sync=False) as socket:
            held = {self.room_id: self.position} if self.position else {}
            socket.synced = await socket.call("sync", {"rooms": held})
            [element] = socket.synced["rooms"]
            assert element["state"] in ({"current", "caught_up"} if held else {"new"})
            self.position = element["position"]
            yield socket
            self.seen |= dict.fromkeys(created(socket, self.room_id))
            for frame in socket.of_room(self.room_id):
                self.position = {"epoch": frame["epoch"], "rev": frame["rev"]}

    async def hears(self, talker: Talker) -> None:
        """Come, hear some more, and everything that was said before; then leave."""
        async with self.reading() as socket:
            wanted = len(talker.acked) + SAID_PER_STEP
            await eventually(lambda: len(talker.acked) >= wanted)
            heard = set(talker.acked)
            await eventually(lambda: heard <= {*self.seen, *created(socket, self.room_id)})


async def gets_in_and_is_seen(person: Person, other: Person) -> None:
    """At the node of the one the other signs in, refreshes, looks around and is seen as they said."""
    login = {"login": other.user["username"], "password": PASSWORD}
    there = f"{person.url}/api/v1/auth"
    signed_in = read(await person.http.post(f"{there}/login", json=login))
    again = {"refresh_token": signed_in["tokens"]["refresh_token"]}
    tokens = read(await person.http.post(f"{there}/refresh", json=again))["tokens"]
    guest = Person(person.url, other.user, tokens, person.http)
    await guest.rest("PUT", "/presence", {"status": "dnd", "text": "in the middle of a rollout"})
    async with guest.socket(sync=False) as socket:
        await socket.call("presence.watch", {"user_ids": [person.id]})

        async def is_seen() -> bool:
            [shown] = (await person.rest("GET", f"/presence?user_ids={other.id}"))["presences"]
            return bool(shown["status"] == "dnd")

        await eventually(is_seen)
    await guest.rest("POST", "/auth/logout")


async def read_version(stack: Stack) -> int:
    database = await asyncpg.connect(stack.endpoints.database_url)
    version = await database.fetchval("SELECT version_num FROM messages.schema_version")
    await database.close()
    return int(version)


@pytest.mark.parametrize("order", ORDERS)
async def test_versions_are_mixed_during_a_rollout_and_nobody_misses_anything(
    stack_factory: Callable[..., Stack], http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path, order: str,
) -> None:  # fmt: skip
    monkeypatch.setenv("PYTHONPATH", str(unpack_previous_version(tmp_path / "previous")))
    async with stack_factory(is_migrated=False) as stack:
        monkeypatch.delenv("PYTHONPATH")  # whatever starts from here on is today's
        before = await read_version(stack)
        folk = People(stack.gateway_urls, http)
        anna, bert = await folk.register("anna", 0), await folk.register("bert", 1)
        room_id = await anna.create_room(members=(bert,))
        reader = Reader(bert, room_id)
        async with talking(anna, room_id) as talker:
            await reader.hears(talker)
            await migrate(stack.endpoints.database_url)
            assert await read_version(stack) >= before
            await reader.hears(talker)
            for service, index in ORDERS[order]:
                await stack.restart(service, index)
                await reader.hears(talker)
                await gets_in_and_is_seen(anna, bert)
                await gets_in_and_is_seen(bert, anna)
            message = await bert.send(room_id, "from the other side")
            edited = {"text": "edited"}
            await bert.rest("PATCH", f"/rooms/{room_id}/messages/{message['id']}", edited)
        async with reader.reading() as socket:
            await eventually(lambda: set(talker.acked) <= {*reader.seen, *created(socket, room_id)})
        said = await list_all(anna, room_id)
        assert [each for each in said if each != message["id"]] == talker.acked
        assert set(said) == set(reader.seen)
        environment = {"CHATCRAFT_DATABASE_URL": stack.endpoints.database_url}
        program = (sys.executable, "-P", "-m", "services.messages.admin", "verify")
        code, lines = await run_program(*program, env=environment)
        assert code == 0, lines

"""Erasures and exports while the services that do them are killed, again and again, wherever they are.

`CHATCRAFT_TEST_LONG=1` takes more schedules.
"""

import asyncio
import io
import json
import os
import random
import zipfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx2
import pytest
import redis.asyncio

from deploy.local.data_dir import DataDir
from tests.faults.traces import Needles, find_traces
from tests.faults.wholeness import check_frames, check_nothing_left
from tests.stack import Stack
from tests.wire import PASSWORD, People, Person, Refused, Socket, eventually, new_id, read

# Five times two processes are started again, and a lease has to run out.
pytestmark = pytest.mark.timeout(400)
DEADLINE_S = 150
IS_LONG = os.environ.get("CHATCRAFT_TEST_LONG") == "1"
# Each takes the better part of a minute.
ERASURE_SEEDS = [11, 23, 37] if IS_LONG else [11]
EXPORT_SEEDS = [3, 29, 41] if IS_LONG else [29]
AGENT = f"Traceable/{new_id()}"
_UNFINISHED = "FROM auth.erasures e WHERE e.user_id = $1 AND e.finished_at IS NULL"
ROOMS_LEFT = f"""
SELECT (SELECT count(*) > $2 FROM messages.memberships WHERE user_id = $1 AND left_at IS NOT NULL)
{_UNFINISHED}
"""
EMPTIED = f"""
SELECT (SELECT count(*) >= $2 FROM messages.messages WHERE sender_id = $1 AND text = '') {_UNFINISHED}
"""
NEARLY_DONE = f"""
SELECT EXISTS (SELECT FROM auth.erasure_steps s WHERE s.erasure_id = e.id AND s.name = 'messages')
{_UNFINISHED}
"""
HOLD_END = """
CREATE FUNCTION auth.wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(5);
  RETURN NEW;
END $$;
CREATE TRIGGER held BEFORE UPDATE OF finished_at ON auth.erasures
FOR EACH ROW EXECUTE FUNCTION auth.wait_for_test();
SELECT pg_advisory_lock(5);
"""
PARTS_MADE = "SELECT e.parts >= $2 FROM auth.exports e WHERE e.user_id = $1 AND e.state = 'waiting'"
STEPS = """
SELECT s.name, count(*) FROM auth.erasures e JOIN auth.erasure_steps s ON s.erasure_id = e.id
WHERE e.user_id = $1 GROUP BY s.name
"""


@pytest.fixture(scope="module")
async def broken(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """As in conftest, with two of each service that takes part."""
    counts = {"auth": 2, "messages": 2, "gateway": 1}
    with DataDir.open(tmp_path_factory.mktemp("privacy") / "data") as data_dir:
        async with Stack("test_privacy", data_dir, counts=counts) as running:
            yield running


@pytest.fixture
async def bert(folk: People) -> Person:
    return await folk.register("bert")


class Killer:
    """Kills every replica of a service when the work has just come to a point, and starts them again."""

    def __init__(self, stack: Stack, seed: int) -> None:
        self.stack = stack
        self.chance = random.Random(seed)
        self.killed = 0
        """How often that was in the middle."""

    async def kill_at(self, query: str, user_id: str, *values: int) -> None:
        """The query tells whether the point is reached (null: the work is over), and for whom it waits."""
        connection = await asyncpg.connect(self.stack.endpoints.database_url)
        reached: list[bool | None] = []

        async def has_come() -> bool:
            reached[:] = [await connection.fetchval(query, user_id, *values)]
            return reached != [False]

        try:
            await eventually(has_come, DEADLINE_S)
        finally:
            await connection.close()
        if reached == [True]:
            await self._kill(self.chance.choice(["auth", "messages"]))

    async def _kill(self, service: str) -> None:
        await asyncio.gather(*(self.stack.kill(service, index) for index in range(2)))
        self.killed += 1
        await asyncio.gather(*(self.stack.restart(service, index) for index in range(2)))


@asynccontextmanager
async def end_held_up(stack: Stack) -> AsyncIterator[None]:
    """Let no erasure end meanwhile: on a busy machine it would before anybody has looked."""
    connection = await asyncpg.connect(stack.endpoints.database_url)
    try:
        await connection.execute(HOLD_END)
        yield
    finally:
        await connection.execute("SELECT pg_advisory_unlock(5)")
        await connection.execute("DROP FUNCTION auth.wait_for_test CASCADE")
        await connection.close()


class Life:
    """What somebody leaves behind who has used everything."""

    def __init__(self, person: Person, bert: Person) -> None:
        self.person = person
        self.bert = bert
        self.mark = new_id()[:13]
        self.shared = self.owned = self.alone = self.dm = self.left = self.root = ""
        self.bot: dict[str, Any] = {}
        self.message_ids: list[str] = []

    @classmethod
    async def live(cls, folk: People, bert: Person, messages: int) -> "Life":
        account = {"username": f"erika-{new_id()[:8]}", "password": PASSWORD,
                   "email": f"{new_id()}@mail.example", "display_name": f"Erika {new_id()[:8]}"}  # fmt: skip
        answer = await bert.http.post(
            f"{folk.urls[0]}/api/v1/auth/register", json=account, headers={"User-Agent": AGENT}
        )
        registered = read(answer)
        person = Person(folk.urls[0], registered["user"], registered["tokens"], bert.http)
        made = cls(person, bert)
        made.account = account
        await made._use_rooms(messages)
        await made._keep_things()
        banned = await folk.register("banned")
        await person.rest("PUT", f"/rooms/{made.owned}/bans/{banned.id}", {})
        return made

    @property
    def needles(self) -> Needles:
        return Needles(
            ids={"user": self.person.id, "bot": self.bot["id"]},
            words={
                "user name": self.account["username"],
                "display name": self.account["display_name"],
                "e-mail": self.account["email"],
                "what they wrote": self.mark,
                "their program": AGENT,
                "the bot's name": self.bot["username"],
            },
        )

    async def _use_rooms(self, messages: int) -> None:
        person, bert = self.person, self.bert
        self.shared = await bert.create_room(members=(person,))
        self.owned = await person.create_room(members=(bert,))
        self.alone = await person.create_room()
        self.left = await bert.create_room(members=(person,))
        self.dm = (await person.rest("POST", "/dms", {"user_ids": [bert.id]}))["id"]
        for room_id in (self.owned, self.alone, self.left, self.dm):
            await self._say(room_id)
        await person.rest("POST", f"/rooms/{self.left}/leave", {})
        theirs = await bert.send(self.shared, f"hello <@{person.id}>")
        for start in range(0, messages, 50):
            await asyncio.gather(*(self._say(self.shared) for _ in range(min(50, messages - start))))
            await bert.send(self.shared, "and bert says something in between")
        root = f"/rooms/{self.shared}/messages"
        self.root = theirs["id"]
        await self._say(self.shared, thread_id=self.root)
        edited = {"text": f"{self.mark} edited"}
        await person.rest("PATCH", f"{root}/{self.message_ids[-1]}", edited)
        await bert.rest("PUT", f"{root}/{self.message_ids[-2]}/reactions/%F0%9F%91%8D", {})
        await person.rest("PUT", f"{root}/{theirs['id']}/reactions/%F0%9F%91%8D", {})
        await bert.rest("PUT", f"{root}/{self.message_ids[-3]}/pin", {})
        await person.rest("PUT", f"{root}/{theirs['id']}/saved", {})

    async def _keep_things(self) -> None:
        person = self.person
        await person.rest("PUT", f"/rooms/{self.shared}/draft", {"text": f"{self.mark} half"})
        await person.rest("POST", f"/rooms/{self.owned}/invites", {})
        await person.rest("PATCH", "/users/me", {"bio": f"{self.mark} about me"})
        await person.rest("PUT", "/presence", {"status": "dnd", "text": f"{self.mark} busy"})
        bot = {"username": f"robot-{new_id()[:8]}", "display_name": f"Robot {self.mark}"}
        self.bot = await person.rest("POST", "/bots", bot)
        token = {"name": f"{self.mark} token", "scopes": ["read", "write"]}
        shown = await person.rest("POST", f"/bots/{self.bot['id']}/tokens", token)
        await self.bert.rest("POST", f"/rooms/{self.shared}/members", {"user_ids": [self.bot["id"]]})
        robot = Person(person.url, self.bot, {"access_token": shown["token"]}, person.http)
        await robot.send(self.shared, f"{self.mark} beep")

    async def _say(self, room_id: str, **fields: Any) -> None:
        sent = await self.person.send(room_id, f"{self.mark} {new_id()}", **fields)
        self.message_ids.append(sent["id"])


async def wait_erased(person: Person, receipt: str) -> dict[str, Any]:
    async def ask() -> dict[str, Any] | None:
        try:
            erasure = read(await person.http.get(f"{person.url}/api/v1/erasures/{receipt}"))
        except Refused:
            return None
        return erasure if erasure["state"] == "finished" else None

    return await eventually(ask, DEADLINE_S)


async def erase_amid_kills(broken: Stack, life: Life, seed: int, choice: str, count: int) -> None:
    """Kill while rooms are left, twice while messages go, and when only the account is still there."""
    killer = Killer(broken, seed)
    user_id, chance = life.person.id, killer.chance
    async with end_held_up(broken):
        started = await life.person.rest("POST", "/users/me/erasure", {"messages": choice}, timeout=15)
        await killer.kill_at(ROOMS_LEFT, user_id, chance.randint(1, 3))
        if choice == "erase":
            for low, high in ((1, count // 2), (count // 2, count - 60)):
                await killer.kill_at(EMPTIED, user_id, chance.randint(low, high))
        await killer.kill_at(NEARLY_DONE, user_id)
    erasure = await wait_erased(life.bert, started["receipt"])
    assert all(step["finished_at"] for step in erasure["steps"])
    assert killer.killed >= 2


async def read_room(person: Person, room_id: str, *roots: str) -> dict[str, Any]:
    """Return all messages of a room as a fresh snapshot has them, and of the threads under these."""
    found: dict[str, Any] = {}
    for thread_id in (None, *roots):
        after = 0
        named = f"&thread_id={thread_id}" if thread_id else ""
        while True:
            page = await person.rest("GET", f"/rooms/{room_id}/messages?after_seq={after}&limit=100{named}")
            found |= {message["id"]: message for message in page["messages"]}
            if not page["has_after"]:
                break
            after = page["messages"][-1]["seq"]
    return found


def fold(socket: Socket, room_id: str, known: dict[str, Any]) -> dict[str, Any]:
    """Return what a client holds that had the room as it was, and then what its socket said."""
    held = dict(known)
    for frame in socket.of_room(room_id):
        d = frame["d"]
        if frame["ev"] == "room.changes":
            held.update({each["id"]: each for each in d["messages"]})
        elif frame["ev"].startswith("reaction."):
            held[d["message"]["id"]] = d["message"]
        elif frame["ev"].startswith("message."):
            held[d["id"]] = d
    return held


@pytest.mark.parametrize("seed", ERASURE_SEEDS)
async def test_an_erasure_that_is_killed_again_and_again_is_done_once_and_leaves_nothing(
    broken: Stack, folk: People, bert: Person, seed: int
):
    life = await Life.live(folk, bert, 400)
    await check_traceable(broken, life)
    known = await read_room(bert, life.shared, life.root)
    async with bert.socket() as socket:
        await erase_amid_kills(broken, life, seed, "erase", 400)
        marker = await bert.send(life.shared, "and life goes on")
        await eventually(lambda: marker["id"] in fold(socket, life.shared, known))
        fresh = await read_room(bert, life.shared, life.root)
        await eventually(lambda: fold(socket, life.shared, known) == fresh)
        check_frames(socket, life.shared)
        left = [frame for frame in socket.of_room(life.shared) if frame["ev"] == "member.left"]
        assert Counter(frame["d"]["user_id"] for frame in left) in (
            Counter({life.person.id: 1, life.bot["id"]: 1}),
            Counter(),  # the node was behind, and told all of it as changes
        )
    assert not [each for each in fresh.values() if each["sender_id"] == life.person.id and each["text"]]
    assert [each["text"] for each in fresh.values() if each["id"] == marker["id"]] == ["and life goes on"]
    await check_others_rooms(life)
    await check_gone(broken, folk, life)


@pytest.mark.parametrize("seed", [5])
async def test_anonymised_texts_survive_the_same_and_nothing_else_does(
    broken: Stack, folk: People, bert: Person, seed: int
):
    life = await Life.live(folk, bert, 150)
    await erase_amid_kills(broken, life, seed, "anonymise", 150)
    fresh = await read_room(bert, life.shared, life.root)
    own = [each for each in fresh.values() if each["sender_id"] == life.person.id]
    assert len(own) == 151
    assert all(life.mark in each["text"] for each in own)
    traces = await find_traces(broken.endpoints.database_url, life.needles)
    assert {(table, what) for table, what in traces if what == "what they wrote"} == {
        ("messages.messages", "what they wrote")
    }
    await check_nothing_left(broken)


async def check_traceable(broken: Stack, life: Life) -> None:
    """Whoever looks for somebody finds them, as long as they are there."""
    found = set(await find_traces(broken.endpoints.database_url, life.needles))
    assert {
        ("auth.users", "e-mail"), ("auth.logins", "their program"), ("auth.logins", "user"),
        ("auth.api_tokens", "what they wrote"), ("auth.bots", "bot"), ("messages.invites", "user"),
        ("messages.messages", "what they wrote"), ("messages.message_history", "what they wrote"),
        ("messages.user_items", "what they wrote"), ("messages.user_rooms", "user"),
        ("messages.reactions", "user"),
    } <= found  # fmt: skip


async def check_others_rooms(life: Life) -> None:
    """Who is left has the rooms, and owns what had no owner any more."""
    bert = life.bert
    members = await bert.rest("GET", f"/rooms/{life.owned}/members")
    assert [(each["user_id"], each["role"]) for each in members["members"]] == [(bert.id, "owner")]
    [theirs] = (await read_room(bert, life.dm)).values()
    assert theirs["text"] == ""
    assert (await bert.rest("GET", f"/search?q={life.mark}"))["hits"] == []


async def check_gone(broken: Stack, folk: People, life: Life) -> None:
    bert = life.bert
    assert (await bert.rest("GET", f"/users/search?q={life.account['username']}"))["users"] == []
    login = {"login": life.account["username"], "password": PASSWORD}
    assert (await bert.http.post(f"{bert.url}/api/v1/auth/login", json=login)).status_code == 401
    with pytest.raises(Refused):
        await life.person.rest("GET", "/users/me")
    connection = await asyncpg.connect(broken.endpoints.database_url)
    try:
        assert {count for _, count in await connection.fetch(STEPS, life.person.id)} == {1}
        assert len(await connection.fetch(STEPS, life.person.id)) == 5
    finally:
        await connection.close()
    # The feed acknowledges and the index follows within moments.
    await eventually(lambda: has_no_trace(broken, life))
    await check_nothing_left(broken)
    await eventually(lambda: has_no_key(broken, life))
    again = await bert.http.post(f"{folk.urls[0]}/api/v1/auth/register", json=life.account)
    assert read(again)["user"]["id"] != life.person.id


async def has_no_trace(broken: Stack, life: Life) -> bool:
    return not await find_traces(broken.endpoints.database_url, life.needles)


async def has_no_key(broken: Stack, life: Life) -> bool:
    return not await list_keys_about(broken.endpoints.redis_url, life)


async def list_keys_about(redis_url: str, life: Life) -> list[str]:
    found = []
    async with redis.asyncio.Redis.from_url(redis_url, decode_responses=True) as client:
        async for key in client.scan_iter():
            kind = await client.type(key)
            if kind in {"hash", "set"}:
                value = str(await (client.hgetall(key) if kind == "hash" else client.smembers(key)))
                found += [key] if life.person.id in key + value or life.mark in value else []
    return found


@pytest.mark.parametrize("seed", EXPORT_SEEDS)
async def test_an_export_that_is_killed_again_and_again_is_whole_and_has_everything_once(
    broken: Stack, folk: People, bert: Person, http: httpx2.AsyncClient, seed: int
):
    life = await Life.live(folk, bert, 300)
    await life.person.rest("POST", "/users/me/exports", {}, timeout=15)
    killer = Killer(broken, seed)
    for low, high in ((1, 6), (7, 12), (13, 18)):
        await killer.kill_at(PARTS_MADE, life.person.id, killer.chance.randint(low, high))
    assert killer.killed >= 2

    async def is_ready() -> dict[str, Any] | None:
        [export] = (await life.person.rest("GET", "/users/me/exports", timeout=15))["exports"]
        return export if export["state"] == "ready" else None

    export = await eventually(is_ready, DEADLINE_S)
    headers = {"Authorization": f"Bearer {life.person.token}"}
    response = await http.get(f"{life.person.url}/files/exports/{export['id']}", headers=headers)
    assert len(response.content) == export["size_bytes"]
    with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
        assert archive.testzip() is None
        assert len(set(archive.namelist())) == len(archive.namelist())
        pages = [json.loads(archive.read(name)) for name in archive.namelist()]
    found = [each["id"] for page in pages for each in page.get("messages", [])]
    assert Counter(found) == Counter(life.message_ids)

"""A backup is restored under people who hold what came after it: all reload, and nothing of it is shown."""

import sys
from pathlib import Path

import asyncpg
import pytest

from chatcraft_client import Client, find_differences
from deploy.local.postgres import ROLE, postgres_url
from tests.faults.talking import list_all
from tests.integration.client.test_client import read_afresh
from tests.stack import Stack
from tests.up_process import COMMAND, run_program
from tests.wire import PASSWORD, Json, Person, Socket, eventually, new_id

pytestmark = pytest.mark.timeout(300)
# The audit of a node comes at most 18 s apart, its clients return within 5 s; the rest is a busy machine's.
RELOADED_WITHIN_S = 90
WRITERS = (("auth", 0), ("messages", 0), ("messages", 1))


async def chatcraft(stack: Stack, *arguments: str) -> None:
    """Run a command on the stack's database, as on a server that somebody else runs."""
    environment = {"CHATCRAFT_DATABASE_URL": stack.endpoints.database_url}
    own = ("--data-dir", str(stack._data_dir.path / "none"))
    code, lines = await run_program(COMMAND, *arguments, *own, env=environment)
    assert code == 0, lines


async def restore(stack: Stack, file: Path) -> None:
    """As docs/operations.md says: stop what writes, restore, start. Gateways stay."""
    for service, index in WRITERS:
        await stack.find(service, index).stop()
    admin = await asyncpg.connect(postgres_url(stack._data_dir, as_admin=True))
    await admin.execute(f"ALTER ROLE {ROLE} CREATEDB")
    await admin.close()
    await chatcraft(stack, "restore", str(file), "--replace")
    for service, index in WRITERS:
        await stack.restart(service, index)
    await chatcraft(stack, "admin", "verify")


class Lost:
    """What happens to a room and its people after the dump, and is undone by the restore."""

    def __init__(self, anna: Person, bert: Person, room_id: str, left_id: str) -> None:
        self.anna = anna
        self.bert = bert
        self.room_id = room_id
        self.left_id = left_id
        self.messages: list[Json] = []
        self.late_id = ""

    async def happen(self, kept: list[Json]) -> None:
        room = f"/rooms/{self.room_id}"
        self.messages = [await self.anna.send(self.room_id, f"lost {number}") for number in range(4)]
        await self.anna.rest("PATCH", f"{room}/messages/{kept[0]['id']}", {"text": "edited later"})
        await self.bert.rest("POST", f"/rooms/{self.left_id}/leave")
        self.late_id = await self.anna.create_room(members=(self.bert,))
        await self.anna.send(self.late_id, "in a room of the lost days")

    async def is_held(self, socket: Socket, client: Client) -> dict[str, Json]:
        """Wait until both clients know of it; return the positions that the socket holds."""
        await socket.wait_for(lambda frame: "in a room of the lost days" in str(frame))
        rooms = client.state.rooms
        await eventually(lambda: self.late_id in rooms and self.left_id not in rooms)
        return {each: last_position(socket.frames, each) for each in (self.room_id, self.late_id)}


async def test_after_a_restore_everybody_reloads_and_nothing_stale_is_shown(
    broken: Stack, anna: Person, bert: Person, tmp_path: Path
) -> None:
    lost = Lost(anna, bert, await anna.create_room(members=(bert,)), await anna.create_room(members=(bert,)))
    kept = [await anna.send(lost.room_id, f"kept {number}") for number in range(3)]
    await chatcraft(broken, "backup", str(tmp_path / "backup"))
    async with Client(broken.gateway_urls[1]) as client:
        await client.login(bert.user["username"], PASSWORD)
        await client.connect()
        async with bert.socket() as socket:
            await lost.happen(kept)
            held = await lost.is_held(socket, client)
            await restore(broken, tmp_path / "backup")
            assert await socket.wait_closed(RELOADED_WITHIN_S) == 1012
            assert any(frame["ev"] == "draining" for frame in socket.frames)
        async with bert.socket(sync=False) as socket:
            synced = await socket.call("sync", {"rooms": held})
            check_reloaded(synced, lost, kept, held)
            await go_on(socket, lost, held)
        await check_client(client, lost, kept)


def check_reloaded(synced: Json, lost: Lost, kept: list[Json], held: dict[str, Json]) -> None:
    found = {each["room"]["id"]: each for each in synced["rooms"]}
    assert set(found) == {lost.room_id, lost.left_id}
    assert synced["left"] == [lost.late_id]
    assert found[lost.room_id]["state"] == "reset"
    assert found[lost.room_id]["messages"] == kept
    assert found[lost.room_id]["position"]["epoch"] > held[lost.room_id]["epoch"]


async def go_on(socket: Socket, lost: Lost, held: dict[str, Json]) -> None:
    """Talk, over the very revs and user_revs that the lost days had."""
    room_id = lost.room_id
    after = await lost.anna.send(room_id, "after")
    frame = await socket.wait_for_event("message.created", id=after["id"])
    assert frame["rev"] <= held[room_id]["rev"]
    await lost.bert.rest("POST", f"/rooms/{room_id}/read", {"seq": after["seq"]})
    await socket.wait_for_event("read.updated", room_id=room_id, read_seq=after["seq"])
    added_id = await lost.anna.create_room(members=(lost.bert,))
    await socket.wait_for(lambda frame: added_id in str(frame) and frame["ev"] == "room.added")
    again = {"id": lost.messages[0]["id"], "text": "sent again"}
    assert (await lost.anna.rest("POST", f"/rooms/{room_id}/messages", again))["duplicate"] is False


async def check_client(client: Client, lost: Lost, kept: list[Json]) -> None:
    """The Python client has come back by itself, and holds what a new one is told."""
    rooms = client.state.rooms
    again = lost.messages[0]["id"]
    await eventually(
        lambda: lost.late_id not in rooms and again in rooms[lost.room_id].messages, RELOADED_WITHIN_S
    )
    assert find_differences(rooms[lost.room_id], await read_afresh(client, lost.room_id)) == []
    assert [each.id for each in rooms[lost.room_id].timeline] == await list_all(lost.anna, lost.room_id)
    assert rooms[lost.room_id].messages[kept[0]["id"]].text == "kept 0"


def last_position(frames: list[Json], room_id: str) -> Json:
    last = [frame for frame in frames if frame.get("room_id") == room_id and "rev" in frame][-1:]
    if last:
        return {"epoch": last[0]["epoch"], "rev": last[0]["rev"]}
    [added] = [frame["d"] for frame in frames if frame["ev"] == "room.added" and room_id in str(frame)]
    return dict(added["position"])


async def test_a_new_epoch_alone_makes_a_running_system_reload(
    broken: Stack, anna: Person, bert: Person
) -> None:
    room_id = await anna.create_room(members=(bert,))
    message = await anna.send(room_id, "before")
    async with bert.socket() as socket:
        program = (sys.executable, "-P", "-m", "services.messages.admin", "new-epoch")
        environment = {"CHATCRAFT_DATABASE_URL": broken.endpoints.database_url}
        assert (await run_program(*program, env=environment))[0] == 0
        assert await socket.wait_closed(RELOADED_WITHIN_S) == 1012
    async with bert.socket() as socket:
        [element] = socket.synced["rooms"]
        assert [each["id"] for each in element["messages"]] == [message["id"]]
        sent = await anna.rest("POST", f"/rooms/{room_id}/messages", {"id": new_id(), "text": "after"})
        frame = await socket.wait_for_event("message.created", id=sent["message"]["id"])
        assert frame["epoch"] == element["position"]["epoch"]

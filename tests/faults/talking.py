"""Somebody who talks all the time while things break, and what a reader saw of it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from tests.wire import Person, Refused, Socket, eventually, new_id

# Slow enough that no fault here lasts for 500 messages: beyond that a room is reloaded, not caught up.
_PAUSE_S = 0.04


class Talker:
    """Sends all the time over REST, each id again until it is acked, and remembers what was acked."""

    def __init__(self, person: Person, room_id: str) -> None:
        self.person = person
        self.room_id = room_id
        self.acked: list[str] = []
        self.refusals: Counter[str] = Counter()
        self._talking = True

    async def talk(self) -> None:
        while self._talking:
            body = {"id": new_id(), "text": f"m{len(self.acked)}"}
            while not await self._was_acked(body):  # noqa: ASYNC110 - a pace, not a wait
                await asyncio.sleep(_PAUSE_S)
            self.acked.append(body["id"])
            await asyncio.sleep(_PAUSE_S)

    async def _was_acked(self, body: dict[str, str]) -> bool:
        try:
            await self._send(body)
        except Refused as refused:
            if refused.code not in {"unavailable", "timeout", "internal"}:
                raise
            self.refusals[refused.code] += 1
            return False
        except httpx2.TransportError:
            return False
        return True

    async def _send(self, body: dict[str, str]) -> None:
        await self.person.rest("POST", f"/rooms/{self.room_id}/messages", body, timeout=3)

    def stop(self) -> None:
        self._talking = False


@asynccontextmanager
async def talking(person: Person, room_id: str, talker: Talker | None = None) -> AsyncIterator[Talker]:
    talker = talker or Talker(person, room_id)
    task = asyncio.create_task(talker.talk())
    try:
        yield talker
    finally:
        talker.stop()
        await asyncio.wait_for(task, 60)


async def list_all(person: Person, room_id: str) -> list[str]:
    """Return the ids of a whole timeline, in order."""
    ids: list[str] = []
    after = 0
    while True:
        page = await person.rest("GET", f"/rooms/{room_id}/messages?after_seq={after}&limit=100")
        ids += [message["id"] for message in page["messages"]]
        if not page["has_after"]:
            return ids
        after = page["messages"][-1]["seq"]


def created(socket: Socket, room_id: str) -> list[str]:
    """Return the ids of the messages that a socket was told of, snapshot first; changes count by seq."""
    first = [room for room in socket.synced["rooms"] if room["room"]["id"] == room_id]
    ids = {message["id"]: None for room in first for message in room["messages"]}
    for frame in socket.of_room(room_id):
        messages = frame["d"]["messages"] if frame["ev"] == "room.changes" else [frame["d"]]
        ids.update({message["id"]: None for message in sorted(messages, key=lambda each: each["seq"])})
    return list(ids)


async def hears_all(socket: Socket, talker: Talker) -> None:
    await eventually(lambda: set(talker.acked) <= set(created(socket, talker.room_id)))
    assert [each for each in created(socket, talker.room_id) if each in set(talker.acked)] == talker.acked

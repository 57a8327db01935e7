"""The stream: the socket's frames as Server-Sent Events, for where WebSocket is blocked."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from tests.wire import Json, Person, Refused, read

WAIT_S = 30


class Stream:
    """Reads events one after another; `ids` holds the event ids in the order they came."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.frames: list[Json] = []
        self.ids: list[str] = []

    async def next(self) -> Json:
        place = ""
        async for line in self._lines:
            if line.startswith("id: "):
                place = line[4:]
            elif line.startswith("data: "):
                frame: Json = json.loads(line[6:])
                self.frames.append(frame)
                self.ids.append(place)
                return frame
        raise EOFError

    async def until(self, wanted: Callable[[Json], bool]) -> Json:
        async with asyncio.timeout(WAIT_S):
            while not wanted(frame := await self.next()):
                pass
        return frame


@asynccontextmanager
async def streaming(person: Person, method: str = "GET", **options: Any) -> AsyncIterator[Stream]:
    headers = {"Authorization": f"Bearer {person.token}"} | options.pop("headers", {})
    async with (
        httpx2.AsyncClient(timeout=WAIT_S) as client,
        client.stream(method, f"{person.url}/api/v1/stream", headers=headers, **options) as response,
    ):
        if response.status_code != 200:
            await response.aread()
            read(response)
        assert response.headers["content-type"].startswith("text/event-stream")
        yield Stream(response.aiter_lines())


async def test_a_stream_is_ready_then_synced_then_live(anna: Person, bert: Person) -> None:
    room_id = await anna.create_room(members=(bert,))
    async with streaming(bert) as stream:
        assert (await stream.next())["ev"] == "ready"
        synced = await stream.next()
        assert synced["ref"] == 1
        assert [each["room"]["id"] for each in synced["ok"]["rooms"]] == [room_id]
        message = await anna.send(room_id, "over the stream")
        event = await stream.until(lambda frame: frame.get("ev") == "message.created")
        assert event["d"] == message
        assert stream.ids[-1] == f"{room_id}:{event['epoch']}:{event['rev']}"


async def test_the_last_event_id_resumes_its_room(anna: Person) -> None:
    room_id = await anna.create_room()
    first = await anna.send(room_id, "one")
    second = await anna.send(room_id, "two")
    async with streaming(anna, headers={"Last-Event-ID": f"{room_id}:1:{first['rev']}"}) as stream:
        synced = await stream.until(lambda frame: "ref" in frame)
        element = synced["ok"]["rooms"][0]
        assert (element["state"], element["messages"]) == ("caught_up", [second])


async def test_post_takes_the_body_of_sync(anna: Person) -> None:
    room_id = await anna.create_room()
    message = await anna.send(room_id, "one")
    body = {"rooms": {room_id: {"epoch": 1, "rev": message["rev"]}}}
    async with streaming(anna, "POST", json=body) as stream:
        synced = await stream.until(lambda frame: "ref" in frame)
        assert synced["ok"]["rooms"][0]["state"] == "current"


async def test_a_stream_ends_with_its_login(anna: Person) -> None:
    async with streaming(anna) as stream:
        await stream.until(lambda frame: "ref" in frame)
        await anna.rest("POST", "/auth/logout", {})
        closed = await stream.until(lambda frame: frame.get("ev") == "closed")
        assert closed["d"]["code"] == 4500
        with pytest.raises(EOFError):
            await stream.next()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"headers": {"Authorization": "Bearer x"}}, "unauthenticated"),
        ({"headers": {"Last-Event-ID": "x:1:2"}}, "invalid_input"),
        ({"method": "POST", "content": "{"}, "bad_frame"),
        ({"method": "POST", "json": {"cursor": "1"}}, "invalid_input"),
        ({"method": "POST", "json": {"x": 1}}, "invalid_input"),
    ],
)
async def test_a_bad_request_for_a_stream_is_refused(anna: Person, options: Any, code: str) -> None:
    with pytest.raises(Refused) as caught:
        async with streaming(anna, **options):
            pass
    assert caught.value.code == code

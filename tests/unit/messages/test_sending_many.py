"""Sends that come as one request: each is answered for itself, and the answers go back in their order."""

from typing import Any

import msgspec

from services.messages.commands.sending import put_many
from services.messages.writer import Job
from shared.bus import Caller
from shared.contracts.messages import SendMessage
from shared.errors import unavailable
from shared.ids import new_id

ROOM = new_id()


class Request:
    def __init__(self, payload: bytes) -> None:
        self.payload = payload
        self.caller = Caller("user", "login", "member", "::1")
        self.replies: list[bytes] = []

    def respond(self, reply: bytes) -> None:
        self.replies.append(reply)


class FullAfterTwo:
    """A writer with room for two."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def put(self, job: Job) -> None:
        if len(self.jobs) == 2:
            raise unavailable("the writer is overloaded", 500)
        self.jobs.append(job)


def test_what_the_writer_has_no_room_for_is_refused_and_the_rest_answered_once_it_is_done():
    asked = [SendMessage(room_id=ROOM, id=new_id(), text=f"m{number}") for number in range(3)]
    request, writer = Request(msgspec.json.encode(asked)), FullAfterTwo()
    put_many(writer, request, asked)  # type: ignore[arg-type]  # a fake writer and a fake request
    assert [job.asked for job in writer.jobs] == asked[:2]
    assert sum(job.size_bytes for job in writer.jobs) > 2 * 100
    writer.jobs[1].answer(b"2")
    assert request.replies == []
    writer.jobs[0].answer(b"1")
    [reply] = request.replies
    found: list[dict[str, Any]] = msgspec.json.decode(reply)
    assert found[:2] == [{"ok": 1}, {"ok": 2}]
    assert found[2]["error"]["code"] == "unavailable"
    assert found[2]["error"]["retry_after_ms"] == 500

"""A small world for tests of the messages service: instances of it, a gateway's bus, and an auth service
that knows everybody but the strangers. Commands go over NATS as a gateway would send them.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from typing import Any, TypeVar

import asyncpg
import msgspec
import pytest
from fastapi import FastAPI
from msgspec import Struct

from services.messages.app import create_app
from services.messages.settings import MessagesSettings
from services.messages.verifying import verify
from services.messages.verifying.findings import Finding
from shared.bus import Bus, Caller
from shared.calls import call, unwrap
from shared.contracts import internal, members, messages, rooms
from shared.contracts.entities import Member, Membership, Message, Room
from shared.contracts.registry import Command
from shared.dispatch import Dispatcher
from shared.errors import ChatError
from shared.ids import new_id

Reply = TypeVar("Reply", bound=Struct)
TIMEOUT_S = 15


async def eventually(check: Callable[[], Any], timeout_s: float = 30) -> Any:
    """Wait until `check` returns something true; fail with what it returned last."""
    deadline = asyncio.get_running_loop().time() + timeout_s
    while not (result := check()):
        assert asyncio.get_running_loop().time() < deadline, f"still {result!r} after {timeout_s} s"
        await asyncio.sleep(0.01)
    return result


async def eventually_in(database: asyncpg.Connection, query: str, timeout_s: float = 30) -> None:
    """Wait until the query's one value is true."""
    async with asyncio.timeout(timeout_s):
        while True:
            if await database.fetchval(query):
                return
            await asyncio.sleep(0.02)


class Heard:
    """What arrived on a subject, in order of arrival."""

    def __init__(self, bus: Bus, subject: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self._subscription = bus.fan_in(subject, self._on_message)
        self._bus = bus

    def _on_message(self, _subject: bytes, payload: bytes) -> None:
        self.raw.append(payload)
        self.frames.append(msgspec.json.decode(payload))

    @property
    def names(self) -> list[str]:
        return [frame["ev"] for frame in self.frames]

    @property
    def revs(self) -> list[int]:
        return [frame["rev"] for frame in self.frames]

    async def until(self, count: int, timeout_s: float = 30) -> list[dict[str, Any]]:
        await eventually(lambda: len(self.frames) >= count, timeout_s)
        return self.frames

    def stop(self) -> None:
        self._bus.leave(self._subscription)


class World:
    """Use `World.open` within a stack; `start` adds instances of the service."""

    def __init__(self, database_url: str, nats_url: Callable[[str], str]) -> None:
        self.database_url = database_url
        self.nats_url = nats_url
        self.strangers: set[str] = set()
        self.gateway: Bus
        self.apps: list[FastAPI] = []

    async def open(self, stack: AsyncExitStack) -> "World":
        self.gateway = await Bus.connect([self.nats_url("gateway")], "gateway")
        stack.push_async_callback(self.gateway.close)
        auth = await Bus.connect([self.nats_url("auth")], "auth")
        stack.push_async_callback(auth.close)
        dispatcher = Dispatcher("auth", auth, lambda _exc: None)
        dispatcher.answer(internal.KNOWN_USERS, internal.UserIds, self._known)
        await dispatcher.start()
        return self

    async def start(self, stack: AsyncExitStack, **settings: Any) -> FastAPI:
        """Start one more instance in this process; it stops with the stack."""
        app = create_app(self.settings(**settings))
        await stack.enter_async_context(app.router.lifespan_context(app))
        self.apps.append(app)
        return app

    def settings(self, **settings: Any) -> MessagesSettings:
        return MessagesSettings(
            database_url=self.database_url, nats_url=self.nats_url("messages"), health_port=1,
            log_format="console", log_level="warning", **settings,
        )  # fmt: skip

    async def _known(self, asked: internal.UserIds) -> internal.KnownUsers:
        return internal.KnownUsers([each for each in asked.user_ids if each not in self.strangers])

    def caller(self, user_id: str) -> Caller:
        return Caller(user_id, user_id, "member", "::1")

    async def ask(self, command: Command[Any, Reply], caller: str, /, **fields: Any) -> Reply:
        """Send a command as this user. Raises the ChatError of the reply."""
        raw = await self.gateway.request(
            command.subject, msgspec.json.encode(fields), caller=self.caller(caller),
            timeout_s=TIMEOUT_S,
        )  # fmt: skip
        return msgspec.json.decode(unwrap(raw), type=command.reply)

    async def call(self, subject: str, request: Struct, reply: type[Reply]) -> Reply:
        return await call(self.gateway, subject, request, reply, timeout_s=TIMEOUT_S)

    def hear_room(self, room_id: str) -> Heard:
        return Heard(self.gateway, f"chat.room.{room_id}.>")

    def hear_user(self, user_id: str) -> Heard:
        return Heard(self.gateway, f"chat.user.{user_id}.>")

    async def room(self, owner: str, *others: str, kind: str = "private", **fields: Any) -> Room:
        return await self.ask(
            rooms.create, owner, **{"kind": kind, "name": "Room", "member_ids": list(others)} | fields
        )

    async def send(self, user_id: str, room_id: str, text: str = "hello", **fields: Any) -> Message:
        sent = await self.ask(
            messages.send, user_id, **{"room_id": room_id, "id": new_id(), "text": text} | fields
        )
        return sent.message

    async def edit(self, user_id: str, message: Message, text: str) -> Message:
        return await self.ask(
            messages.edit, user_id, room_id=message.room_id, message_id=message.id, text=text
        )

    async def delete(self, user_id: str, message: Message) -> Message:
        return await self.ask(messages.delete, user_id, room_id=message.room_id, message_id=message.id)

    async def read(self, user_id: str, room_id: str, seq: int, **fields: Any) -> Membership:
        return await self.ask(messages.mark_read, user_id, room_id=room_id, seq=seq, **fields)

    async def list(self, user_id: str, room_id: str, **fields: Any) -> messages.Messages:
        return await self.ask(messages.list_messages, user_id, room_id=room_id, **fields)

    async def changes(self, user_id: str, room_id: str, after_rev: int, epoch: int = 1) -> messages.Changes:
        return await self.ask(messages.changes, user_id, room_id=room_id, epoch=epoch, after_rev=after_rev)

    async def get_room(self, user_id: str, room_id: str) -> Room:
        return await self.ask(rooms.get, user_id, room_id=room_id)

    async def membership(self, user_id: str, room_id: str) -> Membership:
        """As the user's room list shows it."""
        own = await self.ask(rooms.list_own, user_id)
        return next(each.membership for each in own.rooms if each.room.id == room_id)

    async def verify(self, room_id: str | None = None) -> Sequence[Finding]:
        """What `chatcraft admin verify` finds wrong; the feed has its time."""
        found: list[Finding] = []
        connection = await asyncpg.connect(self.database_url)
        try:
            await verify(connection, found.append, lambda _summary: None, room_id)
        finally:
            await connection.close()
        return [each for each in found if each.check != "outbox"]

    async def members(self, user_id: str, room_id: str) -> dict[str, Member]:
        page = await self.ask(members.list_members, user_id, room_id=room_id)
        return {each.user_id: each for each in page.members}


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[ChatError]]:
    """Expect this error of the protocol."""
    with pytest.raises(ChatError) as caught:
        yield caught
    assert caught.value.code == code, caught.value.body

"""Stands in for the messages and presence services on the real bus; and what tests of privacy wait for."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from msgspec import Raw
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from shared import calls
from shared.bus import Bus
from shared.contracts import internal, privacy
from shared.contracts.entities import Empty
from shared.dispatch import Dispatcher
from shared.errors import unavailable
from shared.tokens import Claims
from tests.integration.auth.client import Client
from tests.integration.auth.mailbox import DEADLINE_S
from tests.wire import eventually


class Others:
    """The messages and presence services of a small world: what they are asked, and what they answer."""

    def __init__(self) -> None:
        self.erased: list[internal.EraseSome] = []
        self.pages: list[str] = ["messages/1", "messages/1", "messages/2"]
        self.flows = asyncio.Event()
        self.flows.set()
        self.fails = 0
        self.is_online = False

    async def erase_some(self, asked: internal.EraseSome) -> internal.ErasedSome:
        await self._answer_or_fail()
        self.erased.append(asked)
        step = int(asked.cursor or 0) + 1
        return internal.ErasedSome(None if step == 3 else str(step))

    async def export_page(self, asked: internal.GetExportPage) -> internal.ExportPage:
        await self._answer_or_fail()
        number = int(asked.cursor or 0)
        if number == len(self.pages):
            return internal.ExportPage(None, Raw(b"null"), [], None)
        document = Raw(msgspec.json.encode({"messages": [f"page {number}"]}))
        return internal.ExportPage(self.pages[number], document, [asked.user_id], str(number + 1))

    async def kept(self, _asked: internal.PresenceOf) -> internal.PresenceKept:
        return internal.PresenceKept("dnd", "in the woods", None, None)

    async def forget(self, _asked: internal.PresenceOf) -> internal.PresenceForgotten:
        is_done, self.is_online = not self.is_online, False
        return internal.PresenceForgotten(is_done)

    async def _answer_or_fail(self) -> None:
        await self.flows.wait()
        if self.fails:
            self.fails -= 1
            raise unavailable("restarting")


@asynccontextmanager
async def run_others(nats_url: Callable[[str], str]) -> AsyncIterator[Others]:
    """Answer as both services until the block is left."""
    made = Others()
    messages = await Bus.connect([nats_url("messages")], "messages")
    presence = await Bus.connect([nats_url("presence")], "presence")
    answers = Dispatcher("messages", messages, lambda _exc: None)
    answers.answer(internal.ERASE_SOME, internal.EraseSome, made.erase_some)
    answers.answer(internal.EXPORT_PAGE, internal.GetExportPage, made.export_page)
    statuses = Dispatcher("presence", presence, lambda _exc: None)
    statuses.answer(internal.PRESENCE_KEPT, internal.PresenceOf, made.kept)
    statuses.answer(internal.PRESENCE_FORGET, internal.PresenceOf, made.forget)
    await answers.start()
    await statuses.start()
    yield made
    await messages.close()
    await presence.close()


async def wait_export(client: Client, by: Claims, state: str = "ready") -> privacy.Export:
    found: list[privacy.Export] = []

    async def is_there() -> bool:
        found[:] = (await client.ask(privacy.list_exports, Empty(), by)).exports
        return found[0].state == state

    await eventually(is_there, DEADLINE_S)
    return found[0]


async def wait_erased(client: Client, receipt: str) -> privacy.Erasure:
    async def ask() -> privacy.Erasure | None:
        erasure = await client.ask(privacy.get_erasure, privacy.HeldReceipt(receipt))
        return erasure if erasure.state == "finished" else None

    return await eventually(ask, DEADLINE_S)


async def download(client: Client, by: Claims, export_id: str) -> dict[str, Any]:
    """Return the documents of an export, as a gateway gets it."""
    asked = internal.GetExport(by.user_id, export_id, "192.0.2.9")
    head = await calls.call(client.bus, internal.EXPORT_HEAD, asked, internal.ExportHead)
    parts = [
        (
            await calls.call(
                client.bus,
                internal.EXPORT_PART,
                internal.GetExportPart(by.user_id, export_id, number),
                internal.ExportPart,
            )
        ).data
        for number in range(1, head.parts + 1)
    ]
    whole = b"".join(parts)
    assert len(whole) == head.size_bytes
    with zipfile.ZipFile(io.BytesIO(whole)) as read:
        assert read.testzip() is None
        return {name: msgspec.json.decode(read.read(name)) for name in read.namelist()}


async def make_stale(engine: AsyncEngine, by: Claims) -> None:
    past = "UPDATE auth.logins SET created_at = now() - interval '11 min' WHERE id = :id"
    async with engine.begin() as connection:
        await connection.execute(text(past), {"id": by.login_id})


async def erase(client: Client, by: Claims, messages: privacy.MessagesChoice = "erase") -> privacy.Erasure:
    started = await client.ask(privacy.erase_me, privacy.EraseMe(messages), by)
    return await wait_erased(client, started.receipt)

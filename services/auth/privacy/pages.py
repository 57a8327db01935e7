"""What an export consists of, page after page: what this service knows, presence, and what messages has."""

from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncEngine

from services.auth.store import own_data, users
from services.auth.store.own_data import SECTIONS
from shared.bus import Bus
from shared.calls import call
from shared.contracts.internal import (
    EXPORT_PAGE,
    PRESENCE_KEPT,
    ExportPage,
    GetExportPage,
    PresenceKept,
    PresenceOf,
)

_FORMAT = 1
_ABOUT = {
    "format": _FORMAT,
    "about": "Everything that this ChatCraft knows of one person. docs/privacy.md describes each document.",
}
_PAGE_S = 10.0


class Document(Struct, frozen=True):
    name: str
    content: bytes


class Progress(Struct, frozen=True):
    """Where the next step begins: the sections of this service in order, then presence, then messages."""

    section: int = 0
    after: Any = None
    """The last key of the section, or the cursor that the messages service gave."""
    name: str = ""
    """Of the last document."""
    number: int = 0
    """How many of that name there are."""
    is_done: bool = False


class Pages:
    """Reads one page at a time; nothing of it is kept here."""

    def __init__(self, engine: AsyncEngine, bus: Bus) -> None:
        self._engine = engine
        self._bus = bus

    async def read(self, user_id: str, progress: Progress) -> tuple[list[Document], Progress]:
        """Return the next documents, at most some hundred KiB, and where to go on. Raises ChatError."""
        if progress.section < len(SECTIONS):
            return await self._read_section(user_id, progress)
        if progress.section == len(SECTIONS):
            return await self._read_presence(user_id, progress)
        return await self._read_messages(user_id, progress)

    async def _read_section(self, user_id: str, progress: Progress) -> tuple[list[Document], Progress]:
        section = SECTIONS[progress.section]
        async with self._engine.connect() as connection:
            page = await own_data.read_page(connection, section, user_id, progress.after)
        number = progress.number + 1 if progress.name == section.name else 1
        document = _to_document(section.name, number, {section.name: page.rows})
        documents = [document] if page.rows or number == 1 else []
        if not progress.name:
            documents.insert(0, _to_document("about", 1, _ABOUT))
        is_last = page.last is None
        return documents, Progress(progress.section + is_last, page.last, section.name, number)

    async def _read_presence(self, user_id: str, progress: Progress) -> tuple[list[Document], Progress]:
        kept = await call(self._bus, PRESENCE_KEPT, PresenceOf(user_id), PresenceKept)
        return [_to_document("presence", 1, kept)], Progress(progress.section + 1)

    async def _read_messages(self, user_id: str, progress: Progress) -> tuple[list[Document], Progress]:
        asked = GetExportPage(user_id, progress.after)
        page = await call(self._bus, EXPORT_PAGE, asked, ExportPage, timeout_s=_PAGE_S)
        is_done = page.cursor is None
        if page.name is None:
            return [], msgspec.structs.replace(progress, after=page.cursor, is_done=is_done)
        number = progress.number + 1 if progress.name == page.name else 1
        documents = [_to_document(page.name, number, page.document)]
        if page.people:
            documents.append(_to_document(f"{page.name}-people", number, await self._name(page.people)))
        return documents, Progress(progress.section, page.cursor, page.name, number, is_done)

    async def _name(self, user_ids: list[str]) -> dict[str, Any]:
        """Return who the people are that the person shares direct conversations with."""
        async with self._engine.connect() as connection:
            found = await users.list_profiles(connection, user_ids)
        people = [{"id": me.id, "username": me.username, "display_name": me.display_name} for me in found]
        return {"people": people}


def _to_document(name: str, number: int, content: Any) -> Document:
    return Document(f"{name}/{number:04}.json", msgspec.json.encode(content))

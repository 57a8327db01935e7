"""The background task that makes exports, a page at a time: killed anywhere, any replica goes on from there.

Each step commits what it adds to the file together with where the next one begins.
"""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from services.auth.mail.postbox import Postbox
from services.auth.privacy import archive
from services.auth.privacy.archive import Entry
from services.auth.privacy.pages import Document, Pages, Progress
from services.auth.store import exports, users
from services.auth.store.exports import Claim, Piece
from shared.bus import Bus, subjects
from shared.contracts.privacy import Export
from shared.errors import ChatError
from shared.telemetry import get_logger

log = get_logger(__name__)

TASK = "auth_exports"
KEPT_FOR = timedelta(days=7)
# A step takes milliseconds; a service that is asked for a page answers within the time of a call.
LEASE = timedelta(seconds=15)
_GIVE_UP_AFTER = timedelta(hours=24)
_LOOK_EVERY_S = 1.0
# Between two pages, so that those who write and read now take turns with them.
_PAUSE_S = 0.01
_RETRY_MAX = timedelta(minutes=1)
_DOUBLINGS_MAX = 6
_EVENT = "export.ready"


class ExportMaker:
    """One per process: it works on one export at a time."""

    def __init__(self, engine: AsyncEngine, bus: Bus, postbox: Postbox) -> None:
        self._engine = engine
        self._bus = bus
        self._postbox = postbox
        self._pages = Pages(engine, bus)

    async def run_forever(self) -> None:
        while True:
            if not await self.make_due():
                await asyncio.sleep(_LOOK_EVERY_S)

    async def make_due(self) -> bool:
        """Work on one export as far as it goes; False if none is due."""
        async with self._engine.begin() as connection:
            held = await exports.claim(connection, LEASE)
        if held is None:
            return False
        if datetime.now(UTC) - held.requested_at > _GIVE_UP_AFTER:
            await self._fail(held)
            return True
        try:
            await self._make(held)
        except ChatError as exc:
            await self._postpone(held, str(exc))
        return True

    async def _make(self, held: Claim) -> None:
        mine: Claim | None = held
        while mine is not None:
            progress = msgspec.convert(mine.progress, Progress)
            if progress.is_done:
                await self._finish(mine)
                return
            documents, progress = await self._pages.read(mine.user_id, progress)
            mine = await self._append(mine, documents, progress)
            await asyncio.sleep(_PAUSE_S)

    async def _append(self, held: Claim, documents: list[Document], progress: Progress) -> Claim | None:
        piece = _pack(held, documents)
        async with self._engine.begin() as connection:
            moved = await exports.append(connection, held, piece, msgspec.to_builtins(progress), LEASE)
            if moved is None:  # deleted, taken over, or of somebody who is deactivated: then it ends here
                await exports.fail(connection, held, KEPT_FOR)
        return moved

    async def _finish(self, held: Claim) -> None:
        async with self._engine.begin() as connection:
            entries = await exports.list_entries(connection, held.id)
            directory = archive.split(archive.close(entries, held.size_bytes, held.requested_at))
            done = await exports.append(connection, held, Piece(directory, []), held.progress, LEASE)
            if done is None:
                await exports.fail(connection, held, KEPT_FOR)
                return
            export = await exports.finish(connection, done, KEPT_FOR)
            await self._notify(connection, held.user_id)
        log.info("export_ready", export_id=held.id, size_bytes=export.size_bytes)
        await self._announce(held.user_id, export)

    async def _notify(self, connection: AsyncConnection, user_id: str) -> None:
        me = await users.find_me(connection, user_id)
        if me is not None and me.email is not None and me.email_verified:
            texts, until = self._postbox.texts, datetime.now(UTC) + KEPT_FOR
            await self._postbox.post(connection, texts.export_ready(me.email, me.username, until), me.id)

    async def _announce(self, user_id: str, export: Export) -> None:
        """Tell the devices that are connected; others see it in the list, and by mail."""
        frame = b'{"ev":"%b","d":%b}' % (_EVENT.encode(), msgspec.json.encode(export))
        try:
            await self._bus.publish(subjects.user_event(user_id, _EVENT), frame)
        except ChatError as exc:
            log.warning("hint_lost", export_id=export.id, reason=str(exc))

    async def _postpone(self, held: Claim, reason: str) -> None:
        log.warning("export_postponed", export_id=held.id, reason=reason)
        pause = min(timedelta(seconds=2 ** min(held.attempts, _DOUBLINGS_MAX)), _RETRY_MAX)
        async with self._engine.begin() as connection:
            await exports.postpone(connection, held, pause)

    async def _fail(self, held: Claim) -> None:
        log.error("export_given_up", export_id=held.id)
        async with self._engine.begin() as connection:
            await exports.fail(connection, held, KEPT_FOR)


def _pack(held: Claim, documents: list[Document]) -> Piece:
    """Return the documents as they continue the file."""
    data, entries = b"", list[Entry]()
    for document in documents:
        packed, entry = archive.pack(
            document.name, document.content, held.size_bytes + len(data), held.requested_at
        )
        data += packed
        entries.append(entry)
    return Piece(archive.split(data), entries)

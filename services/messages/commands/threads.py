"""Commands of threads: list them, follow them. Their replies and read marks are the writer's."""

from datetime import datetime

import msgspec

from services.messages.domain import access
from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.domain.pages import fit
from services.messages.store.messages import get_message
from services.messages.store.rooms import get_member_view
from services.messages.store.threads import (
    ThreadRow,
    find_thread_mark,
    list_followed_threads,
    list_room_threads,
)
from services.messages.store.transaction import Database
from services.messages.store.users import UserItem, item_step
from shared.bus import Caller
from shared.contracts.entities import ThreadMark
from shared.contracts.fields import Id
from shared.contracts.limits import REPLY_MAX_BYTES
from shared.contracts.messages import OneMessage
from shared.contracts.threads import ListThreads, Thread, Threads
from shared.errors import conflict

_THREADS_MAX_BYTES = REPLY_MAX_BYTES - 4_096


class ThreadCommands:
    """Handlers; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_threads(self, caller: Caller, asked: ListThreads) -> Threads:
        after = decode_cursor(asked.cursor, tuple[datetime, Id]) if asked.cursor else None
        async with self._database.reading() as connection:
            if asked.room_id is None:
                rows = await list_followed_threads(connection, caller.user_id, asked.limit + 1, after)
            else:
                await get_member_view(connection, asked.room_id, caller.user_id)
                rows = await list_room_threads(
                    connection, caller.user_id, asked.room_id, asked.limit + 1, after
                )
        threads = [_to_wire(row) for row in rows[: asked.limit]]
        part = fit([len(msgspec.json.encode(thread)) + 1 for thread in threads], _THREADS_MAX_BYTES, 0)
        shown = threads[part]
        if len(shown) == len(rows):
            return Threads(shown, None)
        last = rows[len(shown) - 1].root
        return Threads(shown, encode_cursor((last.last_reply_at, last.id)))

    async def follow(self, caller: Caller, asked: OneMessage) -> ThreadMark:
        return await self._set_following(caller, asked, following=True)

    async def unfollow(self, caller: Caller, asked: OneMessage) -> ThreadMark:
        return await self._set_following(caller, asked, following=False)

    async def _set_following(self, caller: Caller, asked: OneMessage, *, following: bool) -> ThreadMark:
        async with self._database.changing() as transaction:
            # The room's lock, as for replies: they move the same mark.
            change, member = await transaction.lock_room(asked.room_id, caller.user_id)
            if member is None:
                raise access.refuse_outsider(change.room.kind)
            root = await get_message(transaction.connection, asked.room_id, asked.message_id)
            if root.thread_id is not None:
                raise conflict("a reply has no thread of its own")
            found = await find_thread_mark(transaction.connection, caller.user_id, root.room_id, root.id)
            mark = found or ThreadMark(root.room_id, root.id, 0, following=False)
            if mark.following != following:
                mark = msgspec.structs.replace(mark, following=following)
                item = UserItem("thread", root.id)
                change.tell_user(item_step(caller.user_id, root.room_id, item, msgspec.json.encode(mark)))
        return mark


def _to_wire(row: ThreadRow) -> Thread:
    mark = row.mark
    return Thread(
        row.root.to_wire(), row.root.thread_last_seq, mark.read_seq if mark else 0, row.unread,
        following=mark is not None and mark.following,
    )  # fmt: skip

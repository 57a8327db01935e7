"""Saved messages: a user's own list, told to all their devices."""

import msgspec

from services.messages.commands.messages import MESSAGES_MAX_BYTES
from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.domain.pages import fit
from services.messages.store.items import find_item, has_place, list_saved
from services.messages.store.messages import get_message
from services.messages.store.rooms import get_member_view
from services.messages.store.transaction import Database, Transaction
from services.messages.store.users import UserItem, item_step
from shared.bus import Caller
from shared.clock import to_wire
from shared.contracts.entities import SavedMark
from shared.contracts.limits import SAVED_PER_USER
from shared.contracts.messages import OneMessage
from shared.contracts.saved import ListSaved, SavedMessage, SavedMessages
from shared.errors import conflict


class SavedCommands:
    """Handlers; each is one transaction. The user is locked, not the room."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, caller: Caller, asked: OneMessage) -> SavedMark:
        """Save; what is saved already stays in its place."""
        async with self._database.changing() as transaction:
            now, held, is_deleted = await _enter(transaction, caller, asked)
            if is_deleted:
                raise conflict("the message is deleted")
            if held is not None:
                return SavedMark(asked.room_id, asked.message_id, held)
            if not await has_place(transaction.connection, caller.user_id, "saved", SAVED_PER_USER):
                raise conflict(f"nobody has more than {SAVED_PER_USER} saved messages")
            return _put(transaction, caller, SavedMark(asked.room_id, asked.message_id, now))

    async def remove(self, caller: Caller, asked: OneMessage) -> SavedMark:
        async with self._database.changing() as transaction:
            _, held, _ = await _enter(transaction, caller, asked)
            mark = SavedMark(asked.room_id, asked.message_id, None)
            return mark if held is None else _put(transaction, caller, mark)

    async def list_saved(self, caller: Caller, asked: ListSaved) -> SavedMessages:
        before = decode_cursor(asked.cursor, tuple[int])[0] if asked.cursor else None
        async with self._database.reading() as connection:
            found = await list_saved(connection, caller.user_id, asked.limit + 1, before)
        saved = [SavedMessage(kept.message.to_wire(), kept.saved_at) for kept in found[: asked.limit]]
        page = saved[fit([len(msgspec.json.encode(each)) + 1 for each in saved], MESSAGES_MAX_BYTES, 0)]
        cursor = encode_cursor((found[len(page) - 1].user_rev,)) if len(found) > len(page) else None
        return SavedMessages(page, cursor)


async def _enter(transaction: Transaction, caller: Caller, asked: OneMessage) -> tuple[str, str | None, bool]:
    """Lock the user; return the time, since when the message is saved, and whether it is deleted.

    Raises what an outsider is told, before and under the lock.
    """
    await get_member_view(transaction.connection, asked.room_id, caller.user_id)
    now = await transaction.lock_user(caller.user_id)
    await get_member_view(transaction.connection, asked.room_id, caller.user_id)
    message = await get_message(transaction.connection, asked.room_id, asked.message_id)
    item = UserItem("saved", asked.message_id)
    data = await find_item(transaction.connection, caller.user_id, asked.room_id, item)
    held = msgspec.json.decode(data, type=SavedMark).saved_at if data else None
    return to_wire(now), held, message.deleted_at is not None


def _put(transaction: Transaction, caller: Caller, mark: SavedMark) -> SavedMark:
    item = UserItem("saved", mark.message_id)
    transaction.tell_user(item_step(caller.user_id, mark.room_id, item, msgspec.json.encode(mark)))
    return mark

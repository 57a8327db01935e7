"""Drafts: what a user has begun to write in a room or thread, told to all their devices."""

import msgspec

from services.messages.commands.messages import MESSAGES_MAX_BYTES
from services.messages.domain.access import check_thread_root
from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.domain.pages import fit
from services.messages.store.items import find_item, has_place, list_drafts
from services.messages.store.messages import get_message
from services.messages.store.rooms import get_member_view
from services.messages.store.transaction import Database, Transaction
from services.messages.store.users import UserItem, item_step
from shared.bus import Caller
from shared.clock import to_wire
from shared.contracts.drafts import Drafts, ListDrafts, SetDraft
from shared.contracts.entities import Draft
from shared.contracts.limits import DRAFTS_PER_USER
from shared.errors import conflict


class DraftCommands:
    """Handlers; each is one transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set_draft(self, caller: Caller, asked: SetDraft) -> Draft:
        """Put, change or remove; the same text again changes nothing. The user is locked, not the room."""
        item = UserItem("draft", asked.thread_id or asked.room_id)
        async with self._database.changing() as transaction:
            connection = transaction.connection
            # An outsider waits for nobody's lock; under it is asked again.
            await get_member_view(connection, asked.room_id, caller.user_id)
            now = await transaction.lock_user(caller.user_id)
            await get_member_view(connection, asked.room_id, caller.user_id)
            data = await find_item(connection, caller.user_id, asked.room_id, item)
            held = msgspec.json.decode(data, type=Draft) if data else None
            if held is None and asked.thread_id is not None:
                check_thread_root((await get_message(connection, asked.room_id, asked.thread_id)).thread_id)
            if asked.text == (held.text if held else ""):
                return held or Draft(asked.room_id, asked.thread_id, "", to_wire(now))
            if not (held and held.text):
                await _check_place(transaction, caller.user_id)
            draft = Draft(asked.room_id, asked.thread_id, asked.text, to_wire(now))
            transaction.tell_user(item_step(caller.user_id, asked.room_id, item, msgspec.json.encode(draft)))
        return draft

    async def list_drafts(self, caller: Caller, asked: ListDrafts) -> Drafts:
        before = decode_cursor(asked.cursor, tuple[int])[0] if asked.cursor else None
        async with self._database.reading() as connection:
            found = await list_drafts(connection, caller.user_id, asked.limit + 1, before)
        part = fit([len(data) + 1 for _, data in found[: asked.limit]], MESSAGES_MAX_BYTES, 0)
        page = found[part]
        cursor = encode_cursor((page[-1][0],)) if len(found) > len(page) else None
        return Drafts([msgspec.json.decode(data, type=Draft) for _, data in page], cursor)


async def _check_place(transaction: Transaction, user_id: str) -> None:
    if not await has_place(transaction.connection, user_id, "draft", DRAFTS_PER_USER):
        raise conflict(f"nobody has more than {DRAFTS_PER_USER} drafts")

"""Reading what members left on messages: reactions and pins. Writing them is the writer's."""

from datetime import datetime
from itertools import groupby

import msgspec

from services.messages.domain.cursors import decode_cursor, encode_cursor
from services.messages.domain.pages import fit
from services.messages.store.messages import get_message, list_pinned
from services.messages.store.reactions import list_reactors
from services.messages.store.rooms import get_member_view
from services.messages.store.transaction import Database
from shared.bus import Caller
from shared.contracts.entities import Reaction
from shared.contracts.fields import Id
from shared.contracts.limits import PINS_MAX, REPLY_MAX_BYTES
from shared.contracts.reactions import ListPins, ListReactions, Pins, Reactions

_REACTORS_PAGE = 1_000
_PINS_MAX_BYTES = REPLY_MAX_BYTES - 4_096


class ReactionCommands:
    """Handlers; each reads one snapshot."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_reactions(self, caller: Caller, asked: ListReactions) -> Reactions:
        after = decode_cursor(asked.cursor, tuple[int, int]) if asked.cursor else (0, 0)
        async with self._database.reading() as connection:
            await get_member_view(connection, asked.room_id, caller.user_id)
            await get_message(connection, asked.room_id, asked.message_id)
            rows = await list_reactors(connection, asked.room_id, asked.message_id, after, _REACTORS_PAGE + 1)
        page = rows[:_REACTORS_PAGE]
        shown = [
            Reaction(emoji, count, [user_id for *_, user_id in same])
            for (_, emoji, count), same in groupby(page, key=lambda row: row[:3])
        ]
        cursor = encode_cursor((page[-1][0], page[-1][3])) if len(rows) > len(page) else None
        return Reactions(shown, cursor)

    async def list_pins(self, caller: Caller, asked: ListPins) -> Pins:
        after = decode_cursor(asked.cursor, tuple[datetime, Id]) if asked.cursor else None
        async with self._database.reading() as connection:
            await get_member_view(connection, asked.room_id, caller.user_id)
            rows = await list_pinned(connection, asked.room_id, PINS_MAX, after)
        pins = [row.to_wire() for row in rows]
        shown = pins[fit([len(msgspec.json.encode(pin)) + 1 for pin in pins], _PINS_MAX_BYTES, 0)]
        if len(shown) == len(rows):
            return Pins(shown, None)
        last = rows[len(shown) - 1]
        return Pins(shown, encode_cursor((last.pinned_at, last.id)))

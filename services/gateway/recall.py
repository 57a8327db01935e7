"""Folds what a ring remembers into the latest state of each message and member. Pure.

*Old state + fold = what the store would have answered*: a reconnect is answered without asking it.
"""

from typing import Any

import msgspec
from msgspec import Raw, Struct

from shared.contracts.entities import Member, Message
from shared.contracts.events import Reacted


class _Frame(Struct):
    ev: str
    d: Raw


class _Rows(Struct):
    messages: list[Message]
    members: list[Member]


_decode_frame = msgspec.json.Decoder(_Frame).decode
_decode_rows = msgspec.json.Decoder(_Rows).decode
_decode_message = msgspec.json.Decoder(Message).decode
_decode_reacted = msgspec.json.Decoder(Reacted).decode
_decode_member = msgspec.json.Decoder(Member).decode


def fold(payloads: list[bytes], after_rev: int, first_seq: int = 1) -> tuple[list[Message], list[Member]]:
    """Return the newest state of each message and member that changed after `after_rev`, by rev.

    What lies before the room's `first_seq` is kept no longer, though it is remembered here.
    """
    messages: dict[str, Message] = {}
    members: dict[str, Member] = {}
    for payload in payloads:
        frame = _decode_frame(payload)
        if frame.ev == "room.changes":
            rows = _decode_rows(frame.d)
            messages.update({row.id: row for row in rows.messages})
            members.update({row.user_id: row for row in rows.members})
        elif frame.ev.startswith("message."):
            message = _decode_message(frame.d)
            messages[message.id] = message
        elif frame.ev.startswith("reaction."):
            message = _decode_reacted(frame.d).message
            messages[message.id] = message
        elif frame.ev.startswith("member."):
            member = _decode_member(frame.d)
            members[member.user_id] = member
    expired = {row.id for row in messages.values() if row.thread_id is None and row.seq < first_seq}
    kept = {key: row for key, row in messages.items() if (row.thread_id or key) not in expired}
    return _newer(kept, after_rev), _newer(members, after_rev)


def _newer(rows: dict[str, Any], after_rev: int) -> list[Any]:
    return sorted((row for row in rows.values() if row.rev > after_rev), key=lambda row: row.rev)

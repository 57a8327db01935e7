"""Commands of reactions and pins: what members leave on messages."""

from msgspec import Struct

from shared.contracts.entities import Empty, Message, Reaction
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Cursor, Emoji, Id
from shared.contracts.messages import OneMessage
from shared.contracts.registry import DELETE, GET, PUT, Access, command

_READ_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
_WRITE_ERRORS = (*_READ_ERRORS, ErrorCode.CONFLICT)
_MESSAGE = "/rooms/{room_id}/messages/{message_id}"


class OneReaction(Struct, frozen=True):
    room_id: Id
    message_id: Id
    emoji: Emoji
    """One Unicode emoji, or `:name:` for a custom one."""


class ListReactions(Struct, frozen=True):
    room_id: Id
    message_id: Id
    cursor: Cursor | None = None


class Reactions(Struct, frozen=True):
    """By emoji, in the order of each one's first; `user_ids` in the order of reacting, `count` exact.

    A page is at most 1,000 users; an emoji with more goes on in the next.
    """

    reactions: list[Reaction]
    next_cursor: str | None


class ListPins(Struct, frozen=True):
    room_id: Id
    cursor: Cursor | None = None


class Pins(Struct, frozen=True):
    """The pinned messages, latest pin first; `next_cursor` where one reply cannot hold all."""

    pins: list[Message]
    next_cursor: str | None


add = command(
    "reactions.add", OneReaction, Empty, "React to a message; again changes nothing",
    service="messages", http=PUT(_MESSAGE + "/reactions/{emoji}"), access=Access.MEMBER, errors=_WRITE_ERRORS,
)  # fmt: skip
remove = command(
    "reactions.remove", OneReaction, Empty, "Take back one's own reaction",
    service="messages", http=DELETE(_MESSAGE + "/reactions/{emoji}"), access=Access.MEMBER,
    errors=_WRITE_ERRORS,
)  # fmt: skip
list_reactions = command(
    "reactions.list", ListReactions, Reactions, "Who reacted to a message, and how",
    service="messages", http=GET(_MESSAGE + "/reactions"), access=Access.MEMBER, errors=_READ_ERRORS,
)  # fmt: skip
pin = command(
    "pins.add", OneMessage, Empty, "Pin a message to its room",
    service="messages", http=PUT(_MESSAGE + "/pin"), access=Access.MEMBER, errors=_WRITE_ERRORS,
)  # fmt: skip
unpin = command(
    "pins.remove", OneMessage, Empty, "Unpin a message",
    service="messages", http=DELETE(_MESSAGE + "/pin"), access=Access.MEMBER, errors=_WRITE_ERRORS,
)  # fmt: skip
list_pins = command(
    "pins.list", ListPins, Pins, "The pinned messages of a room",
    service="messages", http=GET("/rooms/{room_id}/pins"), access=Access.MEMBER, errors=_READ_ERRORS,
)  # fmt: skip

"""Commands of messages: send, edit, delete, read back, mark read, catch up."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.contracts.entities import Member, Membership, Message, Position, Room
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Id, MessageText, Number, PageSize
from shared.contracts.registry import DELETE, GET, PATCH, POST, Access, command

_READ_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)
_WRITE_ERRORS = (*_READ_ERRORS, ErrorCode.CONFLICT)


class SendMessage(Struct, frozen=True):
    room_id: Id
    id: Id
    """The client's own: the same id again returns the stored message."""
    text: MessageText
    thread_id: Id | None = None
    reply_to: Id | None = None
    # Files come with their own service; until then no id can be named.
    file_ids: Annotated[list[Id], Meta(max_length=0)] | None = []


class SentMessage(Struct, frozen=True):
    message: Message
    duplicate: bool


class EditMessage(Struct, frozen=True):
    room_id: Id
    message_id: Id
    text: MessageText


class OneMessage(Struct, frozen=True):
    room_id: Id
    message_id: Id


class ListMessages(Struct, frozen=True):
    """At most one anchor; with none, the newest."""

    room_id: Id
    before_seq: Number | None = None
    after_seq: Number | None = None
    around_seq: Number | None = None
    limit: PageSize = 50
    thread_id: Id | None = None

    def __post_init__(self) -> None:
        anchors = (self.before_seq, self.after_seq, self.around_seq)
        if sum(anchor is not None for anchor in anchors) > 1:
            raise ValueError("give at most one of before_seq, after_seq and around_seq")


class Messages(Struct, frozen=True):
    """Ascending by seq."""

    messages: list[Message]
    has_before: bool
    has_after: bool


class MarkRead(Struct, frozen=True):
    room_id: Id
    seq: Number
    thread_id: Id | None = None
    unread: bool | None = False
    """True sets exactly `seq`; otherwise the mark only moves forward."""


class Version(Struct, frozen=True):
    """A text that a message had before it was edited."""

    text: str
    written_at: str


class Versions(Struct, frozen=True):
    """Oldest first, without the present text; the oldest are left out where all would not fit."""

    versions: list[Version]


class GetChanges(Struct, frozen=True):
    room_id: Id
    epoch: Number
    after_rev: Number


class Changes(Struct, frozen=True):
    """The present state of all that changed after a position, or `reset` and empty lists."""

    position: Position
    reset: bool
    messages: list[Message]
    members: list[Member]
    room: Room


send = command(
    "messages.send", SendMessage, SentMessage, "Send a message; `ok` means it is committed",
    service="messages", http=POST("/rooms/{room_id}/messages"), status=201, access=Access.MEMBER,
    errors=_WRITE_ERRORS,
)  # fmt: skip
edit = command(
    "messages.edit", EditMessage, Message, "Change the text of one's own message",
    service="messages", http=PATCH("/rooms/{room_id}/messages/{message_id}"), access=Access.AUTHOR,
    errors=_WRITE_ERRORS,
)  # fmt: skip
delete = command(
    "messages.delete", OneMessage, Message, "Delete one's own message, or any as a moderator",
    service="messages", http=DELETE("/rooms/{room_id}/messages/{message_id}"), access=Access.MEMBER,
    errors=_WRITE_ERRORS,
)  # fmt: skip
get = command(
    "messages.get", OneMessage, Message, "One message",
    service="messages", http=GET("/rooms/{room_id}/messages/{message_id}"), access=Access.MEMBER,
    errors=_READ_ERRORS,
)  # fmt: skip
history = command(
    "messages.history", OneMessage, Versions, "The earlier texts of an edited message",
    service="messages", http=GET("/rooms/{room_id}/messages/{message_id}/history"), access=Access.MEMBER,
    errors=_READ_ERRORS,
)  # fmt: skip
list_messages = command(
    "messages.list", ListMessages, Messages, "A page of a timeline, ascending",
    service="messages", http=GET("/rooms/{room_id}/messages"), access=Access.MEMBER, errors=_READ_ERRORS,
)  # fmt: skip
changes = command(
    "messages.changes", GetChanges, Changes, "All that changed in a room after a position",
    service="messages", http=GET("/rooms/{room_id}/changes"), access=Access.MEMBER, errors=_READ_ERRORS,
)  # fmt: skip
mark_read = command(
    "read.mark", MarkRead, Membership, "Move the caller's read mark, on all devices",
    service="messages", http=POST("/rooms/{room_id}/read"), access=Access.MEMBER, errors=_READ_ERRORS,
)  # fmt: skip

"""Commands of saved messages: a user's own list of what to come back to."""

from msgspec import Struct

from shared.contracts.entities import Message, SavedMark
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Cursor, PageSize
from shared.contracts.messages import OneMessage
from shared.contracts.registry import DELETE, GET, PUT, Access, command

_ROUTE = "/rooms/{room_id}/messages/{message_id}/saved"
_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN)


class ListSaved(Struct, frozen=True):
    limit: PageSize = 50
    cursor: Cursor | None = None


class SavedMessage(Struct, frozen=True):
    message: Message
    saved_at: str


class SavedMessages(Struct, frozen=True):
    """Last saved first; without what was deleted since, and rooms that the user has left."""

    saved: list[SavedMessage]
    next_cursor: str | None


add = command(
    "saved.add", OneMessage, SavedMark, "Save a message for later",
    service="messages", http=PUT(_ROUTE), access=Access.MEMBER, errors=(*_ERRORS, ErrorCode.CONFLICT),
)  # fmt: skip
remove = command(
    "saved.remove", OneMessage, SavedMark, "Take a message off the saved ones",
    service="messages", http=DELETE(_ROUTE), access=Access.MEMBER, errors=_ERRORS,
)  # fmt: skip
list_saved = command(
    "saved.list", ListSaved, SavedMessages, "The caller's saved messages",
    service="messages", http=GET("/saved"),
)  # fmt: skip

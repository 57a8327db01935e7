"""Commands of drafts: what a user has begun to write, the same on all devices."""

from msgspec import Struct

from shared.contracts.entities import Draft
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Cursor, DraftText, Id, PageSize
from shared.contracts.registry import GET, PUT, Access, command


class SetDraft(Struct, frozen=True):
    room_id: Id
    text: DraftText
    """An empty text removes the draft. Sending a message does not: clients do."""
    thread_id: Id | None = None


class ListDrafts(Struct, frozen=True):
    limit: PageSize = 100
    cursor: Cursor | None = None


class Drafts(Struct, frozen=True):
    """Last written first; of rooms that the user is in."""

    drafts: list[Draft]
    next_cursor: str | None


set_draft = command(
    "drafts.set", SetDraft, Draft, "Keep what was begun in a room or thread",
    service="messages", http=PUT("/rooms/{room_id}/draft"), access=Access.MEMBER,
    errors=(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT),
)  # fmt: skip
list_drafts = command(
    "drafts.list", ListDrafts, Drafts, "The caller's drafts", service="messages", http=GET("/drafts")
)

"""The command that finds messages by their text: filters, hits, and what of a text matched."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from shared.contracts.entities import Message
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Cursor, Id, Moment, PageSize, SearchText
from shared.contracts.registry import GET, command

Feature = Literal["link", "reaction", "pin", "thread"]


class SearchMessages(Struct, frozen=True):
    """Every filter can also be typed in `q`: from:, in:, before:, after:, has:."""

    q: SearchText = ""
    room_id: Id | None = None
    from_id: Id | None = field(default=None, name="from")
    before: Moment | None = None
    """A time, or a day: its beginning in UTC."""
    after: Moment | None = None
    """From this time, or the beginning of this day, on."""
    has: Annotated[list[Feature], Meta(max_length=4)] = []
    limit: PageSize = 20
    cursor: Cursor | None = None


class Hit(Struct, frozen=True):
    """`marks` are ranges [start, end) of code points in the message's text, ascending, apart."""

    message: Message
    marks: list[Annotated[list[int], Meta(min_length=2, max_length=2)]]


class Hits(Struct, frozen=True):
    """May be shorter than `limit`, even empty, while there is more: then `next_cursor` is not null."""

    hits: list[Hit]
    next_cursor: str | None


search = command(
    "messages.search", SearchMessages, Hits, "Find messages in the caller's rooms by text and filters",
    service="messages", http=GET("/search"), errors=(ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN),
)  # fmt: skip

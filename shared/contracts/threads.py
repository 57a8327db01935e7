"""Commands of threads: which there are, and which one follows. Replies are sent as messages are."""

from msgspec import Struct

from shared.contracts.entities import Message, ThreadMark
from shared.contracts.errors import ErrorCode
from shared.contracts.fields import Cursor, Id, PageSize
from shared.contracts.messages import OneMessage
from shared.contracts.registry import DELETE, GET, PUT, Access, command

_ERRORS = (ErrorCode.NOT_FOUND, ErrorCode.FORBIDDEN, ErrorCode.CONFLICT)


class ListThreads(Struct, frozen=True):
    """All threads of a room, or, without one, those that the caller follows."""

    room_id: Id | None = None
    limit: PageSize = 30
    cursor: Cursor | None = None


class Thread(Struct, frozen=True):
    """A thread as the caller stands to it."""

    message: Message
    """The root."""
    last_seq: int
    """Of the thread's own timeline; deleted replies have kept their places in it."""
    read_seq: int
    unread: int
    """Replies of others above `read_seq`."""
    following: bool


class Threads(Struct, frozen=True):
    """Latest reply first."""

    threads: list[Thread]
    next_cursor: str | None


list_threads = command(
    "threads.list", ListThreads, Threads, "The threads of a room, or those one follows",
    service="messages", http=GET("/threads"), errors=_ERRORS[:2],
)  # fmt: skip
follow = command(
    "threads.follow", OneMessage, ThreadMark, "Follow the thread under a message",
    service="messages", http=PUT("/rooms/{room_id}/messages/{message_id}/follow"), access=Access.MEMBER,
    errors=_ERRORS,
)  # fmt: skip
unfollow = command(
    "threads.unfollow", OneMessage, ThreadMark, "Follow it no more",
    service="messages", http=DELETE("/rooms/{room_id}/messages/{message_id}/follow"), access=Access.MEMBER,
    errors=_ERRORS,
)  # fmt: skip

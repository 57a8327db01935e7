"""Event frames: the very bytes that NATS carries and a socket gets, built once around encoded data."""

EMPTY = b"{}"


def room_frame(event: str, room_id: str, epoch: int, rev: int, data: bytes) -> bytes:
    """Return a room event with its place in the room's history."""
    return b'{"ev":"%b","room_id":"%b","epoch":%d,"rev":%d,"d":%b}' % (
        event.encode(), room_id.encode(), epoch, rev, data,
    )  # fmt: skip


def user_frame(event: str, user_rev: int, data: bytes) -> bytes:
    """Return an event of one user's own timeline."""
    return b'{"ev":"%b","user_rev":%d,"d":%b}' % (event.encode(), user_rev, data)


def ok(reply: bytes) -> bytes:
    """Return the reply to a command around its encoded result."""
    return b'{"ok":%b}' % reply

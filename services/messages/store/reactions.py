"""Who reacted to a message, page by page."""

from services.messages.store.connection import Connection

# Emojis in the order of each one's first reaction that still stands.
_PAGE = """
SELECT e.first_rev, e.emoji, e.count, r.rev, r.user_id
FROM (
    SELECT emoji, min(rev) AS first_rev, count(*) AS count FROM messages.reactions
    WHERE room_id = $1 AND message_id = $2 GROUP BY emoji
) e JOIN messages.reactions r ON r.room_id = $1 AND r.message_id = $2 AND r.emoji = e.emoji
WHERE (e.first_rev, r.rev) > ($3, $4) ORDER BY e.first_rev, r.rev LIMIT $5
"""


async def list_reactors(
    connection: Connection, room_id: str, message_id: str, after: tuple[int, int], limit: int
) -> list[tuple[int, str, int, int, str]]:
    """Return (first rev of the emoji, emoji, its count, rev, user id), ascending, after the two revs."""
    records = await connection.fetch(_PAGE, room_id, message_id, *after, limit)
    return [(first_rev, emoji, count, rev, str(user_id)) for first_rev, emoji, count, rev, user_id in records]

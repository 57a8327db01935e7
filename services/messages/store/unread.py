"""How a member's unread count came about: what is kept, beside what is counted from the messages."""

from services.messages.models import MemberRow
from services.messages.store.connection import Connection
from shared.contracts.limits import EXPLAINED_MENTIONS_MAX
from shared.contracts.rooms import CountedMention

_OWN_ABOVE = """
SELECT count(*) FROM messages.messages g
WHERE g.room_id = $1 AND g.sender_id = $2 AND g.thread_id IS NULL AND g.seq > $3
"""
_MENTIONED = f"""
(SELECT message_id, seq, sender_id, 'user' FROM messages.mentions n
 WHERE n.room_id = $1 AND n.user_id = $2 AND n.thread_id IS NULL AND n.seq > $3 AND n.sender_id <> $2
 ORDER BY seq LIMIT {EXPLAINED_MENTIONS_MAX})
UNION ALL
(SELECT message_id, seq, sender_id, 'room' FROM messages.mentions n
 WHERE n.room_id = $1 AND n.user_id IS NULL AND n.thread_id IS NULL AND n.seq > $3 AND n.sender_id <> $2
 ORDER BY seq LIMIT {EXPLAINED_MENTIONS_MAX})
"""


async def count_own_above(connection: Connection, member: MemberRow) -> int:
    """Count the member's own messages above their mark: O(what is counted)."""
    count: int = await connection.fetchval(_OWN_ABOVE, member.room_id, member.user_id, member.read_seq)
    return count


async def list_mentions_above(connection: Connection, member: MemberRow) -> list[CountedMention]:
    """Return the first mentions above the mark by seq; one of both kinds is one of the user."""
    records = await connection.fetch(_MENTIONED, member.room_id, member.user_id, member.read_seq)
    by_seq: dict[int, CountedMention] = {}
    for message_id, seq, sender_id, why in records:
        by_seq.setdefault(seq, CountedMention(str(message_id), seq, str(sender_id), why))
    return [by_seq[seq] for seq in sorted(by_seq)][:EXPLAINED_MENTIONS_MAX]

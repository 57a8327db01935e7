"""Checks of what hangs on messages: mentions, reactions, and that a deleted message leaves nothing behind."""

MENTIONS = """
WITH said AS (
    SELECT g.room_id, g.id, k.user_id, g.sender_id, g.thread_id, g.seq
    FROM messages.messages g CROSS JOIN LATERAL unnest(g.mention_user_ids) AS k(user_id)
    WHERE g.room_id = ANY($1::uuid[]) AND g.mention_user_ids <> '{}'
    UNION ALL
    SELECT g.room_id, g.id, NULL, g.sender_id, g.thread_id, g.seq
    FROM messages.messages g WHERE g.room_id = ANY($1::uuid[]) AND g.mention_room
), kept AS (
    SELECT room_id, message_id, user_id, sender_id, thread_id, seq
    FROM messages.mentions WHERE room_id = ANY($1::uuid[])
)
SELECT room_id, 'mentions',
       format('message %s (seq %s) mentions %s, and there is no row of it', id, seq,
              coalesce(user_id::text, 'the room'))
FROM (SELECT * FROM said EXCEPT ALL SELECT * FROM kept) missing
UNION ALL
SELECT room_id, 'mentions',
       format('a row of message %s (seq %s) for %s is of no mention', message_id, seq,
              coalesce(user_id::text, 'the room'))
FROM (SELECT * FROM kept EXCEPT ALL SELECT * FROM said) extra
"""
REACTIONS = """
WITH shown AS (
    SELECT g.room_id, g.id AS message_id, e.entry->>'emoji' AS emoji, (e.entry->>'count')::bigint AS n,
           ARRAY(SELECT jsonb_array_elements_text(e.entry->'user_ids')) AS user_ids
    FROM messages.messages g CROSS JOIN LATERAL jsonb_array_elements(g.reactions) AS e(entry)
    WHERE g.room_id = ANY($1::uuid[]) AND g.reactions IS NOT NULL
), given AS (
    SELECT room_id, message_id, emoji, count(*) AS n,
           (array_agg(user_id::text ORDER BY rev, user_id))[1:100] AS user_ids
    FROM messages.reactions WHERE room_id = ANY($1::uuid[]) GROUP BY room_id, message_id, emoji
)
SELECT room_id, 'reactions',
       format('message %s shows %s of %s, given were %s%s', message_id, coalesce(s.n, 0), emoji,
              coalesce(v.n, 0), CASE WHEN s.n = v.n THEN ', by others or in another order' ELSE '' END)
FROM shown s FULL JOIN given v USING (room_id, message_id, emoji)
WHERE (s.n, s.user_ids) IS DISTINCT FROM (v.n, v.user_ids)
"""
DELETED = """
SELECT g.room_id, c.name, format('message %s (seq %s) is deleted ', g.id, g.seq) || c.text
FROM messages.messages g
CROSS JOIN LATERAL (VALUES
    ('deleted', g.text <> '' OR g.content IS NOT NULL, 'and has its text'),
    ('pins', g.pinned_at IS NOT NULL, 'and is pinned')
) AS c(name, is_wrong, text)
WHERE g.room_id = ANY($1::uuid[]) AND g.deleted_at IS NOT NULL AND c.is_wrong
UNION ALL
SELECT h.room_id, 'history',
       format('message %s is %s, and %s earlier texts are kept', h.message_id,
              CASE WHEN bool_or(g.id IS NULL) THEN 'not there' ELSE 'deleted' END, count(*))
FROM messages.message_history h
LEFT JOIN messages.messages g ON g.room_id = h.room_id AND g.id = h.message_id
WHERE h.room_id = ANY($1::uuid[]) AND (g.id IS NULL OR g.deleted_at IS NOT NULL)
GROUP BY h.room_id, h.message_id
"""
BY_ROOM = (MENTIONS, REACTIONS, DELETED)

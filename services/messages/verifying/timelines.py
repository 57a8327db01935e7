"""Checks of timelines: numbers without holes, threads, revs. Each statement takes room ids, returns findings.

A row is (room_id, name of the check, what is wrong); messages before `first_seq` are on their way out.
"""

MAIN = """
SELECT r.id, c.name, c.text
FROM messages.rooms r
CROSS JOIN LATERAL (
    SELECT count(*) AS n, min(g.seq) AS low, max(g.seq) AS high FROM messages.messages g
    WHERE g.room_id = r.id AND g.thread_id IS NULL AND g.seq > 0 AND g.seq >= r.first_seq
) g
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM messages.messages g
    WHERE g.room_id = r.id AND g.thread_id IS NULL AND g.seq > 0 AND g.seq <= r.purged_seq
) old
CROSS JOIN LATERAL (VALUES
    ('main_seq', (g.n, g.low, g.high) IS DISTINCT FROM
        (r.last_seq - r.first_seq + 1, CASE WHEN g.n > 0 THEN r.first_seq END,
         CASE WHEN g.n > 0 THEN r.last_seq END),
     format('the main timeline should hold seq %s to %s; it holds %s messages, from %s to %s',
            r.first_seq, r.last_seq, g.n, g.low, g.high)),
    ('purged_seq', old.n > 0 OR r.purged_seq > r.first_seq - 1,
     format('messages up to seq %s should be deleted, %s are there; the room begins with seq %s',
            r.purged_seq, old.n, r.first_seq))
) AS c(name, is_wrong, text)
WHERE r.id = ANY($1::uuid[]) AND c.is_wrong
"""
THREADS = """
WITH replies AS (
    SELECT room_id, thread_id, count(*) AS n, min(seq) AS low, max(seq) AS high,
           count(*) FILTER (WHERE deleted_at IS NULL) AS living,
           (array_agg(created_at ORDER BY seq DESC) FILTER (WHERE deleted_at IS NULL))[1] AS last_at
    FROM messages.messages WHERE room_id = ANY($1::uuid[]) AND thread_id IS NOT NULL
    GROUP BY room_id, thread_id
), roots AS (
    SELECT room_id, id AS thread_id FROM messages.messages
    WHERE room_id = ANY($1::uuid[]) AND (thread_last_seq > 0 OR reply_count <> 0 OR last_reply_at IS NOT NULL)
)
SELECT k.room_id, c.name, format('thread %s: ', k.thread_id) || c.text
FROM (SELECT room_id, thread_id FROM replies UNION SELECT room_id, thread_id FROM roots) k
JOIN messages.rooms r ON r.id = k.room_id
LEFT JOIN messages.messages root ON root.room_id = k.room_id AND root.id = k.thread_id
LEFT JOIN replies p ON p.room_id = k.room_id AND p.thread_id = k.thread_id
CROSS JOIN LATERAL (VALUES
    ('thread_root', root.id IS NULL OR root.thread_id IS NOT NULL,
     CASE WHEN root.id IS NULL THEN format('%s replies to a message that is not there', p.n)
          ELSE 'begins within another thread' END),
    ('thread_seq', (coalesce(p.n, 0), coalesce(p.high, 0), coalesce(p.low, 1)) <>
        (root.thread_last_seq, root.thread_last_seq, 1),
     format('should hold seq 1 to %s; it holds %s replies, from %s to %s',
            root.thread_last_seq, coalesce(p.n, 0), p.low, p.high)),
    ('reply_count', root.reply_count <> coalesce(p.living, 0),
     format('reply_count is %s, replies that are not deleted are %s',
            root.reply_count, coalesce(p.living, 0))),
    ('last_reply_at', root.id IS NOT NULL AND root.last_reply_at IS DISTINCT FROM p.last_at,
     format('last_reply_at is %s, the last reply is of %s', root.last_reply_at, p.last_at))
) AS c(name, is_wrong, text)
WHERE c.is_wrong AND (root.id IS NULL OR root.seq >= r.first_seq OR root.thread_id IS NOT NULL)
"""
REVS = """
WITH rows_with_rev AS (
    SELECT room_id, rev, 'message ' || id AS what FROM messages.messages WHERE room_id = ANY($1::uuid[])
    UNION ALL
    SELECT room_id, rev, 'member ' || user_id FROM messages.memberships WHERE room_id = ANY($1::uuid[])
), later AS (
    SELECT room_id, rev FROM messages.reactions WHERE room_id = ANY($1::uuid[])
    UNION ALL
    SELECT room_id, rev FROM messages.message_history WHERE room_id = ANY($1::uuid[])
), highest AS (
    SELECT room_id, max(rev) AS rev
    FROM (SELECT room_id, rev FROM rows_with_rev UNION ALL SELECT room_id, rev FROM later) every
    GROUP BY room_id
)
SELECT room_id, 'rev_unique',
       format('rev %s is of %s rows: %s', rev, count(*), string_agg(what, ', ' ORDER BY what))
FROM rows_with_rev GROUP BY room_id, rev HAVING count(*) > 1
UNION ALL
SELECT r.id, 'room_rev', format('the room is at rev %s, a row of it at %s', r.rev, h.rev)
FROM messages.rooms r JOIN highest h ON h.room_id = r.id WHERE h.rev > r.rev
"""
ORPHANS = """
SELECT g.room_id, 'room', format('%s messages and members of a room that is not there', count(*))
FROM (
    SELECT room_id FROM messages.messages UNION ALL SELECT room_id FROM messages.memberships
) g
WHERE NOT EXISTS (SELECT 1 FROM messages.rooms r WHERE r.id = g.room_id)
GROUP BY g.room_id
"""
BY_ROOM = (MAIN, THREADS, REVS)

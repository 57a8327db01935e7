"""Checks of membership: counts, read marks, and the same told from the user's side."""

MEMBERS = """
WITH present AS (
    SELECT room_id, count(*) AS n FROM messages.memberships
    WHERE room_id = ANY($1::uuid[]) AND left_at IS NULL GROUP BY room_id
)
SELECT r.id, 'member_count',
       format('member_count is %s, members present are %s', r.member_count, coalesce(p.n, 0))
FROM messages.rooms r LEFT JOIN present p ON p.room_id = r.id
WHERE r.id = ANY($1::uuid[]) AND r.member_count <> coalesce(p.n, 0)
"""
MARKS = """
SELECT m.room_id, c.name, format('user %s: ', m.user_id) || c.text
FROM messages.memberships m
JOIN messages.rooms r ON r.id = m.room_id
CROSS JOIN LATERAL (
    SELECT count(*) AS n FROM messages.messages g
    WHERE g.room_id = m.room_id AND g.sender_id = m.user_id AND g.thread_id IS NULL AND g.seq > m.read_seq
) own
CROSS JOIN LATERAL (VALUES
    ('read_seq', m.read_seq > r.last_seq OR m.read_seq < r.first_seq - 1,
     format('read_seq is %s, the room holds seq %s to %s', m.read_seq, r.first_seq, r.last_seq)),
    ('own_above', m.own_above <> own.n,
     format('own_above is %s, own messages above the read mark %s are %s', m.own_above, m.read_seq, own.n))
) AS c(name, is_wrong, text)
WHERE m.room_id = ANY($1::uuid[]) AND m.left_at IS NULL AND c.is_wrong
"""
PLACES = """
SELECT m.room_id, 'user_rooms',
       format('user %s is %s; their own list of rooms says %s', m.user_id,
              CASE WHEN m.left_at IS NULL THEN 'a member' ELSE 'gone' END,
              CASE WHEN u.user_id IS NULL THEN 'nothing' WHEN u.left_reason IS NULL THEN 'a member'
                   ELSE u.left_reason END)
FROM messages.memberships m
LEFT JOIN messages.user_rooms u ON u.user_id = m.user_id AND u.room_id = m.room_id
WHERE m.room_id = ANY($1::uuid[])
  AND (u.user_id IS NULL OR (m.left_at IS NULL) <> (u.left_reason IS NULL))
  AND NOT (m.left_at IS NOT NULL AND EXISTS (
    SELECT 1 FROM messages.erased_users e WHERE e.user_id = m.user_id
  ))
"""
BY_ROOM = (MEMBERS, MARKS, PLACES)

DIRECT = """
SELECT r.id, r.kind, coalesce(r.user_ids, '{}'), ARRAY(
    SELECT m.user_id FROM messages.memberships m WHERE m.room_id = r.id AND (m.left_at IS NULL OR EXISTS (
        SELECT 1 FROM messages.erased_users e WHERE e.user_id = m.user_id
    ))
)
FROM messages.rooms r
WHERE r.id = ANY($1::uuid[]) AND (r.kind IN ('dm', 'group_dm') OR r.user_ids IS NOT NULL)
"""

USERS = """
WITH places AS (
    SELECT user_id, count(*) FILTER (WHERE left_reason IS NULL) AS n, max(user_rev) AS rev
    FROM messages.user_rooms WHERE user_id = ANY($1::uuid[]) GROUP BY user_id
), items AS (
    SELECT user_id, max(user_rev) AS rev FROM messages.user_items
    WHERE user_id = ANY($1::uuid[]) GROUP BY user_id
)
SELECT t.user_id, c.name, c.text
FROM messages.user_timelines t
LEFT JOIN places p ON p.user_id = t.user_id
LEFT JOIN items i ON i.user_id = t.user_id
CROSS JOIN LATERAL (VALUES
    ('room_count', t.room_count <> coalesce(p.n, 0),
     format('room_count is %s, rooms they are in are %s', t.room_count, coalesce(p.n, 0))),
    ('user_rev', greatest(p.rev, i.rev) > t.rev,
     format('the timeline is at user_rev %s, a row of it at %s', t.rev, greatest(p.rev, i.rev)))
) AS c(name, is_wrong, text)
WHERE t.user_id = ANY($1::uuid[]) AND c.is_wrong
"""
USER_ROOMS = """
SELECT u.user_id, 'user_rooms', format('room %s is in their list, its members do not know them', u.room_id)
FROM messages.user_rooms u
WHERE u.user_id = ANY($1::uuid[]) AND NOT EXISTS (
    SELECT 1 FROM messages.memberships m WHERE m.room_id = u.room_id AND m.user_id = u.user_id
)
"""
BY_USER = (USERS, USER_ROOMS)

UNNUMBERED = """
SELECT u.user_id, 'user_rev', format('%s rows of a timeline that is not there', count(*))
FROM (SELECT user_id FROM messages.user_rooms UNION ALL SELECT user_id FROM messages.user_items) u
WHERE NOT EXISTS (SELECT 1 FROM messages.user_timelines t WHERE t.user_id = u.user_id)
GROUP BY u.user_id
"""

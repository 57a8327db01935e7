"""The statements that fill a store with years of talk. Every invariant holds: dense seq, revs, counters.

Of each ten messages of a room two are replies in the thread of the first. A reply takes two revs, its own and
its root's, so ten messages take twelve. `p` is a message's place within its ten, `b` the number of the ten.
"""

USERS = 20_000
USERS_IN_20, USERS_IN_300 = 50, 10
"""Users beyond those, who read and never write: their syncs are measured."""
BEHIND = 40
"""How many messages of each room they have not read."""
SENTENCES = 4_096

FUNCTIONS = """
CREATE SCHEMA bench_fill;
CREATE FUNCTION bench_fill.user_id(u bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT ('0190000000007000' || '8000' || lpad(to_hex(u), 12, '0'))::uuid $$;
CREATE FUNCTION bench_fill.room_id(r int) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT ('0191000000007000' || '8000' || lpad(to_hex(r), 12, '0'))::uuid $$;
CREATE FUNCTION bench_fill.message_id(r int, k bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT ('01920000000070008' || lpad(to_hex(r), 5, '0') || lpad(to_hex(k), 10, '0'))::uuid $$;
CREATE FUNCTION bench_fill.member(r int, j bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT (r * 7919::bigint + j * 37) % 20000 $$;
CREATE UNLOGGED TABLE bench_fill.sentences (no int PRIMARY KEY, text text NOT NULL);
"""

# Zipf: the largest room has as many messages as the second and third together, and so on.
ROOMS = """
CREATE UNLOGGED TABLE bench_fill.rooms AS
SELECT r AS no, bench_fill.room_id(r) AS id, now() AS until,
       (3 + 300 / sqrt(r))::int AS members,
       greatest(10, round($1 / (r * harmonic.h) / 10) * 10)::bigint AS messages
FROM generate_series(1, $2) r, (SELECT sum(1.0 / i) AS h FROM generate_series(1, $2) i) harmonic
"""
MEMBERS = """
CREATE UNLOGGED TABLE bench_fill.members AS
SELECT r.no, r.id AS room_id, bench_fill.user_id(u.no) AS user_id, u.is_reader,
       row_number() OVER (PARTITION BY r.no ORDER BY u.place) AS rev
FROM bench_fill.rooms r CROSS JOIN LATERAL (
    SELECT bench_fill.member(r.no, j) AS no, false AS is_reader, j AS place
    FROM generate_series(0, r.members - 1) j
    UNION ALL
    SELECT 100000 + i, true, 100000 + i FROM generate_series(0, $2::int - 1) i
    WHERE r.no % nullif($1::int / 20, 0) = i
    UNION ALL
    SELECT 200000 + i, true, 200000 + i FROM generate_series(0, $3::int - 1) i
    WHERE r.no % nullif($1::int / 300, 0) = i AND r.no < $1::int / 300 * 300
) u
"""
ROOM_ROWS = """
INSERT INTO messages.rooms
    (id, kind, name, created_by, created_at, rev, first_seq, last_seq, member_count, active_at)
SELECT r.id, CASE WHEN r.no % 3 = 0 THEN 'public' ELSE 'private' END, 'room ' || r.no,
       bench_fill.user_id(bench_fill.member(r.no, 0)), r.until - interval '366 days',
       m.count + r.messages / 10 * 12, 1, r.messages / 10 * 8, m.count,
       r.until - interval '365 days' * (2.5 / r.messages)
FROM bench_fill.rooms r JOIN (SELECT no, count(*) FROM bench_fill.members GROUP BY no) m USING (no)
"""
MEMBERSHIP_ROWS = f"""
INSERT INTO messages.memberships (room_id, user_id, role, joined_at, rev, read_seq)
SELECT m.room_id, m.user_id, CASE WHEN m.rev = 1 THEN 'owner' ELSE 'member' END,
       r.until - interval '366 days',
       m.rev, greatest(0, r.messages / 10 * 8 - CASE WHEN m.is_reader THEN {BEHIND} ELSE 0 END)
FROM bench_fill.members m JOIN bench_fill.rooms r USING (no)
"""
USER_ROOM_ROWS = """
INSERT INTO messages.user_rooms (user_id, room_id, user_rev)
SELECT user_id, room_id, row_number() OVER (PARTITION BY user_id ORDER BY no) FROM bench_fill.members
"""
TIMELINE_ROWS = """
INSERT INTO messages.user_timelines (user_id, rev, room_count)
SELECT user_id, count(*), count(*) FROM bench_fill.members GROUP BY user_id
"""
# Search is measured on a store of its own; here its indexing must not run beside what is measured.
SEARCH_ROWS = "INSERT INTO messages.search_progress (room_id, rev) SELECT id, rev FROM messages.rooms"

# In the order of time over all rooms: a room's messages lie as scattered on the disk as they would.
PLAN = """
CREATE UNLOGGED TABLE bench_fill.plan AS
SELECT r.no, k FROM bench_fill.rooms r CROSS JOIN LATERAL generate_series(1, r.messages) k
ORDER BY (k - 0.5::float8) / r.messages
"""
PLAN_BLOCKS = "SELECT pg_relation_size('bench_fill.plan') / current_setting('block_size')::int"
_PART = """
SELECT r.id AS room_id, r.no, r.messages AS n, r.until, t.k, (t.k - 1) % 10 + 1 AS p, (t.k - 1) / 10 AS b,
       joined.count AS joined, s.text,
       bench_fill.user_id(bench_fill.member(r.no, (t.k * 31) % r.members)) AS sender_id,
       CASE WHEN t.k % 50 = 3
            THEN bench_fill.user_id(bench_fill.member(r.no, (t.k * 17) % r.members)) END AS named
FROM bench_fill.plan t
JOIN bench_fill.rooms r USING (no)
JOIN (SELECT no, count(*) FROM bench_fill.members GROUP BY no) joined USING (no)
JOIN bench_fill.sentences s ON s.no = (r.no * 7919::bigint + t.k * 104729) % 4096
WHERE t.ctid >= $1::text::tid AND t.ctid < $2::text::tid
"""
MESSAGE_ROWS = f"""
INSERT INTO messages.messages
    (room_id, id, seq, rev, thread_id, reply_to, sender_id, text, mention_user_ids, reply_count,
     last_reply_at, thread_last_seq, created_at)
SELECT room_id, bench_fill.message_id(no, k),
       CASE WHEN p <= 8 THEN b * 8 + p ELSE p - 8 END,
       joined + b * 12 + CASE p WHEN 1 THEN 12 WHEN 10 THEN 11 ELSE p END,
       CASE WHEN p > 8 THEN bench_fill.message_id(no, b * 10 + 1) END,
       CASE WHEN p = 5 THEN bench_fill.message_id(no, k - 1) END,
       sender_id,
       CASE WHEN named IS NULL THEN text ELSE '<@' || named || '> ' || left(text, 159) END,
       CASE WHEN named IS NULL THEN '{{}}' ELSE ARRAY[named] END,
       CASE WHEN p = 1 THEN 2 ELSE 0 END,
       CASE WHEN p = 1 THEN until - interval '365 days' * (1 - (k + 8.5) / n) END,
       CASE WHEN p = 1 THEN 2 ELSE 0 END,
       until - interval '365 days' * (1 - (k - 0.5) / n)
FROM ({_PART}) part
"""
MENTION_ROWS = """
INSERT INTO messages.mentions (room_id, message_id, user_id, sender_id, thread_id, seq)
SELECT room_id, id, mention_user_ids[1], sender_id, NULL, seq FROM messages.messages
WHERE mention_user_ids <> '{}'
"""

INDEXES = """
SELECT c.relname AS name, con.conname AS constraint, pg_get_constraintdef(con.oid) AS constraint_definition,
       replace(pg_get_indexdef(i.indexrelid), ' ON ONLY ', ' ON ') AS definition
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype IN ('p', 'u')
WHERE i.indrelid = $1::text::regclass ORDER BY con.conname NULLS LAST
"""

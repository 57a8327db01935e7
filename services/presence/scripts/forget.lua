-- Delete what is kept of somebody. ARGV: user. Returns {done}: 0 while they are connected, or others have yet to be
-- told that they went: who announces it writes into the record once more, a moment after taking it. Cost O(1).
local user, SETTLED_MS = ARGV[3], 2000
local told_at = tonumber(redis.call('HGET', person(user), 'told_at') or '0')
if is_online(user) or redis.call('ZSCORE', DUE, user) or now - told_at < SETTLED_MS then return {0} end
redis.call('DEL', person(user))
redis.call('ZREM', EXPIRIES, user)
return {1}

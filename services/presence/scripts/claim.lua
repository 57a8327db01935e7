-- Take those who are due to be announced, and let statuses fall back whose time has passed. ARGV: limit.
-- Returns {now, ms until somebody is due again (-1: nobody), rows}. Nobody else gets the same. Cost O(limit).
local limit = tonumber(ARGV[3])
for _, user in ipairs(redis.call('ZRANGEBYSCORE', EXPIRIES, '-inf', now, 'LIMIT', 0, limit)) do
  redis.call('ZREM', EXPIRIES, user)
  redis.call('HDEL', person(user), 'status', 'text', 'expires_at')
  announce(user)
end

local rows = {}
for _, user in ipairs(redis.call('ZRANGEBYSCORE', DUE, '-inf', now, 'LIMIT', 0, limit)) do
  redis.call('ZREM', DUE, user)
  redis.call('HSET', person(user), 'told_at', now)
  keep(user)
  rows[#rows + 1] = row(user)
end

local wait_ms = -1
for _, queue in ipairs({DUE, EXPIRIES}) do
  local first = redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')
  if first[2] then
    local ahead_ms = math.max(0, tonumber(first[2]) - now)
    if wait_ms < 0 or ahead_ms < wait_ms then wait_ms = ahead_ms end
  end
end
return {now, wait_ms, rows}

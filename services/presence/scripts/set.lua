-- Set a person's status. ARGV: user, status, text, end in ms ('' never). Returns {now, row}.
local user, status, text, expires_at = ARGV[3], ARGV[4], ARGV[5], ARGV[6]
redis.call('HSET', person(user), 'status', status, 'text', text, 'active_at', now)
if expires_at == '' then
  redis.call('HDEL', person(user), 'expires_at')
  redis.call('ZREM', EXPIRIES, user)
else
  redis.call('HSET', person(user), 'expires_at', expires_at)
  redis.call('ZADD', EXPIRIES, expires_at, user)
end
keep(user)
announce(user)
return {now, row(user)}

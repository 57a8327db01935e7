-- Read people. ARGV: their ids. Returns {now, rows, settled}, rows in the order asked. Cost O(users).
-- Not settled: Redis lost its data, or was restarted, less than a lease ago. Nodes may not have named all again.
local rows = {}
for i = 3, #ARGV do
  rows[#rows + 1] = row(ARGV[i])
end
local uptime_ms = tonumber(string.match(redis.call('INFO', 'server'), 'uptime_in_seconds:(%d+)')) * 1000
local settled = now - born() >= lease_ms and uptime_ms >= lease_ms
return {now, rows, settled and 1 or 0}

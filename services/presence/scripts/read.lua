-- Read people. ARGV: their ids. Returns {now, rows} in the order asked. Cost O(users).
local is_young = now - born() < lease_ms
local rows = {}
for i = 3, #ARGV do
  rows[#rows + 1] = row(ARGV[i])
  if is_young and rows[#rows][2] == '' then redis.call('SADD', SEEN_OFFLINE, ARGV[i]) end
end
if is_young then redis.call('PEXPIRE', SEEN_OFFLINE, lease_ms) end
return {now, rows}

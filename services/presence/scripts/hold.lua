-- Renew a node's lease and take in who came and who went on it.
-- ARGV: holder, '1' to begin a lease, how many users the node holds ('' unsaid), n, n who came, then who went.
-- Returns {known, came online, went offline}. Cost O(named users).
local holder, begins, count, came = ARGV[3], ARGV[4] == '1', ARGV[5], tonumber(ARGV[6])
local lease_end = tonumber(redis.call('ZSCORE', NODES, holder) or '0')
if lease_end <= now and not begins then return {0, 0, 0} end

local online, offline = 0, 0
for i = 7, 6 + came do
  if hold(ARGV[i], holder) then online = online + 1 end
end
for i = 7 + came, #ARGV do
  if release(ARGV[i], holder) then offline = offline + 1 end
end

-- What a node says it holds and what stands here can differ after Redis came back from an older snapshot.
-- Then the lease is left to run out, and the node begins another.
if count ~= '' and redis.call('SCARD', held_by(holder)) ~= tonumber(count) then
  return {0, online, offline}
end
redis.call('ZADD', NODES, now + lease_ms, holder)
return {1, online, offline}

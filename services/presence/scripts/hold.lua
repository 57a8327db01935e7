-- Renew a node's lease and take in who came and who went on it.
-- ARGV: holder, '1' to begin a lease, how many users the node holds ('' unsaid), places of a user over all nodes,
-- n, n times {user, places kept, connections}, then who went.
-- Returns {known, came online, went offline, {user, places, …} of those with fewer places than connections}.
-- Cost O(named users).
local holder, begins, count = ARGV[3], ARGV[4] == '1', ARGV[5]
local places_max, came = tonumber(ARGV[6]), tonumber(ARGV[7])
local lease_end = tonumber(redis.call('ZSCORE', NODES, holder) or '0')
if lease_end <= now and not begins then return {0, 0, 0, {}} end

local online, offline, fewer = 0, 0, {}
for i = 8, 7 + 3 * came, 3 do
  local user, kept, wanted = ARGV[i], tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2])
  -- What was given is never taken back: who came first stays, also where Redis lost its count meanwhile.
  local places = math.min(wanted, math.max(kept, places_max - places_elsewhere(user, holder)))
  if hold(user, holder, places) then online = online + 1 end
  if places < wanted then
    fewer[#fewer + 1] = user
    fewer[#fewer + 1] = places
  end
end
for i = 8 + 3 * came, #ARGV do
  if release(ARGV[i], holder) then offline = offline + 1 end
end

-- What a node says it holds and what stands here can differ after Redis came back from an older snapshot.
-- Then the lease is left to run out, and the node begins another.
if count ~= '' and redis.call('SCARD', held_by(holder)) ~= tonumber(count) then
  return {0, online, offline, fewer}
end
redis.call('ZADD', NODES, now + lease_ms, holder)
return {1, online, offline, fewer}

-- Release the users of a node whose lease has run out. ARGV: the view of the caller, most users to release.
-- Returns {view, released, went offline, whether there is more}. Releases nobody where the view is another:
-- Redis was restarted, perhaps from an older snapshot, or emptied. Cost O(limit).
local seen, limit = ARGV[3], tonumber(ARGV[4])
local view = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') .. ':' .. born()
if view ~= seen or limit == 0 then return {view, 0, 0, 0} end

local holder = redis.call('ZRANGEBYSCORE', NODES, '-inf', now, 'LIMIT', 0, 1)[1]
if not holder then return {view, 0, 0, 0} end
local users = redis.call('SRANDMEMBER', held_by(holder), limit)
local offline = 0
for _, user in ipairs(users) do
  if release(user, holder) then offline = offline + 1 end
end
-- A lease that is being swept is over, also for a node that renews it now.
if redis.call('EXISTS', held_by(holder)) == 0 then
  redis.call('ZREM', NODES, holder)
else
  redis.call('ZADD', NODES, 0, holder)
end
return {view, #users, offline, 1}

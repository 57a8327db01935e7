-- Put before every script. KEYS[1] is the prefix of all keys, ARGV[1] the lease, ARGV[2] the time for which
-- a person's changes are gathered. Keys are built here, so this needs one Redis (or Sentinel), not a cluster.
-- All times are Redis's own, in milliseconds: the clocks of services and nodes do not matter.
local prefix, lease_ms, gather_ms = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2])
local NODES = prefix .. ':nodes'                 -- zset: holder (node and incarnation) -> end of its lease
local DUE = prefix .. ':due'                     -- zset: user -> when they may be announced
local EXPIRIES = prefix .. ':expiries'           -- zset: user -> when their status falls back
local BORN = prefix .. ':born'                   -- when this data began: changes when Redis loses it
local KEPT_MS = 90 * 24 * 3600 * 1000            -- the record of somebody who stays away is kept so long

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function held_by(holder) return prefix .. ':held:' .. holder end    -- set: users on that node
local function places_of(user) return prefix .. ':places:' .. user end    -- hash: holder -> connections of the user there
local function person(user) return prefix .. ':person:' .. user end       -- hash: status, what was told

local function born()
  redis.call('SET', BORN, now, 'NX')
  return tonumber(redis.call('GET', BORN))
end

local function is_online(user)
  return redis.call('EXISTS', places_of(user)) == 1
end

local function keep(user)
  if is_online(user) then
    redis.call('PERSIST', person(user))
  else
    redis.call('PEXPIRE', person(user), KEPT_MS)
  end
end

local function announce(user)
  local told_at = tonumber(redis.call('HGET', person(user), 'told_at') or '0')
  redis.call('ZADD', DUE, 'NX', math.max(now, told_at + gather_ms), user)
end

-- How many places other nodes have given to the user. An earlier incarnation of the same node is no other:
-- its connections are those that the node names now. Cost O(nodes where the user is).
local function places_elsewhere(user, holder)
  local node, sum = string.match(holder, '^[^:]*'), 0
  local places = redis.call('HGETALL', places_of(user))
  for i = 1, #places, 2 do
    if string.match(places[i], '^[^:]*') ~= node then sum = sum + tonumber(places[i + 1]) end
  end
  return sum
end

-- Both return whether that made the user come online, or go offline.
local function hold(user, holder, places)
  redis.call('SADD', held_by(holder), user)
  local was_online = is_online(user)
  redis.call('HSET', places_of(user), holder, places)
  if was_online then return false end
  redis.call('HSET', person(user), 'active_at', now)
  keep(user)
  announce(user)
  return true
end

local function release(user, holder)
  redis.call('SREM', held_by(holder), user)
  if redis.call('HDEL', places_of(user), holder) == 0 or is_online(user) then return false end
  redis.call('HSET', person(user), 'active_at', now)
  keep(user)
  announce(user)
  return true
end

local function row(user)
  local kept = redis.call('HMGET', person(user), 'status', 'text', 'expires_at', 'active_at', 'told')
  return {
    user, is_online(user) and '1' or '', kept[1] or '', kept[2] or '', kept[3] or '', kept[4] or '',
    kept[5] or '',
  }
end

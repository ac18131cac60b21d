-- Begins a new incarnation of a node, and fences its earlier ones: their renewals are refused from now on.
--
-- An earlier one is buried when its lease would have ended, not at once: its people may still come back.
--
-- KEYS  meta, nodes, dead, about
-- ARGV  node, lease (ms)
-- Returns "node#epoch".
local meta, nodes, dead, about = unpack(KEYS)
local node, lease = unpack(ARGV)
local now = clock()

redis.call('HSETNX', meta, 'schema', 2)
for _, other in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
  if string.sub(other, 1, #node + 1) == node .. '#' then
    redis.call('ZADD', dead, 'NX', redis.call('ZSCORE', nodes, other), other)
    redis.call('ZREM', nodes, other)
  end
end
local incarnation = node .. '#' .. redis.call('HINCRBY', meta, 'epoch', 1)
redis.call('ZADD', nodes, now + lease, incarnation)
redis.call('HSET', about, 'since:' .. incarnation, string.format('%.0f', now))
beat(meta, now, lease)
return incarnation

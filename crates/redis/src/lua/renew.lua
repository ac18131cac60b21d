-- Prolongs a node's lease by Redis's own clock, unless the incarnation has been fenced, buried or lost with Redis's data.
-- A lease that has ended but has not been noticed by anyone is as good as new.
--
-- KEYS  meta, nodes
-- ARGV  incarnation, lease (ms)
-- Returns 1, or 0: register again.
local meta, nodes = unpack(KEYS)
local incarnation, lease = unpack(ARGV)
if not redis.call('ZSCORE', nodes, incarnation) then
  return 0
end
local now = clock()
redis.call('ZADD', nodes, now + lease, incarnation)
beat(meta, now, lease)
return 1

-- Prolongs a node's lease by Redis's own clock, unless the incarnation has been fenced, buried or lost with Redis's data.
-- A lease that has ended but has not been noticed by anyone is as good as new.
--
-- KEYS  meta, nodes, about
-- ARGV  incarnation, lease (ms), people on the node, or "" where that is told elsewhere
-- Returns 1, or 0: register again.
local meta, nodes, about = unpack(KEYS)
local incarnation, lease, people = unpack(ARGV)
if not redis.call('ZSCORE', nodes, incarnation) then
  return 0
end
local now = clock()
redis.call('ZADD', nodes, now + lease, incarnation)
if people ~= '' then
  redis.call('HSET', about, 'people:' .. incarnation, people)
end
beat(meta, now, lease)
return 1

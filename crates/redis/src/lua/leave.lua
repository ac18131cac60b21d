-- A node's last session of someone leaves a room. The set's removal gates it: said twice, or after the node has been
-- buried, it changes nothing.
--
-- With a grace the news waits in Redis from its first second, so that the node's own end changes nothing about it.
--
-- KEYS  grace, room, the incarnation's pairs, channel
-- ARGV  pair, user, origin, grace (ms)
-- Returns { "last", version } or { "silent" }.
local grace, room, held, channel = unpack(KEYS)
local pair, user, origin, wait = unpack(ARGV)
if redis.call('SREM', held, pair) == 0 then
  return { 'silent' }
end
local record = redis.call('HGET', room, 'u' .. user)
if not record then
  return { 'silent' }
end
local count, rest = holders(record)
if count > 1 then
  redis.call('HSET', room, 'u' .. user, (count - 1) .. ':' .. rest)
  return { 'silent' }
end
local now, micros = clock()
if tonumber(wait) > 0 then
  redis.call('HSET', room, 'u' .. user, '0:' .. rest)
  redis.call('ZADD', grace, now + wait, pair)
  return { 'silent' }
end
return { 'last', depart(room, channel, user, rest, origin, now, micros) }

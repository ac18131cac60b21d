-- A node's session of someone leaves a room. The pair's place among the incarnation's gates it: said twice, or after the
-- node has been buried, it changes nothing.
--
-- With a grace the news of the last one's leave waits in Redis from its first second, so that the node's own end changes
-- nothing about it.
--
-- KEYS  grace, room, the incarnation's pairs, those with more sessions, channel
-- ARGV  pair, user, origin, grace (ms), sessions that the node still has
-- Returns { "last", version } or { "silent" }.
local grace, room, held, more, channel = unpack(KEYS)
local pair, user, origin, wait, left = unpack(ARGV)
wait, left = tonumber(wait), tonumber(left)
if redis.call(left > 0 and 'SISMEMBER' or 'SREM', held, pair) == 0 then
  return { 'silent' }
end
local before = sessions(more, pair)
set_sessions(more, pair, before, left)
local someone = find(room, user)
if not someone or before == left then
  return { 'silent' }
end
someone.nodes = someone.nodes - (left == 0 and 1 or 0)
someone.devices = math.max(someone.devices + left - before, 0)
if someone.nodes > 0 or wait > 0 then
  if someone.nodes == 0 then
    redis.call('ZADD', grace, clock() + wait, pair)
  end
  keep('D', room, channel, user, someone, origin)
  return { 'silent' }
end
return { 'last', depart(room, channel, user, someone, origin) }

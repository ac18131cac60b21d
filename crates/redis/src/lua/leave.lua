-- A node's session of someone leaves a room. The pair's place among the incarnation's gates it: said twice, or after the
-- node has been buried, it changes nothing.
--
-- A session that is lost may come back within its grace. The news of a leave waits for it in Redis from the first second
-- on, whichever session is the last to go, so that neither a node's end nor another session's changes anything about it.
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
if wait > 0 then
  redis.call('ZADD', grace, clock() + wait, pair)
end
if someone.nodes > 0 or redis.call('ZSCORE', grace, pair) then
  keep('D', room, channel, user, someone, origin)
  return { 'silent' }
end
return { 'last', depart(room, channel, user, someone, origin) }

-- A node has so many sessions of someone in a room, one of which has just come: decides in one step whether they may, are
-- new, or were there.
--
-- The node must have a lease, or nobody would ever clear up after it. Someone who is in the room may come in again only
-- for the same subject. Someone whose leave is held back comes back without a word, under the name that they come with.
-- Said twice it changes nothing.
--
-- KEYS  meta, nodes, grace, room, the incarnation's pairs, those with more sessions, channel
-- ARGV  incarnation, pair, user, subject as "<bytes or -1>:<subject>", name, origin, sessions, 1 if the name replaces theirs
-- Returns { "first" or "again", version, people in the room }, { "taken" } or { "fenced" }.
local meta, nodes, grace, room, held, more, channel = unpack(KEYS)
local incarnation, pair, user, subject, called, origin, now, renames = unpack(ARGV)
now = tonumber(now)
if not redis.call('ZSCORE', nodes, incarnation) then
  return { 'fenced' }
end

local someone = find(room, user)
if someone and someone.subject ~= subject then
  return { 'taken' }
end
local before = redis.call('SADD', held, pair) == 1 and 0 or sessions(more, pair)
set_sessions(more, pair, before, now)

local arrival = 'again'
local is_renamed = someone and (renames == '1' or someone.nodes == 0) and someone.name ~= called
if not someone then
  arrival = 'first'
  local token = string.format('%.0f', redis.call('HINCRBY', meta, 'claims', 1))
  someone = { nodes = 0, devices = 0, token = token, subject = subject, name = called }
elseif before < now then
  redis.call('ZREM', grace, pair)
end
if is_renamed then
  someone.name = called
end
if before == now and arrival == 'again' and not is_renamed then
  return { arrival, redis.call('HGET', room, 'v'), redis.call('HLEN', room) - 1 }
end
someone.nodes = someone.nodes + (before == 0 and 1 or 0)
someone.devices = math.max(someone.devices + now - before, now)
local kind = (arrival == 'first' or is_renamed) and 'J' or 'D'
local version, count = keep(kind, room, channel, user, someone, origin)
if arrival == 'first' and count == 1 then
  redis.call('PERSIST', room)
end
return { arrival, version, count }

-- A node's first session of someone comes into a room: decides in one step whether they may, are the first, or were there.
--
-- The node must have a lease, or nobody would ever clear up after it. Someone who is in the room may come in again only
-- for the same subject. Someone whose leave is held back comes back without a word.
--
-- KEYS  meta, nodes, grace, room, the incarnation's pairs, channel
-- ARGV  incarnation, pair, user, subject as "<bytes or -1>:<subject>", name, origin
-- Returns { "first", version, people in the room }, { "again" }, { "taken" } or { "fenced" }.
local meta, nodes, grace, room, held, channel = unpack(KEYS)
local incarnation, pair, user, subject, called, origin = unpack(ARGV)
if not redis.call('ZSCORE', nodes, incarnation) then
  return { 'fenced' }
end

local record = redis.call('HGET', room, 'u' .. user)
if record then
  local count, rest = holders(record)
  local _, at = string.find(rest, ':', 1, true)
  if string.sub(rest, at + 1, at + #subject) ~= subject then
    return { 'taken' }
  end
  if redis.call('SADD', held, pair) == 1 then
    redis.call('HSET', room, 'u' .. user, (count + 1) .. ':' .. rest)
  end
  if count == 0 then
    redis.call('ZREM', grace, pair)
  end
  return { 'again' }
end

local now, micros = clock()
local token = redis.call('HINCRBY', meta, 'claims', 1)
redis.call('SADD', held, pair)
redis.call('HSET', room, 'u' .. user, '1:' .. token .. ':' .. subject .. called)
local version = announce('J', room, channel, user, called, origin, now, micros)
local count = redis.call('HLEN', room) - 1
if count == 1 then
  redis.call('PERSIST', room)
end
return { 'first', version, count }

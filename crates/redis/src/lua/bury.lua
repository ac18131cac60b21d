-- Clears up, a bounded piece a call: the leaves whose grace is over, then what one dead incarnation left behind.
--
-- Any number of nodes may call it at once: each pair is popped once, and its leave is said in the same step. A person whom
-- another node holds too stays. While an amnesty lasts, or before the first renewal that would begin one, nobody new is
-- declared dead and no grace ends: this call may have been waiting in a Redis that stood still.
--
-- KEYS  meta, nodes, dead, grace
-- ARGV  the partition's prefix (all its keys are in one slot), lease (ms), pairs a call, an incarnation that gives itself
--       up or ""
-- Returns { incarnation or "", people whose leave was said, 1 if there is more to do, 0 if the incarnation is not done yet,
-- 1 if it is and its node goes on in another one, 2 if its node is gone }.
local meta, nodes, dead, grace = unpack(KEYS)
local prefix, lease, limit, resigning = unpack(ARGV)
local now, micros = clock()
local calm = not was_away(meta, now, lease) and now >= tonumber(redis.call('HGET', meta, 'amnesty') or 0)
local left = 0

-- One node fewer holds the pair; the last one's going is a leave.
local function release(pair, graced)
  local cut = string.find(pair, '\n', 1, true)
  local place, user = string.sub(pair, 1, cut - 1), string.sub(pair, cut + 1)
  local room = prefix .. 'r:' .. place
  local record = redis.call('HGET', room, 'u' .. user)
  if not record then
    return
  end
  local count, rest = holders(record)
  if count > 1 then
    redis.call('HSET', room, 'u' .. user, (count - 1) .. ':' .. rest)
  elseif count == (graced and 0 or 1) then
    depart(room, prefix .. 'c:' .. place, user, rest, '-', now, micros)
    left = left + 1
  end
end

local due = {}
if calm then
  due = redis.call('ZRANGEBYSCORE', grace, '-inf', now, 'LIMIT', 0, limit)
  for _, pair in ipairs(due) do
    redis.call('ZREM', grace, pair)
    release(pair, true)
  end
end
local more = #due == tonumber(limit) and 1 or 0

local gone = resigning
if gone ~= '' then
  redis.call('ZREM', nodes, gone)
  redis.call('ZADD', dead, now, gone)
else
  gone = redis.call('ZRANGEBYSCORE', dead, '-inf', now, 'LIMIT', 0, 1)[1]
  if not gone and calm then
    gone = redis.call('ZRANGEBYSCORE', nodes, '-inf', now, 'LIMIT', 0, 1)[1]
    if gone then
      redis.call('ZREM', nodes, gone)
      redis.call('ZADD', dead, now, gone)
    end
  end
end
if not gone then
  return { '', left, more, 0 }
end

local held = prefix .. 'n:' .. gone
for _, pair in ipairs(redis.call('SPOP', held, limit)) do
  release(pair, false)
end
if redis.call('EXISTS', held) == 1 then
  return { gone, left, 1, 0 }
end
redis.call('ZREM', dead, gone)
if redis.call('ZCOUNT', dead, '-inf', now) > 0 or calm and redis.call('ZCOUNT', nodes, '-inf', now) > 0 then
  more = 1
end
local node = string.match(gone, '^(.*#)')
for _, other in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do
  if string.sub(other, 1, #node) == node then
    return { gone, left, more, 1 }
  end
end
return { gone, left, more, 2 }

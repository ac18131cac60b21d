-- Clears up, a bounded piece a call: the leaves whose grace is over, then what one dead incarnation left behind.
--
-- Any number of nodes may call it at once: each pair is popped once, and its leave is said in the same step. A person whom
-- another node holds too stays. While an amnesty lasts, or before the first renewal that would begin one, nobody new is
-- declared dead and no grace ends: this call may have been waiting in a Redis that stood still.
--
-- KEYS  meta, nodes, dead, grace
-- ARGV  the partition's prefix (all its keys are in one slot), lease (ms), pairs a call, an incarnation that gives itself
--       up or ""
-- Returns { incarnation or "", its people whose leave was said, 1 if there is more to do, 0 if the incarnation is not done
-- yet, 1 if it is and its node goes on in another one, 2 if its node is gone }.
local meta, nodes, dead, grace = unpack(KEYS)
local prefix, lease, limit, resigning = unpack(ARGV)
local now = clock()
local calm = not was_away(meta, now, lease) and now >= tonumber(redis.call('HGET', meta, 'amnesty') or 0)
local left = 0

-- A pair as the room and the user that it is of.
local function apart(pair)
  local cut = string.find(pair, '\n', 1, true)
  local place, user = string.sub(pair, 1, cut - 1), string.sub(pair, cut + 1)
  return prefix .. 'r:' .. place, prefix .. 'c:' .. place, user
end

-- Nobody has come back.
local function let_go(pair)
  local room, channel, user = apart(pair)
  local someone = find(room, user)
  if someone and someone.nodes == 0 then
    depart(room, channel, user, someone, '-')
  end
end

-- One node fewer holds the pair; the last one's going is a leave, unless another session of theirs may come back.
local function release(pair, more)
  local room, channel, user = apart(pair)
  local someone, gone = find(room, user), sessions(more, pair)
  set_sessions(more, pair, gone, 0)
  if not someone or someone.nodes == 0 then
    return
  end
  someone.nodes, someone.devices = someone.nodes - 1, math.max(someone.devices - gone, 0)
  if someone.nodes > 0 or redis.call('ZSCORE', grace, pair) then
    keep('D', room, channel, user, someone, '-')
  else
    depart(room, channel, user, someone, '-')
    left = left + 1
  end
end

local due = {}
if calm then
  due = redis.call('ZRANGEBYSCORE', grace, '-inf', now, 'LIMIT', 0, limit)
  for _, pair in ipairs(due) do
    redis.call('ZREM', grace, pair)
    let_go(pair)
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
  release(pair, prefix .. 'x:' .. gone)
end
if redis.call('EXISTS', held) == 1 then
  return { gone, left, 1, 0 }
end
redis.call('ZREM', dead, gone)
redis.call('DEL', prefix .. 'x:' .. gone)
redis.call('HDEL', prefix .. 'about', 'since:' .. gone, 'people:' .. gone)
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

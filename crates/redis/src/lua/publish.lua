-- Says something to a room, once: takes the next position, appends to the log, and tells every subscribed node.
--
-- One step, so that the order of the log is the order that is heard, and what is heard is in the log. A retry under a
-- known key returns the first one's position and says nothing.
--
-- KEYS  meta, stream, history, reactions, idempotency key, channel
-- ARGV  run id, how long the log is kept without use (ms), messages in the history, age of both (ms),
--       how long the key is remembered (ms), origin and body
-- Returns { "epoch:offset:milliseconds", 1 if it had been said before }.
local meta, stream, history, reactions, known, channel = unpack(KEYS)
local run, keep, length, age, remember, body = unpack(ARGV)
length = tonumber(length)

local said = redis.call('GET', known)
if said then
  return { said, 1 }
end

local epoch, _, _, at = open(meta, stream, history, reactions, run, keep)
local offset = redis.call('HINCRBY', meta, 'offset', 1)
local place = epoch .. ':' .. offset .. ':' .. at
local frame = '1S' .. place .. ':' .. body

redis.call('XADD', stream, 'MAXLEN', '~', length, offset .. '-0', 'd', frame)
redis.call('HSET', history, offset, frame)
-- The history is trimmed by messages, not by positions, and some positions are no message of their own. A tenth more
-- may be there, so that this loop runs now and then instead of every time.
local surplus = redis.call('HLEN', history) - length
if surplus > length / 10 then
  local low = tonumber(redis.call('HGET', meta, 'low'))
  for block in blocks(history, low, offset - 1, 1, surplus) do
    for _, at in ipairs(block) do
      if surplus > 0 then
        surplus, low = surplus - redis.call('HDEL', history, at), tonumber(at) + 1
        redis.call('HDEL', reactions, at)
      end
    end
    if surplus <= 0 then
      break
    end
  end
  redis.call('HSET', meta, 'low', string.format('%.0f', low))
end

redis.call('PEXPIRE', meta, keep)
redis.call('PEXPIRE', stream, age)
redis.call('PEXPIRE', history, age)
redis.call('PEXPIRE', reactions, age)
redis.call('SET', known, place, 'PX', remember)
redis.call(say, channel, frame)
return { place, 0 }

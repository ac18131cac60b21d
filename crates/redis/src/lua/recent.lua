-- Reads the end of a room's history, and the log's top in the same step: what comes after that top is new.
--
-- It makes the log where there is none, so that an empty room has a position too and its first message is the next one.
--
-- KEYS  meta, stream, history, reactions
-- ARGV  run id, how long the log is kept without use (ms), how many messages
-- Returns { epoch, offset, { the newest message, the one before, ... } }.
local meta, stream, history, reactions = unpack(KEYS)
local run, keep, limit = unpack(ARGV)
limit = tonumber(limit)

local epoch, offset = open(meta, stream, history, reactions, run, keep)
if limit == 0 then
  return { epoch, offset, {} }
end
local low = tonumber(redis.call('HGET', meta, 'low') or 1)
local frames = {}
for block in blocks(history, offset, low, -1, math.min(limit, 1000)) do
  for _, frame in ipairs(redis.call('HMGET', history, unpack(block))) do
    if frame and #frames < limit then
      frames[#frames + 1] = frame
    end
  end
  if #frames >= limit then
    break
  end
end
return { epoch, offset, frames }

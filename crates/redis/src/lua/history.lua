-- Reads a page of a room's history: the messages next to a position, as they are now.
--
-- A position of an earlier epoch is good as long as its message is there: the count of positions went on.
--
-- KEYS  meta, stream, history, reactions
-- ARGV  run id, how long the log is kept without use (ms), "end", "before" or "after", epoch and offset of the position,
--       how many messages, and how many bytes of them, about: at least one is read
-- Returns { 1 if there is such a position, 1 if there are more messages on that side, { nearest, next, ... } }.
local meta, stream, history, reactions = unpack(KEYS)
local run, keep, side, at_epoch, at, limit, bytes = unpack(ARGV)
limit, bytes = tonumber(limit), tonumber(bytes)

local epoch, top = open(meta, stream, history, reactions, run, keep)
local low = tonumber(redis.call('HGET', meta, 'low') or 1)
local seq, step, last = top, -1, low
if side ~= 'end' then
  seq = tonumber(at)
  local is_there = at_epoch == epoch and seq <= top
  local frame = not is_there and redis.call('HGET', history, at)
  if not is_there and not (frame and string.match(frame, '^1S(%d+):') == at_epoch) then
    return { 0, 0, {} }
  end
  if side == 'after' then
    step, last = 1, top
  end
  seq = seq + step
  -- What is trimmed need not be walked through.
  seq = step == 1 and math.max(seq, low) or seq
end

local frames, more = {}, 0
for block in blocks(history, seq, last, step, 64) do
  for _, frame in ipairs(redis.call('HMGET', history, unpack(block))) do
    if frame and (limit == 0 or bytes <= 0) then
      more = 1
      break
    elseif frame then
      frames[#frames + 1] = frame
      limit, bytes = limit - 1, bytes - #frame
    end
  end
  if more == 1 then
    break
  end
end
return { 1, more, frames }

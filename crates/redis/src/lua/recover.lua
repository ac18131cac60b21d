-- Reads a room's log on from a position, oldest first.
--
-- From a position of an earlier epoch it is read on too, at the latest from where the log's own epoch begins: each entry
-- names its epoch, and what an earlier one has left is the beginning of what it was. Whether the answer begins where it
-- was asked to is for the caller to see: positions are contiguous.
--
-- KEYS  meta, stream, history, reactions
-- ARGV  run id, how long the log is kept without use (ms), epoch and offset to read on from, how many entries, and how many bytes of
--       them, about: at least one is read
-- Returns { epoch, offset, first offset of the epoch, { frame, ... } }.
local meta, stream, history, reactions = unpack(KEYS)
local run, keep, since_epoch, since, limit, bytes = unpack(ARGV)
limit, bytes = tonumber(limit), tonumber(bytes)

local epoch, offset, first = open(meta, stream, history, reactions, run, keep)
local from = tonumber(since) + 1
if since_epoch ~= epoch then
  from = math.min(from, first)
end
local frames = {}
while from <= offset and limit > 0 and bytes > 0 do
  local block = redis.call('XRANGE', stream, string.format('%.0f-0', from), '+', 'COUNT', math.min(limit, 16))
  if #block == 0 then
    break
  end
  for _, entry in ipairs(block) do
    if bytes > 0 then
      frames[#frames + 1] = entry[2][2]
      bytes = bytes - #entry[2][2]
    end
  end
  limit = limit - #block
  from = tonumber(string.match(block[#block][1], '^%d+')) + 1
end
return { epoch, offset, first, frames }

-- Reads a room's log on from a position, oldest first.
--
-- A position of another epoch cannot be read on from: then the log is read from where its own epoch begins. Whether the
-- answer is the whole suffix is for the caller to see (positions are contiguous); `whole` saves reading what could not be.
--
-- KEYS  meta, stream, history
-- ARGV  run id, how long the log is kept without use (ms), epoch and offset to read on from, how many, "1" for whole or nothing
-- Returns { epoch, offset, first offset of the epoch, { frame, ... } }.
local meta, stream, history = unpack(KEYS)
local run, keep, since_epoch, since, limit, whole = unpack(ARGV)
limit = tonumber(limit)

local epoch, offset, first = open(meta, stream, history, run, keep)
local from = first
if since_epoch == epoch then
  from = math.max(first, tonumber(since) + 1)
end
local missing = offset - from + 1
if missing <= 0 or limit == 0 or (whole == '1' and (since_epoch ~= epoch or missing > limit)) then
  return { epoch, offset, first, {} }
end
local frames = {}
for _, entry in ipairs(redis.call('XRANGE', stream, string.format('%.0f-0', from), '+', 'COUNT', limit)) do
  frames[#frames + 1] = entry[2][2]
end
return { epoch, offset, first, frames }

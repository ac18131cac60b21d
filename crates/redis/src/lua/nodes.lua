-- The incarnations that nobody has buried yet, as they are at this moment.
--
-- KEYS  nodes, about
-- Returns for each { incarnation, milliseconds that its lease still lasts or 0, milliseconds since it began }.
local nodes, about = unpack(KEYS)
local now = clock()
local all, leases = {}, redis.call('ZRANGE', nodes, 0, -1, 'WITHSCORES')
for at = 1, #leases, 2 do
  local incarnation, ends = leases[at], tonumber(leases[at + 1])
  local since = tonumber(redis.call('HGET', about, 'since:' .. incarnation) or now)
  all[#all + 1] = { incarnation, math.max(ends - now, 0), math.max(now - since, 0) }
end
return all

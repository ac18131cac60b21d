-- The incarnations that nobody has buried yet, as they are at this moment.
--
-- KEYS  nodes, about
-- Returns for each { incarnation, milliseconds that its lease still lasts or 0, milliseconds since it began, its people when
-- it was renewed last }.
local nodes, about = unpack(KEYS)
local now = clock()
local all, leases = {}, redis.call('ZRANGE', nodes, 0, -1, 'WITHSCORES')
for at = 1, #leases, 2 do
  local incarnation, ends = leases[at], tonumber(leases[at + 1])
  local told = redis.call('HMGET', about, 'since:' .. incarnation, 'people:' .. incarnation)
  local since, people = tonumber(told[1] or now), tonumber(told[2] or 0)
  all[#all + 1] = { incarnation, math.max(ends - now, 0), math.max(now - since, 0), people }
end
return all

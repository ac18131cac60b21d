-- Redis's clock: the milliseconds as a number, the microseconds as text (joined to a string, a number that large would
-- become 1.7e+15).
local function clock()
  local time = redis.call('TIME')
  local micros = string.format('%06d', time[2])
  return tonumber(time[1] .. string.sub(micros, 1, 3)), time[1] .. micros
end

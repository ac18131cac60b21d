-- The version of a room that nobody is in, made where there is none: a reader whose copy is older must see that this is
-- newer, for the room may have been lost with all of Redis.
--
-- KEYS  room
-- Returns the version.
local _, micros = clock()
if redis.call('HSETNX', KEYS[1], 'v', micros) == 1 then
  redis.call('PEXPIRE', KEYS[1], 3600000)
end
return redis.call('HGET', KEYS[1], 'v')

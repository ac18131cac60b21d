-- A room that nobody was in, with a version, made where there is none: a reader whose copy is older must see that this is
-- newer, for the room may have been lost with all of Redis. Whoever has come since is read in the same step.
--
-- KEYS  room
-- Returns all of it, as HGETALL does.
local _, micros = clock()
if redis.call('HSETNX', KEYS[1], 'v', micros) == 1 then
  redis.call('PEXPIRE', KEYS[1], 3600000)
end
return redis.call('HGETALL', KEYS[1])

-- What the presence scripts share: records of people, a room's version, and how a change is announced.
--
-- A room is a hash: `v` is its version, `u<user>` is someone, as "<nodes that hold them>:<claim token>:<bytes of the
-- subject, or -1>:<subject><name>". A pair is "<room>\n<user>": a room's name has no control characters.

-- Splits a record into the number of nodes and the rest, which never changes.
local function holders(record)
  local count, rest = string.match(record, '^(%d+):(.*)$')
  return tonumber(count), rest
end

local function name(rest)
  local length, at = string.match(rest, '^%d+:(%-?%d+):()')
  return string.sub(rest, at + math.max(tonumber(length), 0))
end

-- Raises the room's version, which every change does, and tells the subscribed nodes. The first version is the clock in
-- microseconds, so that a room that was forgotten or lost never counts backwards.
local function announce(kind, room, channel, user, called, origin, now, micros)
  redis.call('HSETNX', room, 'v', micros)
  local version = string.format('%.0f', redis.call('HINCRBY', room, 'v', 1))
  local head = '1' .. kind .. version .. ':' .. string.format('%.0f', now) .. ':' .. origin .. ':'
  redis.call(say, channel, head .. #user .. ':' .. user .. called)
  return version
end

-- Someone's last place in a room is gone: takes them out and says so. An empty room keeps its version for an hour.
local function depart(room, channel, user, rest, origin, now, micros)
  redis.call('HDEL', room, 'u' .. user)
  local version = announce('L', room, channel, user, name(rest), origin, now, micros)
  if redis.call('HLEN', room) == 1 then
    redis.call('PEXPIRE', room, 3600000)
  end
  return version
end

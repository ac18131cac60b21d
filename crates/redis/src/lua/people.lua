-- What the presence scripts share: records of people, a room's version, and how a change is announced.
--
-- A room is a hash: `v` is its version, `u<user>` is someone, as "<nodes that hold them>:<their sessions over all nodes>:
-- <claim token>:<bytes of the subject, or -1>:<subject><name>". A pair is "<room>\n<user>": a room's name has no control
-- characters. An incarnation has a set of the pairs that it holds, and a hash of those that it holds with more sessions
-- than one. Someone whose record nobody understands is not there: an error would leave what a script has begun half done.
local function parse(record)
  local nodes, devices, token, length, rest = string.match(record, '^(%d+):(%d+):(%d+):(%-?%d+):(.*)$')
  if not nodes then
    return nil
  end
  local cut = math.max(tonumber(length), 0)
  return {
    nodes = tonumber(nodes),
    devices = tonumber(devices),
    token = token,
    subject = length .. ':' .. string.sub(rest, 1, cut),
    name = string.sub(rest, cut + 1),
  }
end

local function find(room, user)
  local record = redis.call('HGET', room, 'u' .. user)
  return record and parse(record)
end

-- Raises the room's version, which every change does, and tells the subscribed nodes, with the number of people in it. The first version is the clock in
-- microseconds, so that a room that was forgotten or lost never counts backwards.
local function announce(kind, room, channel, user, someone, origin)
  local now, micros = clock()
  redis.call('HSETNX', room, 'v', micros)
  local version = string.format('%.0f', redis.call('HINCRBY', room, 'v', 1))
  local count = redis.call('HLEN', room) - 1
  local head = '1' .. kind .. version .. ':' .. string.format('%.0f', now) .. ':' .. count .. ':' .. origin .. ':'
  redis.call(say, channel, head .. someone.devices .. ':' .. #user .. ':' .. user .. someone.name)
  return version, count
end

-- Someone is here, as this record says: "J", they came or have another name, or "D", another number of devices.
local function keep(kind, room, channel, user, someone, origin)
  local rest = someone.token .. ':' .. someone.subject .. someone.name
  redis.call('HSET', room, 'u' .. user, someone.nodes .. ':' .. someone.devices .. ':' .. rest)
  return announce(kind, room, channel, user, someone, origin)
end

-- Someone's last place in a room is gone. An empty room keeps its version for an hour.
local function depart(room, channel, user, someone, origin)
  redis.call('HDEL', room, 'u' .. user)
  local version, count = announce('L', room, channel, user, someone, origin)
  if count == 0 then
    redis.call('PEXPIRE', room, 3600000)
  end
  return version
end

-- How many sessions an incarnation has of a pair that it holds.
local function sessions(more, pair)
  return tonumber(redis.call('HGET', more, pair) or 1)
end

local function set_sessions(more, pair, before, now)
  if now > 1 then
    redis.call('HSET', more, pair, now)
  elseif before > 1 then
    redis.call('HDEL', more, pair)
  end
end

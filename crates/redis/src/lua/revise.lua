-- Changes a message, once: as it is kept in the history, and by an entry in the log that every subscribed node hears.
--
-- One step, so that whether it may be changed, how it is then, and what everyone hears of it are the same. In memory
-- reactions.rs does the same. The history keeps a message's JSON with what has become of it: "m" when it was edited,
-- "d" that it was deleted, "e" how many reacted with what. Who reacted is kept beside it, as emoji -> users.
--
-- KEYS  meta, stream, history, reactions, idempotency key, channel
-- ARGV  run id, how long the log is kept without use (ms), entries in the log, age of both (ms), how long the key is
--       remembered (ms), most reactions of a message, epoch and offset of the message, user, what to do, the text or the
--       emoji, origin and body
-- Returns { "epoch:offset:milliseconds", 1 if it had been done before }, { "unchanged", "epoch:offset:.." },
--         { "not_found" }, { "forbidden" } or { "full" }.
local meta, stream, history, reactions, known, channel = unpack(KEYS)
local run, keep, length, age, remember, most, target_epoch, target, user, op, value, body = unpack(ARGV)

local said = redis.call('GET', known)
if said then
  return { said, 1 }
end

local epoch, offset, _, at = open(meta, stream, history, reactions, run, keep)
local frame = redis.call('HGET', history, target) or ''
local head, its_epoch, json = string.match(frame, '^(1S(%d+):%d+:%d+:[^:]*:)(.*)$')
if its_epoch ~= target_epoch then
  return { 'not_found' }
end
local message, count = cjson.decode(json), 0
if message.d then
  return { 'not_found' }
elseif (op == 'edit' or op == 'delete') and message.u ~= user then
  return { 'forbidden' }
end

if op == 'edit' then
  message.t, message.m = value, tonumber(at)
elseif op == 'delete' then
  message = { n = message.n, u = message.u, t = '', d = 1 }
  redis.call('HDEL', reactions, target)
else
  local who, all = cjson.decode(redis.call('HGET', reactions, target) or '{}'), 0
  for _, users in pairs(who) do
    for _ in pairs(users) do
      all = all + 1
    end
  end
  local users = who[value] or {}
  if (op == 'react') == (users[user] ~= nil) then
    return { 'unchanged', epoch .. ':' .. offset .. ':' .. at }
  elseif op == 'react' and all >= tonumber(most) then
    return { 'full' }
  end
  users[user] = op == 'react' and 1 or nil
  for _ in pairs(users) do
    count = count + 1
  end
  who[value] = count > 0 and users or nil
  message.e = message.e or {}
  message.e[value] = count > 0 and count or nil
  if next(message.e) == nil then
    message.e = nil
  end
  redis.call('HSET', reactions, target, cjson.encode(who))
end

redis.call('HSET', history, target, head .. cjson.encode(message))
offset = redis.call('HINCRBY', meta, 'offset', 1)
local place = epoch .. ':' .. offset .. ':' .. at
local entry = '1U' .. place .. ':' .. count .. ':' .. body
redis.call('XADD', stream, 'MAXLEN', '~', length, offset .. '-0', 'd', entry)
redis.call('PEXPIRE', meta, keep)
redis.call('PEXPIRE', stream, age)
redis.call('PEXPIRE', history, age)
redis.call('PEXPIRE', reactions, age)
redis.call('SET', known, place, 'PX', remember)
redis.call(say, channel, entry)
return { place, 0 }

-- Every renewal and registration leaves its time. If nobody came for half a lease, Redis was away and not the nodes: for
-- one lease no node is buried ("amnesty"), so that they can renew first.
local function was_away(meta, now, lease)
  local last = redis.call('HGET', meta, 'beat')
  return last and now - tonumber(last) > tonumber(lease) / 2
end

local function beat(meta, now, lease)
  if was_away(meta, now, lease) then
    redis.call('HSET', meta, 'amnesty', string.format('%.0f', now + lease))
  end
  redis.call('HSET', meta, 'beat', string.format('%.0f', now))
end

-- Opens a room's log. Every script that reads or writes one begins with this.
--
-- A log is known by its epoch. A new one begins where the log may have lost its end and nobody could tell: there is no
-- log (never written, expired, or lost with all of Redis), or another Redis process had it last (restart, failover:
-- `run` is that process's own id). The stream, the history and the count of positions then go on, and `first` says
-- where the new epoch begins, so that what is said in it can still be read as a whole.
--
-- Epochs are Redis's clock in microseconds and never fall. They are handled as text: a Lua number that large
-- becomes 1.7e+15 where it is joined to a string.
local function open(meta, stream, history, reactions, run, keep)
  local time = redis.call('TIME')
  local micros = string.format('%06d', time[2])
  local at = time[1] .. string.sub(micros, 1, 3)
  local log = redis.call('HMGET', meta, 'epoch', 'offset', 'first', 'run')
  if log[4] == run then
    return log[1], tonumber(log[2]), tonumber(log[3]), at
  end
  local epoch, offset = time[1] .. micros, tonumber(log[2] or 0)
  if log[1] and tonumber(log[1]) >= tonumber(epoch) then
    epoch = string.format('%.0f', tonumber(log[1]) + 1)
  end
  if not log[1] then
    -- Positions start again at 1, which a stream with higher ids would refuse.
    redis.call('UNLINK', stream, history, reactions)
    redis.call('HSET', meta, 'low', 1)
  end
  redis.call('HSET', meta, 'epoch', epoch, 'offset', offset, 'first', offset + 1, 'run', run)
  -- A log that nobody has written to is soon forgotten, unless someone listens to it.
  redis.call('PEXPIRE', meta, offset == 0 and math.min(keep, 3600000) or keep)
  return epoch, offset, offset + 1, at
end

-- Goes through the positions from one to another that may have a message, in blocks of `size`.
--
-- Changes take positions too, and there may be any number of them between two messages. After a thousand positions those
-- that have a message are looked for instead, for Redis does nothing else meanwhile.
local function blocks(history, from, last, step, size)
  local walked, rest, taken = 0, nil, 0
  local function sparse()
    rest = {}
    for _, place in ipairs(redis.call('HKEYS', history)) do
      local at = tonumber(place)
      if at and (at - from) * step >= 0 and (last - at) * step >= 0 then
        rest[#rest + 1] = at
      end
    end
    table.sort(rest, function(one, other) return (one - other) * step < 0 end)
  end
  return function()
    local block = {}
    if walked < 1000 then
      while #block < size and (last - from) * step >= 0 do
        block[#block + 1] = string.format('%.0f', from)
        from, walked = from + step, walked + 1
      end
    else
      if not rest then
        sparse()
      end
      while #block < size and taken < #rest do
        taken = taken + 1
        block[#block + 1] = string.format('%.0f', rest[taken])
      end
    end
    return #block > 0 and block or nil
  end
end

-- For who keeps what hangs on parts. KEYS[1] is the state, KEYS[2] the epochs: for each part that was touched the
-- number of the last message that touched it. Their stamp is the era and the scheme by which parts are numbered; what was
-- read before the message of their floor is unknown. Without them nothing is trusted, and nothing needs to be noted.

-- The most parts that are noted for one message, so that Redis has time for others.
local most = 8192

-- Calls `each` with the numbers in `parts`, four bytes each and the highest first, up to 1,000 at once.
local function in_chunks(parts, each)
  for from = 1, #parts - 3, 4000 do
    local numbers = {}
    for place = from, math.min(from + 3999, #parts - 3), 4 do
      numbers[#numbers + 1] = text((struct.unpack('>I4', parts, place)))
    end
    each(numbers, (from - 1) / 4)
  end
end

local function has_epochs(stamp)
  return redis.pcall('HGET', KEYS[2], 'stamp') == stamp
end

-- Notes from now on, if that is not done yet.
local function note_epochs(stamp, stays)
  if not has_epochs(stamp) then
    redis.call('DEL', KEYS[2])
    local floor = redis.call('HGET', KEYS[1], 'msg') or '0'
    redis.call('HSET', KEYS[2], 'stamp', stamp, 'floor', floor)
  end
  redis.call('PEXPIRE', KEYS[2], stays)
end

-- Notes that the message `number` touched `parts`.
local function touch(stamp, number, parts)
  if not has_epochs(stamp) then
    redis.call('DEL', KEYS[2])
  elseif #parts > 4 * most then
    redis.call('HSET', KEYS[2], 'floor', text(number))
  else
    in_chunks(parts, function(numbers)
      local fields = {}
      for _, part in ipairs(numbers) do
        fields[#fields + 1] = part
        fields[#fields + 1] = text(number)
      end
      redis.call('HSET', KEYS[2], unpack(fields))
    end)
  end
end

-- The places of the parts that a message above `number` touched, counted from 0; nothing where that is unknown.
local function touched_since(stamp, number, parts)
  local last = tonumber(redis.call('HGET', KEYS[1], 'msg') or '0')
  local head = redis.pcall('HMGET', KEYS[2], 'stamp', 'floor')
  if head[1] ~= stamp or number < (tonumber(head[2]) or number + 1) or number > last then
    return nil
  end
  local touched = {}
  in_chunks(parts, function(numbers, before)
    for place, epoch in ipairs(redis.call('HMGET', KEYS[2], unpack(numbers))) do
      if epoch and (tonumber(epoch) or number + 1) > number then
        touched[#touched + 1] = before + place - 1
      end
    end
  end)
  return touched
end

-- An answer begins with: 'jva', a format, the number of the last message that was known before it was computed, its time to
-- live and its age when it was kept in milliseconds, how many parts it has, and the parts.
local function is_answer(answer)
  if type(answer) ~= 'string' or #answer < 32 or string.sub(answer, 1, 4) ~= 'jva\1' then
    return false
  end
  return 32 + 4 * struct.unpack('>I4', answer, 29) <= #answer
end

-- Whether no part of an answer was touched since.
local function is_true(stamp, answer)
  local high, low = struct.unpack('>I4I4', answer, 5)
  local parts = string.sub(answer, 33, 32 + 4 * struct.unpack('>I4', answer, 29))
  local touched = touched_since(stamp, high * 4294967296 + low, parts)
  return touched and #touched == 0
end

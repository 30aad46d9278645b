-- Begins every script. KEYS[1] is the state of the namespace: era, run, seq, msg.

local function text(number)
  return string.format('%.0f', number)
end

local function bytes(number)
  return struct.pack('>I4I4', math.floor(number / 4294967296), number % 4294967296)
end

-- Compares eight bytes each, the highest first. The halves are exact where a whole one is not.
local function older(a, b)
  local a_high, a_low = struct.unpack('>I4I4', a)
  local b_high, b_low = struct.unpack('>I4I4', b)
  return a_high < b_high or (a_high == b_high and a_low < b_low)
end

-- Above everything that this server or the caller knows of. The time makes it one that was never
-- used, also when the state was lost.
local function new_era(known)
  local time = redis.call('TIME')
  local stored = tonumber(redis.call('HGET', KEYS[1], 'era')) or 0
  local era = math.max(stored + 1, known + 1, time[1] * 1000000 + time[2])
  redis.call('HSET', KEYS[1], 'era', text(era))
  return text(era)
end

local function current_era()
  return redis.call('HGET', KEYS[1], 'era') or new_era(0)
end

-- The version of a value, or nothing of one that is not ours.
local function version_of(key)
  local head = redis.pcall('GETRANGE', key, 0, 27)
  if type(head) == 'string' and #head == 28 and string.sub(head, 1, 4) == 'jvc\1' then
    return string.sub(head, 9, 16)
  end
end

-- A tombstone is the version below which values are refused, and the place in the order of removals
-- that a mark must have seen.
local function tombstone_of(key)
  local found = redis.pcall('GET', key)
  if type(found) == 'string' and #found > 8 then
    return string.sub(found, 1, 8), tonumber(string.sub(found, 9)) or 0
  end
end

-- Forgets values, and tells all processes, in one step.
-- KEYS: state, epochs.
-- ARGV: prefix of keys, milliseconds a tombstone stays, process, channel or nothing, payload, scheme or 0 and the parts
--       that the message is about, how many keys are forgotten, for each its key and version, then each key that is removed.

local prefix, stays, channel = ARGV[1], ARGV[2], ARGV[4]
local last_forgotten = 8 + 2 * tonumber(ARGV[8])
local era = current_era()
local values, tombstones = prefix .. 'v' .. era .. ':', prefix .. 't' .. era .. ':'

for place = 9, last_forgotten, 2 do
  local key, version = ARGV[place], ARGV[place + 1]
  local below, seq = tombstone_of(tombstones .. key)
  local fence = version
  if below and older(version, below) then
    fence = below
  end
  redis.call('SET', tombstones .. key, fence .. text(seq or 0), 'PX', stays)
  local kept = version_of(values .. key)
  if not kept or older(kept, version) then
    redis.call('DEL', values .. key)
  end
end

local seq = redis.call('HGET', KEYS[1], 'seq') or '0'
if last_forgotten < #ARGV then
  seq = text(redis.call('HINCRBY', KEYS[1], 'seq', 1))
  for place = last_forgotten + 1, #ARGV do
    local key = ARGV[place]
    redis.call('SET', tombstones .. key, string.rep('\0', 8) .. seq, 'PX', stays)
    redis.call('DEL', values .. key)
  end
end

local msg = redis.call('HGET', KEYS[1], 'msg') or '0'
if channel ~= '' then
  local number = redis.call('HINCRBY', KEYS[1], 'msg', 1)
  msg = text(number)
  if ARGV[6] ~= '0' then
    touch(era .. ':' .. ARGV[6], number, ARGV[7])
  end
  redis.call('PUBLISH', channel, ARGV[3] .. bytes(number) .. bytes(tonumber(era)) .. ARGV[5])
end
return {era, seq, msg}

-- Keeps values that nothing newer, and nothing forgotten, forbids.
-- KEYS: state.
-- ARGV: prefix of keys, era and seq of the mark, then for each value its key, envelope and milliseconds.
-- Returns the places of the refused values, counted from 0.

local prefix, era, seen = ARGV[1], ARGV[2], tonumber(ARGV[3])
local valid = redis.call('HGET', KEYS[1], 'era') == era
local values, tombstones = prefix .. 'v' .. era .. ':', prefix .. 't' .. era .. ':'
local refused = {}

for place = 4, #ARGV, 3 do
  local key, envelope, stays = ARGV[place], ARGV[place + 1], ARGV[place + 2]
  local version = string.sub(envelope, 9, 16)
  local below, seq = tombstone_of(tombstones .. key)
  local kept = version_of(values .. key)
  if not valid
    or (below and (older(version, below) or seq > seen))
    or (kept and older(version, kept)) then
    refused[#refused + 1] = (place - 4) / 3
  else
    redis.call('SET', values .. key, envelope, 'PX', stays)
  end
end
return refused

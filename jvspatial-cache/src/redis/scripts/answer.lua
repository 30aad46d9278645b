-- Keeps an answer that is true, and ends the lease under which it was computed.
-- KEYS: state, epochs.
-- ARGV: prefix of keys, era and seq of the mark, scheme, key, answer, its milliseconds, those of the epochs, token of the lease
--       or nothing.
-- Returns whether it was kept.

local prefix, era, key, answer = ARGV[1], ARGV[2], ARGV[5], ARGV[6]
local kept = 0
if redis.call('HGET', KEYS[1], 'era') == era then
  local stamp = era .. ':' .. ARGV[4]
  note_epochs(stamp, ARGV[8])
  local below, seq = tombstone_of(prefix .. 't' .. era .. ':' .. key)
  if not (below and seq > tonumber(ARGV[3])) and is_true(stamp, answer) then
    redis.call('SET', prefix .. 'v' .. era .. ':' .. key, answer, 'PX', ARGV[7])
    kept = 1
  end
end
local lease = prefix .. 'l:' .. key
if ARGV[9] ~= '' and redis.call('GET', lease) == ARGV[9] then
  redis.call('DEL', lease)
end
return kept

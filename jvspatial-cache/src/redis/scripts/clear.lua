-- Begins a new era, which forgets everything.
-- KEYS: state.
-- ARGV: the era that the caller knows.

local era = new_era(tonumber(ARGV[1]))
local counts = redis.call('HMGET', KEYS[1], 'seq', 'msg')
return {era, counts[1] or '0', counts[2] or '0'}

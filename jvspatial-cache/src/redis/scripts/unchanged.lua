-- Which parts were touched since.
-- KEYS: state, epochs.
-- ARGV: era, scheme, number of the last message that the caller knows, parts, milliseconds of the epochs.
-- Returns their places, counted from 0, or -1 where that is unknown.

local stamp = ARGV[1] .. ':' .. ARGV[2]
if redis.call('HGET', KEYS[1], 'era') ~= ARGV[1] then
  return {-1}
end
note_epochs(stamp, ARGV[5])
return touched_since(stamp, tonumber(ARGV[3]), ARGV[4]) or {-1}

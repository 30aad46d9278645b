-- The answer of a key, if it is true, or else the lease of it.
-- KEYS: state, epochs.
-- ARGV: prefix of keys, era, scheme, key, token of the lease or nothing, milliseconds of the lease.
-- Returns whether something foreign stands there, and then the answer with the milliseconds that it has left, 1 if the
-- lease was taken, the token of who has it, or nothing.

local prefix, era, key, token = ARGV[1], ARGV[2], ARGV[4], ARGV[5]
if redis.call('HGET', KEYS[1], 'era') ~= era then
  return {0}
end
local value = prefix .. 'v' .. era .. ':' .. key
local answer = redis.pcall('GET', value)
local foreign = 0
if is_answer(answer) then
  if is_true(era .. ':' .. ARGV[3], answer) then
    return {0, answer, redis.call('PTTL', value)}
  end
elseif answer then
  foreign = 1
end
if token == '' then
  return {foreign}
end
local lease = prefix .. 'l:' .. key
if redis.call('SET', lease, token, 'NX', 'PX', ARGV[6]) then
  return {foreign, 1}
end
return {foreign, redis.call('GET', lease)}

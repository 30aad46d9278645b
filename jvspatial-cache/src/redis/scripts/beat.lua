-- Says that a process lives, and asks what goes on.
-- KEYS: state, living processes by when they are given up.
-- ARGV: process, milliseconds until it is given up, the era it knows, whether it had a gap.

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local known = tonumber(ARGV[3])
local state = redis.call('HMGET', KEYS[1], 'era', 'run')

-- Another run of the server may have lost or brought back anything.
local run = ''
local info = redis.pcall('INFO', 'server')
if type(info) == 'string' then
  run = string.match(info, 'run_id:(%x+)') or ''
end

-- A process that vanished may have changed things that it could not tell.
local gone = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. text(now))
-- One that is to live for longer than anybody may was told so before the clock was put back.
local ahead = redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now + 2 * tonumber(ARGV[2])), '+inf')
for _, processes in ipairs({gone, ahead}) do
  for _, process in ipairs(processes) do
    redis.call('ZREM', KEYS[2], process)
  end
end

local era = state[1]
if not era or state[2] ~= run or tonumber(era) < known or ARGV[4] == '1' or #gone + #ahead > 0 then
  era = new_era(known)
  redis.call('HSET', KEYS[1], 'run', run)
end
redis.call('ZADD', KEYS[2], text(now + tonumber(ARGV[2])), ARGV[1])
local counts = redis.call('HMGET', KEYS[1], 'seq', 'msg')
return {era, counts[1] or '0', counts[2] or '0'}

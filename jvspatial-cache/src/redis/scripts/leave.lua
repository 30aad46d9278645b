-- Says that a process ends, and has told everything.
-- KEYS: state, living processes by when they are given up.
-- ARGV: process.

return redis.call('ZREM', KEYS[2], ARGV[1])

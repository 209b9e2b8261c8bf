-- Owns the beginning of a generation of the shared cache.
-- ARGV: the state as text up to its home; horizon; channel; message.
-- The deletion comes first: once a script has written, a Redis server that is out of memory does not stop it.

redis.call('UNLINK', KEYS[1])
redis.call('ZADD', KEYS[1], '-inf', ARGV[1] .. home() .. ' ' .. ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[4])
return 1

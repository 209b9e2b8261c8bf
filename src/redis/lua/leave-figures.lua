-- Owns storing a process's figures: one HASH, each field with its expiry time. Removes expired figures of other
-- processes.
-- ARGV: name of the process; how long to keep the figures, in ms; the figures.

local nowMs = now()
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if tonumber(string.match(redis.call('HGET', KEYS[1], field), '^%d+')) <= nowMs then redis.call('HDEL', KEYS[1], field) end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', nowMs + ARGV[2]) .. ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1

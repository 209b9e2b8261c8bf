-- Owns the clock of the scripts: the Redis server's time, in milliseconds.

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

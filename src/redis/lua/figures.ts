/** Owns the scripts by which processes leave figures for each other: one HASH, each field with the end of its time. */

const NOW = `
local time = redis.call('TIME')
local nowMs = time[1] * 1000 + math.floor(time[2] / 1000)
`;

/** ARGV: name of the process; how long to keep them, in ms; the figures. Takes away what others left too long ago. */
export const LEAVE_FIGURES = `${NOW}
for _, field in ipairs(redis.call('HKEYS', KEYS[1])) do
  if tonumber(string.match(redis.call('HGET', KEYS[1], field), '^%d+')) <= nowMs then redis.call('HDEL', KEYS[1], field) end
end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f ', nowMs + ARGV[2]) .. ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
`;

export const ALL_FIGURES = `${NOW}
local figures = {}
for _, value in ipairs(redis.call('HVALS', KEYS[1])) do
  local untilMs, text = string.match(value, '^(%d+) (.*)$')
  if tonumber(untilMs) > nowMs then figures[#figures + 1] = text end
end
return figures
`;

-- Owns reading the figures that all processes have stored.

local nowMs = now()
local figures = {}
for _, value in ipairs(redis.call('HVALS', KEYS[1])) do
  local untilMs, text = string.match(value, '^(%d+) (.*)$')
  if tonumber(untilMs) > nowMs then figures[#figures + 1] = text end
end
return figures

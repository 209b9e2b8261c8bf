-- Owns looking up entries: state and entries as of the same moment, and the leases of missing entries.
-- ARGV: prefix of entries, lease in ms (0: none), maximum number of fields in a hash for taking a lease; then per key:
-- variant, number of tags, tags.
-- Returns false without a generation; else the state, then per key the entry, '' for a miss, '*' for a miss whose
-- lease another caller holds.
-- An entry is always compared with its tombstones, since those of tables do not delete entries.

local generation = readState(KEYS[1])
if not generation then return false end
local base, leaseMs, most = ARGV[1] .. generation.epoch .. ':', tonumber(ARGV[2]), tonumber(ARGV[3])
local nowMs = leaseMs > 0 and now() or 0

local function lease(hash, field)
  local untilMs = tonumber(get(hash, field) or nil)
  if untilMs and untilMs > nowMs then return '*' end
  if redis.call('HLEN', hash) >= most then return '' end
  -- If there is no memory for the lease, the next caller is not made to wait.
  local taken = redis.pcall('HSET', hash, field, string.format('%.0f', nowMs + leaseMs))
  if type(taken) == 'number' and redis.call('PTTL', hash) < leaseMs then redis.call('PEXPIRE', hash, leaseMs) end
  return ''
end

local function alive(entry, first, count, variant)
  local asOf, nonce = string.match(entry, '^(%d+) (%S+) ')
  asOf = tonumber(asOf)
  if not asOf then return false end
  for place = first, first + count - 1 do
    if tombstone(KEYS[1], ARGV[place]) > asOf then return false end
    if place > first then
      local marker = get(base .. ARGV[place], '>' .. ARGV[first] .. ' ' .. variant)
      if not marker or string.match(marker, '^%d+ (%S+) ') ~= nonce then return false end
    end
  end
  return true
end

local answer = { generation.text }
local place = 4
while place < #ARGV do
  local variant, count, first = ARGV[place], tonumber(ARGV[place + 1]), place + 2
  local hash = base .. ARGV[first]
  local entry = get(hash, '=' .. variant)
  if entry and alive(entry, first, count, variant) then
    answer[#answer + 1] = entry
  else
    answer[#answer + 1] = leaseMs > 0 and lease(hash, '*' .. variant) or ''
  end
  place = first + count
end
return answer

-- Owns filling in entries: the guard and the write of each entry are one step (R4).
-- ARGV: prefix of entries, epoch, how long expired entries are kept in ms, maximum number of markers in one hash; then
-- per item: variant, asOf, expiresAtMs, maximum number of entries under the first tag, nonce, entry, number of tags,
-- tags.
-- Returns false if the generation has ended; else one verdict per item.

local generation = readState(KEYS[1])
if not generation or generation.epoch ~= ARGV[2] then return false end
local base, staleMs, mostMarkers = ARGV[1] .. generation.epoch .. ':', tonumber(ARGV[3]), tonumber(ARGV[4])
local nowMs = now()

local function summary(hash)
  local lowest, earliest, entries, markers = string.match(get(hash, '@') or '', '^(%d+) (%d+) (%d+) (%d+)$')
  if not lowest then return { lowest = math.huge, earliest = math.huge, entries = 0, markers = 0 } end
  return { lowest = tonumber(lowest), earliest = tonumber(earliest), entries = tonumber(entries), markers = tonumber(markers) }
end

local function summaryText(sum)
  return string.format('%.0f %.0f %d %d', sum.lowest, sum.earliest, sum.entries, sum.markers)
end

-- Removes fields that have expired, or are dead by their table's tombstone. Scans the hash only if its summary shows
-- that it may contain one.
local function purge(hash, sum, dead)
  if sum.lowest >= dead and sum.earliest + staleMs > nowMs then return sum end
  local left = { lowest = math.huge, earliest = math.huge, entries = 0, markers = 0 }
  for _, field in ipairs(redis.call('HKEYS', hash)) do
    local kind = string.sub(field, 1, 1)
    local value = kind ~= '@' and redis.call('HGET', hash, field)
    if kind == '*' and (tonumber(value) or 0) <= nowMs then redis.call('HDEL', hash, field) end
    if kind == '=' or kind == '>' then
      local asOf, expiresAtMs = string.match(value, '^(%d+) %S+ (%d+) ')
      asOf, expiresAtMs = tonumber(asOf), tonumber(expiresAtMs)
      if not asOf or asOf < dead or expiresAtMs + staleMs <= nowMs then
        redis.call('HDEL', hash, field)
      else
        left.lowest, left.earliest = math.min(left.lowest, asOf), math.min(left.earliest, expiresAtMs)
        if kind == '=' then left.entries = left.entries + 1 else left.markers = left.markers + 1 end
      end
    end
  end
  -- Without an exact summary, the next fill that finds no room would scan every field again.
  redis.pcall('HSET', hash, '@', summaryText(left))
  return left
end

local function place(hash, tag, field, count, most)
  local sum, fresh = summary(hash), redis.call('HEXISTS', hash, field) == 0
  if fresh and sum[count] >= most then
    sum = purge(hash, sum, tableTombstone(KEYS[1], tag))
    if sum[count] >= most then return nil end
  end
  if fresh then sum[count] = sum[count] + 1 end
  return { hash = hash, field = field, sum = sum }
end

local function put(at, value, asOf, expiresAtMs)
  local sum = at.sum
  sum.lowest, sum.earliest = math.min(sum.lowest, asOf), math.min(sum.earliest, expiresAtMs)
  local written = redis.pcall('HSET', at.hash, at.field, value, '@', summaryText(sum))
  if type(written) ~= 'number' then return false end
  local keepMs = math.max(expiresAtMs + staleMs - nowMs, 1)
  if redis.call('PTTL', at.hash) < keepMs then redis.call('PEXPIRE', at.hash, string.format('%.0f', keepMs)) end
  return true
end

local function fill(variant, asOf, expiresAtMs, most, nonce, entry, first, last)
  if asOf < generation.horizon then return 'stale' end
  for i = first, last do
    if tombstone(KEYS[1], ARGV[i]) > asOf then return 'stale' end
  end
  local hash = base .. ARGV[first]
  local known = tonumber(string.match(get(hash, '=' .. variant) or '', '^%d+'))
  if known and known > asOf then return 'stale' end
  local marker, places = '>' .. ARGV[first] .. ' ' .. variant, { place(hash, ARGV[first], '=' .. variant, 'entries', most) }
  for i = first + 1, last do places[#places + 1] = place(base .. ARGV[i], ARGV[i], marker, 'markers', mostMarkers) end
  if #places <= last - first then return 'full' end
  -- Markers are written before the entry: if memory runs out in between, which has the verdict 'full' too, no entry is
  -- left without its markers.
  local brief = string.format('%.0f %s %.0f ', asOf, nonce, expiresAtMs)
  for i = #places, 1, -1 do
    if not put(places[i], i == 1 and entry or brief, asOf, expiresAtMs) then return 'full' end
  end
  return 'stored'
end

-- Redis refuses to use more memory only until a script has written for the first time, so memory is checked before
-- anything is written. This ZADD changes nothing, since no member has that name.
local asked = redis.pcall('ZADD', KEYS[1], 'XX', '0', '-')
local isFull = type(asked) == 'table' and string.find(tostring(asked.err), 'OOM', 1, true) ~= nil

local verdicts = {}
local at = 5
while at < #ARGV do
  local count, first = tonumber(ARGV[at + 6]), at + 7
  verdicts[#verdicts + 1] = isFull and 'full' or fill(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), ARGV[at + 4], ARGV[at + 5], first, first + count - 1)
  redis.pcall('HDEL', base .. ARGV[first], '*' .. ARGV[at])
  at = first + count
end
return verdicts

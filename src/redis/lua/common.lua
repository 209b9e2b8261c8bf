-- Owns the data format that the scripts of the shared cache have in common: its state, its tombstones and its entries.

-- The state is one ZSET, so that an eviction, a flush or a loss of data removes it as a whole:
--   score -inf        one member: "epoch cluster timeline holder sequence watermark home horizon"
--   score -L          a table with a tombstone at L; never trimmed within a generation, since nothing else shows that entries of the table are dead
--   score  L          a tag with a tombstone at L; tombstones at or below the horizon are trimmed
-- Entries are one HASH per tag, under a key that contains the epoch:
--   =variant          an entry: "asOf nonce expiresAtMs …body"
--   >tag variant      a marker: that entry depends on this tag too, and is valid only while the nonces are equal
--   *variant          a lease: its end, by the Redis server's clock
--   @                 "lowestAsOf earliestExpiry entries markers" over its entries and markers
-- Anything that does not have one of these formats is treated as missing.
-- Positions have 64 bits, and numbers in Lua are doubles. Where it matters, the caller rounds tombstones and the horizon up and asOf down, so
-- that a comparison errs on the safe side; the watermark and the sequence are compared as text.

local function readState(key)
  local found = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
  if found[2] ~= '-inf' then return nil end
  local epoch, place, horizon = string.match(found[1], '^(%S+) %S+ %d+ %S+ %d+ %d+ (%S+) (%S+)$')
  if not epoch or not tonumber(horizon) then return nil end
  return { text = found[1], epoch = epoch, home = place, horizon = tonumber(horizon) }
end

local function rewrite(key, generation, text)
  redis.call('ZREM', key, generation.text)
  redis.call('ZADD', key, '-inf', text)
end

local tables = {}
local function tableTombstone(key, tag)
  local name = string.match(tag, '^[^|]+')
  if not name then return 0 end
  if not tables[name] then tables[name] = -tonumber(redis.call('ZSCORE', key, name) or 0) end
  return tables[name]
end

local function tombstone(key, tag)
  return math.max(tonumber(redis.call('ZSCORE', key, tag) or 0), tableTombstone(key, tag))
end

-- A key that is not a hash was not written by Meridian and is removed.
local function get(hash, name)
  local found = redis.pcall('HGET', hash, name)
  if type(found) ~= 'table' then return found end
  redis.call('UNLINK', hash)
  return false
end

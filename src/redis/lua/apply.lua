-- Owns applying invalidations: one step of a batch.
-- ARGV: prefix of entries; the expected state, as text up to its home; position of the tombstones; maximum number of
-- tombstones; maximum number of tombstones trimmed at once; the next state as text up to its home, '' if more steps
-- follow; lowest horizon; channel; message; number of tables; tables; tags.
-- Returns 1, or 0 if the state is not the expected one, in which case nothing was written.

local key, at = KEYS[1], tonumber(ARGV[3])
local generation = readState(key)
if not generation or generation.home ~= home() or string.sub(generation.text, 1, #ARGV[2]) ~= ARGV[2] then return 0 end
-- Once a script has written, a server that is out of memory does not stop it: invalidations continue when no entry can
-- be filled in.
redis.call('ZREM', key, '')
local base, first = ARGV[1] .. generation.epoch .. ':', 11 + tonumber(ARGV[10])
for i = 11, first - 1 do redis.call('ZADD', key, 'LT', '-' .. ARGV[3], ARGV[i]) end
for i = first, #ARGV, 500 do
  local stones = {}
  for j = i, math.min(i + 499, #ARGV) do
    local hash = base .. ARGV[j]
    local lowest = string.match(get(hash, '@') or '', '^%d+')
    -- A hash all of whose entries were read after the change stays.
    if not lowest or tonumber(lowest) < at then redis.call('UNLINK', hash) end
    stones[#stones + 1] = ARGV[3]
    stones[#stones + 1] = ARGV[j]
  end
  redis.call('ZADD', key, 'GT', unpack(stones))
end
if ARGV[6] == '' then return 1 end

local rank = redis.call('ZCOUNT', key, '-inf', '(0')
local horizon = math.max(generation.horizon, tonumber(ARGV[7]))
local excess = redis.call('ZCARD', key) - rank - tonumber(ARGV[4])
if excess > 0 then
  horizon = math.max(horizon, tonumber(redis.call('ZRANGE', key, rank + excess - 1, rank + excess - 1, 'WITHSCORES')[2]))
end
local text = string.format('%.17g', horizon)
local over = math.min(redis.call('ZCOUNT', key, 0, text), tonumber(ARGV[5]))
if over > 0 then redis.call('ZREMRANGEBYRANK', key, rank, rank + over - 1) end
rewrite(key, generation, ARGV[6] .. generation.home .. ' ' .. text)
redis.call('PUBLISH', ARGV[8], ARGV[9])
return 1

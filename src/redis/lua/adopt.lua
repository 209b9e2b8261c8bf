-- Owns the adoption of the shared cache by another holder.
-- ARGV: the expected state, as text up to the holder; its sequence and watermark; the new holder.
-- Returns 1, or 0 if the state is not the expected one.

local generation = readState(KEYS[1])
if not generation or generation.home ~= home() then return 0 end
local before, after, rest = string.match(generation.text, '^(%S+ %S+ %d+) %S+ (%d+ %d+) (%S+ %S+)$')
if before ~= ARGV[1] or after ~= ARGV[2] then return 0 end
rewrite(KEYS[1], generation, before .. ' ' .. ARGV[3] .. ' ' .. after .. ' ' .. rest)
return 1

-- Owns which node of a Cluster runs the script; '-' elsewhere.

-- While a slot moves, an invalidation at its new node misses the entries that still lie at the old one: a generation is not written to at
-- another node than where it began.
local function home()
  local id = redis.pcall('CLUSTER', 'MYID')
  return type(id) == 'string' and id or '-'
end

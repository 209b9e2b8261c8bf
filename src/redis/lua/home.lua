-- Owns the id of the Cluster node that runs the script; '-' without a Cluster.

-- While a slot migrates, an invalidation at its new node misses the entries that are still at the old node. Therefore
-- a generation is written only at the node where it began.
local function home()
  local id = redis.pcall('CLUSTER', 'MYID')
  return type(id) == 'string' and id or '-'
end

/**
 * Claims about the caches, each with a table of its own: what a hit and a miss cost beside the bare parts that they are
 * made of, that a herd is one query, how many rows a region can invalidate in a second, what a hundred thousand entries
 * take, and what it all makes of a whole request. `node bench/cache.ts [hits misses herd invalidations memory
 * requests]` measures those that are named, or all of them.
 */
import { hits } from './cache/hits.ts';
import { herd } from './cache/herd.ts';
import { invalidations } from './cache/invalidations.ts';
import { memory } from './cache/memory.ts';
import { misses } from './cache/misses.ts';
import { requests } from './cache/requests.ts';
import { forget } from './cache/setting.ts';
import { startDatabases } from './support/databases.ts';
import { EU, US } from './support/regions.ts';
import { taskEntity } from './support/tasks.ts';

const CLAIMS = { hits, misses, herd, invalidations, memory, requests };

const named = process.argv.slice(2);
const unknown = named.filter((name) => !(name in CLAIMS));
if (unknown.length > 0)
  throw new RangeError(`there is no claim ${unknown.join(', ')}; name some of ${Object.keys(CLAIMS).join(', ')}`);

await using databases = await startDatabases([US, EU], 'off');
const { cluster } = databases;
if (cluster.region(EU).redis === null)
  throw new Error('this bench needs a redis-server or valkey-server on the machine');
const entity = await taskEntity(cluster.region(EU).dsn);
for (const [name, claim] of Object.entries(CLAIMS)) {
  if (named.length > 0 && !named.includes(name)) continue;
  await forget({ cluster, entity });
  await claim({ cluster, entity });
}

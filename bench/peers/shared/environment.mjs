/**
 * Owns what a peer's process is told, and its answer that it listens. Peers are JavaScript that TypeScript does not
 * check: their packages are in bench/peers/node_modules alone, which a fresh clone has not installed, and `npm run
 * types` would miss them. ESLint checks them with the rest.
 */
import process from 'node:process';

/** @param {string} name */
const told = (name) => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: peers are started by \`node bench/peers.ts\``);
  return value;
};

export const HOST = '127.0.0.1';
/** Whose connections are as many as Meridian's: the default of its `poolSize`. */
export const POOL_SIZE = 10;
/** Rows that a cache in the process keeps: the default of Meridian's `cacheEntries`. */
export const CACHE_ENTRIES = 100_000;
export const TTL_S = 3_600;

export const port = Number(told('PEER_PORT'));
/** The replica of the region, for reads. */
export const readUrl = told('PEER_READ_URL');
export const writeUrl = told('PEER_WRITE_URL');
export const redisUrl = told('PEER_REDIS_URL');
/**
 * Where the peer keeps what it has read: `none`, `memory`, `mget` (Redis, a batch at a time) or `get` (Redis, key by
 * key). What else it means, the peer says.
 */
export const cacheKind = told('PEER_CACHE');
/** File with the answers that the bare server hands out. */
export const answersFile = process.env['PEER_ANSWERS'] ?? '';

/** Tells who started this process that it serves GraphQL at `path`. Without that process there is nobody to serve. */
export function listening(path = '/graphql') {
  process.on('disconnect', () => process.exit(0));
  process.send?.({ url: `http://${HOST}:${port}${path}` });
}

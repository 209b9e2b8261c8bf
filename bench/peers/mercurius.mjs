/**
 * Mercurius with its JIT (graphql-jit) and DataLoader; rows from the database alone, from Redis by `MGET`, or from
 * memory.
 */
import Fastify from 'fastify';
import mercurius from 'mercurius';
import { openCache } from './shared/caches.mjs';
import { cacheKind, HOST, listening, port } from './shared/environment.mjs';
import { Loaders } from './shared/loaders.mjs';
import { schema } from './shared/schema.mjs';

const cache = openCache(cacheKind);
const app = Fastify({ logger: false });
await app.register(mercurius, { schema, jit: 1, graphiql: false, context: () => ({ loaders: new Loaders(cache) }) });
await app.listen({ port, host: HOST });
listening();

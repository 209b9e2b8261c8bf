/** GraphQL Yoga with DataLoader, with its response cache in memory (`memory`) or without. */
import { createServer } from 'node:http';
import { useResponseCache } from '@graphql-yoga/plugin-response-cache';
import { createYoga } from 'graphql-yoga';
import { cacheKind, HOST, listening, port, TTL_S } from './shared/environment.mjs';
import { Loaders } from './shared/loaders.mjs';
import { schema } from './shared/schema.mjs';

const plugins = cacheKind === 'memory' ? [useResponseCache({ session: () => null, ttl: TTL_S * 1_000 })] : [];
const yoga = createYoga({
  schema,
  plugins,
  context: () => ({ loaders: new Loaders(null) }),
  logging: false,
  graphiql: false,
  landingPage: false,
});
const server = createServer(yoga);
server.keepAliveTimeout = 72_000;
server.listen(port, HOST, () => listening());

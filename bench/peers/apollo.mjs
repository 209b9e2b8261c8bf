/**
 * Apollo Server, standalone, with DataLoader: what people write by hand. Rows come from the database alone, or from
 * Redis by `get` and `setex`.
 */
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
} from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import { openCache } from './shared/caches.mjs';
import { cacheKind, HOST, listening, port } from './shared/environment.mjs';
import { Loaders } from './shared/loaders.mjs';
import { schema } from './shared/schema.mjs';

const cache = openCache(cacheKind);
// Hints for caches and traces wrap every field, and nobody asks for them here.
const server = new ApolloServer({
  schema,
  introspection: false,
  plugins: [ApolloServerPluginCacheControlDisabled(), ApolloServerPluginInlineTraceDisabled()],
});
await startStandaloneServer(server, {
  listen: { port, host: HOST },
  context: async () => ({ loaders: new Loaders(cache) }),
});
listening('/');

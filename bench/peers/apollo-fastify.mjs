/** Apollo Server on Fastify, with DataLoader; rows from the database alone, or from Redis. */
import { ApolloServer } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
} from '@apollo/server/plugin/disabled';
import { fastifyApolloDrainPlugin, fastifyApolloHandler } from '@as-integrations/fastify';
import Fastify from 'fastify';
import { openCache } from './shared/caches.mjs';
import { cacheKind, HOST, listening, port } from './shared/environment.mjs';
import { Loaders } from './shared/loaders.mjs';
import { schema } from './shared/schema.mjs';

const cache = openCache(cacheKind);
const app = Fastify({ logger: false });
// Hints for caches and traces wrap every field, and nobody asks for them here.
const server = new ApolloServer({
  schema,
  introspection: false,
  plugins: [
    ApolloServerPluginCacheControlDisabled(),
    ApolloServerPluginInlineTraceDisabled(),
    fastifyApolloDrainPlugin(app),
  ],
});
await server.start();
app.post('/graphql', fastifyApolloHandler(server, { context: async () => ({ loaders: new Loaders(cache) }) }));
await app.listen({ port, host: HOST });
listening();

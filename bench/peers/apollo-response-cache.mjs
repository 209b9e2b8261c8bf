/** Apollo Server, standalone, with its own response cache in memory: whole answers, by document and variables. */
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControl } from '@apollo/server/plugin/cacheControl';
import { ApolloServerPluginInlineTraceDisabled } from '@apollo/server/plugin/disabled';
import { startStandaloneServer } from '@apollo/server/standalone';
import responseCache from '@apollo/server-plugin-response-cache';
import { HOST, listening, port, TTL_S } from './shared/environment.mjs';
import { Loaders } from './shared/loaders.mjs';
import { schema } from './shared/schema.mjs';

const server = new ApolloServer({
  schema,
  introspection: false,
  plugins: [
    ApolloServerPluginCacheControl({ defaultMaxAge: TTL_S, calculateHttpHeaders: false }),
    ApolloServerPluginInlineTraceDisabled(),
    responseCache(),
  ],
});
await startStandaloneServer(server, {
  listen: { port, host: HOST },
  context: async () => ({ loaders: new Loaders(null) }),
});
listening('/');

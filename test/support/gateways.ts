/**
 * Owns federation gateways for tests: Hive Gateway and @apollo/gateway, with Meridian's plugin, with header propagation
 * alone, or with nothing.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo } from 'node:net';
import { ApolloGateway, RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { createGatewayRuntime, type GatewayConfigSupergraph, type GatewayPlugin } from '@graphql-hive/gateway-runtime';
import { meridianApollo } from '../../src/gateway/apollo.ts';
import { meridianHive, type GatewayOptions } from '../../src/gateway/hive.ts';

export const GATEWAY_KINDS = ['hive', 'apollo'] as const;
export type GatewayKind = (typeof GATEWAY_KINDS)[number];

/** `headers`: what a team gets from its gateway's own configuration, without any code of ours. */
export type GatewayMode = 'plugin' | 'headers' | 'none';

export interface TestGatewayOptions {
  readonly kind: GatewayKind;
  readonly supergraph: string;
  readonly mode?: GatewayMode;
  readonly options?: GatewayOptions;
  /**
   * With `headers`: Hive hands on the header that came last, as @apollo/gateway's usual recipe does, instead of all of
   * them.
   */
  readonly lastHeaderOnly?: boolean;
  /** Takes lists of operations as one request. */
  readonly batching?: boolean;
  /** Further settings of Hive's runtime. */
  readonly hive?: Partial<GatewayConfigSupergraph> | undefined;
  /** Plugins of Hive's that come before Meridian's. */
  readonly hivePlugins?: readonly GatewayPlugin[];
}

export interface TestGateway extends AsyncDisposable {
  readonly kind: GatewayKind;
  readonly url: string;
}

const KEEP_ALIVE_MS = 60_000;

/** What a client's headers and a subgraph's answer pass through in the gateways' own configuration. */
const PASSED = [
  'authorization',
  'consistency-token',
  'idempotency-key',
  'traceparent',
  'tracestate',
  'baggage',
] as const;

export function startGateway(options: TestGatewayOptions): Promise<TestGateway> {
  return options.kind === 'hive' ? startHive(options) : startApollo(options);
}

async function startHive({
  supergraph,
  mode = 'plugin',
  options = {},
  lastHeaderOnly = false,
  batching = false,
  hive = {},
  hivePlugins = [],
}: TestGatewayOptions): Promise<TestGateway> {
  const runtime = createGatewayRuntime({
    supergraph,
    logging: process.env['MERIDIAN_TEST_LOG'] === undefined ? false : 'error',
    ...(mode === 'headers'
      ? {
          propagateHeaders: {
            deduplicateHeaders: lastHeaderOnly,
            fromClientToSubgraphs: ({ request }) =>
              Object.fromEntries(PASSED.map((name) => [name, request.headers.get(name)])),
            fromSubgraphsToClient: ({ response }) => ({
              'consistency-token': response.headers.get('consistency-token'),
            }),
          },
        }
      : {}),
    ...(batching ? { batching: { limit: 8 } } : {}),
    ...hive,
    plugins: () => [...hivePlugins, ...(mode === 'plugin' ? [meridianHive(options)] : [])],
  });
  const server = createServer((request, response) => void runtime(request, response));
  // A client that is held up must not send into a connection that is being closed.
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    kind: 'hive',
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await runtime[Symbol.asyncDispose]();
    },
  };
}

async function startApollo({
  supergraph,
  mode = 'plugin',
  options = {},
  batching = false,
}: TestGatewayOptions): Promise<TestGateway> {
  const meridian = mode === 'plugin' ? meridianApollo({ RemoteGraphQLDataSource, ...options }) : null;
  const propagating = (url: string | undefined): RemoteGraphQLDataSource =>
    new RemoteGraphQLDataSource({
      ...(url === undefined ? {} : { url }),
      willSendRequest({ request, context }) {
        const { headers } = context as { readonly headers?: Readonly<Record<string, string | undefined>> };
        for (const name of PASSED) if (headers?.[name] !== undefined) request.http?.headers.set(name, headers[name]);
      },
      didReceiveResponse({ response, context }) {
        // The usual recipe: whatever came last is what the client gets.
        const token = response.http?.headers.get('consistency-token');
        if (token !== null && token !== undefined) (context as { token?: string }).token = token;
        return response;
      },
    });
  const plain = (url: string | undefined): RemoteGraphQLDataSource =>
    new RemoteGraphQLDataSource(url === undefined ? {} : { url });
  const gateway = new ApolloGateway({
    supergraphSdl: supergraph,
    logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    buildService: ({ url }) =>
      meridian !== null ? meridian.buildService({ url }) : mode === 'headers' ? propagating(url) : plain(url),
  });
  const server = new ApolloServer<{ headers: Readonly<Record<string, unknown>>; token?: string }>({
    gateway,
    allowBatchedHttpRequests: batching,
    includeStacktraceInErrorResponses: false,
    plugins: [
      ...(meridian === null ? [] : [meridian.plugin]),
      ...(mode === 'headers'
        ? [
            {
              requestDidStart: async () => ({
                willSendResponse: async ({
                  contextValue: { token },
                  response,
                }: {
                  contextValue: { token?: string };
                  response: { http: { headers: Map<string, string> } };
                }) => void (token !== undefined && response.http.headers.set('consistency-token', token)),
              }),
            },
          ]
        : []),
    ],
  });
  const { url } = await startStandaloneServer(server, {
    listen: { port: 0, host: '127.0.0.1' },
    context: async ({ req }) => ({ headers: req.headers }),
  });
  return { kind: 'apollo', url, [Symbol.asyncDispose]: () => server.stop() };
}

/** Owns gateways as a team runs them without anything of Meridian's: a supergraph served over HTTP. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { ApolloGateway } from '@apollo/gateway';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginInlineTrace } from '@apollo/server/plugin/inlineTrace';
import { startStandaloneServer } from '@apollo/server/standalone';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { type Subgraph } from './compose.ts';

export interface RunningGateway extends AsyncDisposable {
  readonly url: string;
}

/** What a subgraph says of itself, as a composer asks it. */
export async function subgraphAt(name: string, url: string): Promise<Subgraph> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ _service { sdl } }' }),
  });
  const { data } = (await response.json()) as { data: { _service: { sdl: string } } };
  return { name, url, sdl: data._service.sdl };
}

/** It asks its subgraphs for traces where it is asked for one. */
export async function startApolloGateway(supergraphSdl: string): Promise<RunningGateway> {
  const server = new ApolloServer({
    gateway: new ApolloGateway({ supergraphSdl, logger: silent() }),
    plugins: [ApolloServerPluginInlineTrace()],
    logger: silent(),
    stopOnTerminationSignals: false,
  });
  const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
  return { url, [Symbol.asyncDispose]: () => server.stop() };
}

export async function startHiveGateway(supergraph: string): Promise<RunningGateway> {
  const gateway = createGatewayRuntime({
    supergraph,
    graphqlEndpoint: '/',
    landingPage: false,
    logging: false,
    maskedErrors: false,
  });
  const server: Server = createServer((request, response) => void gateway(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await gateway.dispose();
    },
  };
}

function silent(): { debug(): void; info(): void; warn(): void; error(): void } {
  return { debug() {}, info() {}, warn() {}, error() {} };
}

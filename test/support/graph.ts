/**
 * Owns whole graphs for tests: the reference application as two subgraphs, each with a cluster of its own, their
 * servers in every region, and a gateway in each.
 */
import { ask, AP, EU, startTestApp, US, type Answer, type Call, type TestApp, type TestAppOptions } from './app.ts';
import { compose, type Composer } from './compose.ts';
import {
  GATEWAY_KINDS,
  startGateway,
  type GatewayKind,
  type GatewayMode,
  type TestGateway,
  type TestGatewayOptions,
} from './gateways.ts';
import { type GatewayOptions } from '../../src/gateway/hive.ts';

export const SUBGRAPHS = ['accounts', 'work'] as const;
export type SubgraphName = (typeof SUBGRAPHS)[number];

export interface GraphOptions {
  /** How much data; default 0.02: one organization, 40 users, 400 tasks. */
  readonly scale?: number;
  readonly wan?: TestAppOptions['wan'];
  readonly forwarding?: boolean;
  /** Further settings of every server. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface GraphGatewayOptions {
  readonly kind: GatewayKind;
  readonly region: string;
  readonly mode?: GatewayMode;
  readonly composer?: Composer;
  readonly options?: GatewayOptions;
  readonly lastHeaderOnly?: boolean;
  readonly hive?: NonNullable<TestGatewayOptions['hive']>;
}

export interface TestGraph extends AsyncDisposable {
  readonly apps: Readonly<Record<SubgraphName, TestApp>>;
  /** The supergraph as a region's gateway has it: with that region's servers. */
  supergraph(region: string, composer?: Composer): Promise<string>;
  /** A gateway that ends with the graph. The same options give the same one. */
  gateway(options: GraphGatewayOptions): Promise<TestGateway>;
  gql<D = Record<string, never>>(through: GraphGatewayOptions, query: string, call?: Call): Promise<Answer<D>>;
  readonly bearer: TestApp['bearer'];
}

export { AP, EU, GATEWAY_KINDS, US };

export async function startTestGraph({
  scale = 0.02,
  wan,
  forwarding = false,
  settings = {},
}: GraphOptions = {}): Promise<TestGraph> {
  const started = await Promise.allSettled(
    SUBGRAPHS.map((name) =>
      startTestApp({
        application: `workspace/subgraphs/${name}`,
        scale,
        forwarding,
        settings,
        ...(wan === undefined ? {} : { wan }),
      }),
    ),
  );
  const gateways = new Map<string, Promise<TestGateway>>();
  const end = async (): Promise<void> => {
    for (const gateway of gateways.values()) await (await gateway)[Symbol.asyncDispose]();
    await Promise.allSettled(
      started.map(async (app) => app.status === 'fulfilled' && app.value[Symbol.asyncDispose]()),
    );
  };
  const [accounts, work] = started.map((app) => (app.status === 'fulfilled' ? app.value : null));
  if (!accounts || !work) {
    await end();
    throw new AggregateError(
      started.flatMap((app) => (app.status === 'rejected' ? [app.reason as Error] : [])),
      'a subgraph did not start',
    );
  }
  const apps = { accounts, work };
  const supergraph: TestGraph['supergraph'] = async (region, composer) => {
    const subgraphs = await Promise.all(
      SUBGRAPHS.map(async (name) => {
        const { data } = await apps[name].gql<{ _service: { sdl: string } }>(region, '{ _service { sdl } }');
        return { name, url: apps[name].server(region).url, sdl: data?._service.sdl ?? '' };
      }),
    );
    return compose(subgraphs, composer);
  };
  const gateway: TestGraph['gateway'] = (options) => {
    const key = JSON.stringify(options);
    const known =
      gateways.get(key) ??
      supergraph(options.region, options.composer).then((sdl) => startGateway({ ...options, supergraph: sdl }));
    gateways.set(key, known);
    return known;
  };
  const gql: TestGraph['gql'] = async (through, query, call) => ask((await gateway(through)).url, query, call);
  return { apps, supergraph, gateway, gql, bearer: (viewer) => accounts.bearer(viewer), [Symbol.asyncDispose]: end };
}

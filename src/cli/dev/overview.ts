/** Owns what a development cluster prints when it is ready: its regions, their caches, and example requests. */
import { sleep } from '../../base/clock.ts';
import { type Cluster, type ClusterRegion } from '../../dev/cluster.ts';
import { type Example } from '../../dev/examples.ts';
import { type RedisProgram } from '../../dev/redis/program.ts';
import { type WanControl } from '../../dev/wan/client.ts';
import { table } from '../output.ts';

export interface OverviewInput {
  readonly cluster: Cluster;
  /** Where the regions cache. */
  readonly caching: string;
  readonly adminToken: string;
  readonly examples: readonly Example[];
}

const LAG_CALL_MS = 2_000;
/** The first heartbeats take a moment; the table is printed without waiting longer for them. */
const LAG_WAIT_MS = 1_500;
const LAG_POLL_MS = 200;

export async function overview({ cluster, caching, adminToken, examples }: OverviewInput): Promise<string> {
  const names = cluster.regions.map(({ name }) => name);
  const rtt = await rttsOf(cluster.wan);
  const lags = await lagsOf(cluster, adminToken);
  const rows = cluster.regions.map(({ name, role }) => [
    name,
    role,
    `${cluster.urlFor(name, name)}/graphql`,
    ...names.map((to) => rtt(name, to)),
    lagText(lags.get(name)),
  ]);
  return `\n${table([['REGION', 'ROLE', 'GRAPHQL', ...names.map((name) => `RTT TO ${name}`), 'LAG'], ...rows])}\n\n${caching}\n\n${tried(examples)}`;
}

export function tried(examples: readonly Example[]): string {
  return `Try:\n\n${examples.map(({ what, line }) => `# ${what}\n${line}`).join('\n\n')}\n`;
}

/** Present round trips over the simulated WAN, as text. */
export async function rttsOf(wan: WanControl): Promise<(from: string, to: string) => string> {
  const links = (await wan.links()).filter(({ kind }) => kind === 'http');
  return (from, to) =>
    from === to ? '-' : `${links.find((link) => link.from === from && link.to === to)?.rttMs ?? '?'} ms`;
}

/** Where the regions cache, in one sentence. */
export function cachingOf(
  regions: readonly Pick<ClusterRegion, 'ports'>[],
  wanted: 'auto' | 'off',
  program: RedisProgram | null,
): string {
  if (program !== null)
    return `${program.product} ${program.version} on ${portRange(regions.map(({ ports }) => ports.redis))}: one per region, shared by its servers.`;
  const alone = 'each region caches in its own process alone';
  return wanted === 'off'
    ? `Redis is switched off: ${alone}.`
    : `No redis-server or valkey-server was found: ${alone}; apt-get install redis-server to share it.`;
}

function portRange(ports: readonly number[]): string {
  const [first = 0, ...rest] = ports;
  if (rest.length === 0) return `port ${first}`;
  return rest.every((port, i) => port === first + i + 1)
    ? `ports ${first}–${rest.at(-1)}`
    : `ports ${ports.join(', ')}`;
}

export function lagText(lagMs: number | null | undefined): string {
  return typeof lagMs === 'number' ? `${Math.round(lagMs)} ms` : 'unknown';
}

/** Lag by region as the primary's server reports it; values that are still unknown after a moment are left out. */
export async function lagsOf(cluster: Cluster, adminToken: string): Promise<ReadonlyMap<string, number | null>> {
  const first = cluster.regions[0]?.name ?? '';
  const until = performance.now() + LAG_WAIT_MS;
  for (;;) {
    const lags = await lagsNow(cluster, `${cluster.urlFor(first, first)}/graphql`, adminToken);
    if ([...lags.values()].every((lag) => lag !== null) || performance.now() > until) return lags;
    await sleep(LAG_POLL_MS);
  }
}

interface HealthAnswer {
  readonly data?: {
    readonly regionHealth?: readonly {
      readonly subgraph: string | null;
      readonly region: string;
      readonly replicationLagMs: number | null;
    }[];
  };
}

/** A server of a graph also reports the lag of the other subgraphs. */
async function lagsNow({ name }: Cluster, url: string, adminToken: string): Promise<Map<string, number | null>> {
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${adminToken}` };
  const response = await fetch(url, {
    method: 'POST',
    headers,
    body: JSON.stringify({ query: '{ regionHealth { subgraph region replicationLagMs } }' }),
    signal: AbortSignal.timeout(LAG_CALL_MS),
  });
  const { data } = (await response.json()) as HealthAnswer;
  return new Map(
    (data?.regionHealth ?? [])
      .filter(({ subgraph }) => (subgraph ?? '') === name)
      .map(({ region, replicationLagMs }) => [region, replicationLagMs]),
  );
}

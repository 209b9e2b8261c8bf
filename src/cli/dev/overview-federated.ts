/**
 * Owns what a development cluster of several subgraphs prints when it is ready: its gateways, its subgraphs, and
 * example requests.
 */
import { type Cluster } from '../../dev/cluster.ts';
import { type Example } from '../../dev/examples.ts';
import { type WanControl } from '../../dev/wan/client.ts';
import { lagsOf, lagText, rttsOf, tried } from './overview.ts';
import { table } from '../output.ts';

export interface GraphOverviewInput {
  readonly clusters: readonly Cluster[];
  readonly gateways: readonly { readonly region: string; readonly url: string }[];
  readonly wan: WanControl;
  /** Where the regions cache. */
  readonly caching: string;
  readonly adminToken: string;
  readonly examples: readonly Example[];
  /** Path of the composed supergraph. */
  readonly supergraph: string;
}

export async function graphOverview({
  clusters,
  gateways,
  wan,
  caching,
  adminToken,
  examples,
  supergraph,
}: GraphOverviewInput): Promise<string> {
  const names = gateways.map(({ region }) => region);
  const rtt = await rttsOf(wan);
  const fronts = gateways.map(({ region, url }) => [region, `${url}/graphql`, ...names.map((to) => rtt(region, to))]);
  const backs = await Promise.all(
    clusters.map(async (cluster) => {
      const lags = await lagsOf(cluster, adminToken);
      return cluster.regions.map(({ name, role, ports }) => [
        cluster.name,
        name,
        role,
        `${cluster.urlFor(name, name)}/graphql`,
        String(ports.postgres),
        lagText(lags.get(name)),
      ]);
    }),
  );
  return [
    `\n${table([['REGION', 'GATEWAY', ...names.map((name) => `RTT TO ${name}`)], ...fronts])}`,
    table([['SUBGRAPH', 'REGION', 'ROLE', 'GRAPHQL', 'POSTGRESQL', 'LAG'], ...backs.flat()]),
    caching,
    `The supergraph, for gateways of your own: ${supergraph} (as ${names[0]} sees it; supergraph.<region>.graphql for the others)`,
    tried(examples),
  ].join('\n\n');
}

/**
 * Owns the steps from databases and SDL to a supergraph: each subgraph is checked against its own database, then all
 * are composed.
 */
import { join } from 'node:path';
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { type CompiledSchema } from '../../schema-compiler/compile.ts';
import { prepareApplication } from '../application.ts';
import { type Cluster } from '../cluster.ts';
import { writeWhole } from '../postgres/conf.ts';
import { type ServersOptions } from '../servers.ts';
import { composeSupergraph } from './compose.ts';

export interface PreparedSubgraph {
  readonly cluster: Cluster;
  readonly options: ServersOptions;
  readonly compiled: CompiledSchema;
}

/** Sets up every subgraph's databases. Throws one `SCHEMA_INVALID` that names the subgraph of each problem. */
export async function prepareSubgraphs(
  all: readonly ServersOptions[],
  onNotice: (sentence: string) => void,
): Promise<PreparedSubgraph[]> {
  const done = await Promise.allSettled(
    all.map((options) => prepareApplication(options, (sentence) => onNotice(`${options.cluster.name}: ${sentence}`))),
  );
  const failures = done.flatMap((outcome, i) =>
    outcome.status === 'rejected' ? [{ name: all[i]?.cluster.name ?? '', error: outcome.reason as unknown }] : [],
  );
  const other = failures.find(({ error }) => !isMeridianError(error, 'SCHEMA_INVALID'));
  if (other) throw other.error;
  if (failures.length > 0)
    throw new MeridianError({
      code: 'SCHEMA_INVALID',
      message: failures.map(({ name, error }) => `Subgraph ${name}: ${(error as Error).message}`).join('\n'),
    });
  return done.flatMap((outcome, i) => {
    const options = all[i];
    return outcome.status === 'fulfilled' && options
      ? [{ cluster: options.cluster, options, compiled: outcome.value }]
      : [];
  });
}

export function supergraphPath(stateDir: string, region?: string): string {
  return join(stateDir, region === undefined ? 'supergraph.graphql' : `supergraph.${region}.graphql`);
}

/**
 * One file per region, with the URLs of that region's subgraphs, and under the plain name that of the first region, for
 * other gateways.
 */
export function writeSupergraphs(stateDir: string, subgraphs: readonly PreparedSubgraph[]): void {
  const regions = subgraphs[0]?.cluster.regions.map(({ name }) => name) ?? [];
  const urlOf = (cluster: Cluster, region: string): string => `${cluster.urlFor(region, region)}/graphql`;
  const [first = ''] = regions;
  const sdl = composeSupergraph(
    subgraphs.map(({ cluster, compiled }) => ({
      name: cluster.name,
      url: urlOf(cluster, first),
      typeDefs: compiled.typeDefs,
    })),
  );
  const write = (path: string, text: string): void => writeWhole(path, `${text}\n`, { account: undefined });
  write(supergraphPath(stateDir), sdl);
  // Composed once: the regions differ only in URLs.
  for (const region of regions)
    write(
      supergraphPath(stateDir, region),
      subgraphs.reduce(
        (text, { cluster }) =>
          text.replaceAll(JSON.stringify(urlOf(cluster, first)), JSON.stringify(urlOf(cluster, region))),
        sdl,
      ),
    );
}

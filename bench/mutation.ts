/**
 * Claim: a mutation away from the primary's region costs one round trip over the simulated WAN plus a few milliseconds,
 * whatever it does there. Six statements, each of which may depend on the one before: forwarded whole to the primary
 * region's server, side by side with what going direct to the database costs.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stacksOf } from '../src/app/layer.ts';
import { createDataLayer } from '../src/index.ts';
import { APPLICATION, openClient } from './support/databases.ts';
import { measure, report, type Candidate } from './support/measure.ts';
import { AP, EU, startBenchCluster, US } from './support/regions.ts';
import { SIX_SDL, STATEMENTS, UPDATE } from './support/six.ts';

const SIX = 'mutation($id: ID!, $bio: String!) { sixSteps(id: $id, bio: $bio) { version user { id name bio } token } }';
const RENAME =
  'mutation($id: ID!, $bio: String!) { updateUser(id: $id, input: { bio: $bio }) { user { id name bio version } token } }';
const runs = Number(process.argv[2] ?? 60);

const schema = mkdtempSync(join(tmpdir(), 'meridian-bench-schema-'));
cpSync(join(APPLICATION, 'workspace.graphql'), join(schema, 'workspace.graphql'));
writeFileSync(join(schema, 'six.graphql'), SIX_SDL);
try {
  await using cluster = await startBenchCluster([
    '--schema',
    schema,
    '--resolvers',
    fileURLToPath(new URL('./support/six.ts', import.meta.url)),
  ]);
  for (const region of [EU, AP]) {
    await using plain = await openClient(cluster.dsnFrom(region, US));
    const { client } = plain;
    const regions = Object.fromEntries(
      [US, EU, AP].map((name) => [name, { databaseUrl: cluster.dsnFrom(region, name) }]),
    );
    // Reads and caches nothing: only its way to the primary's database is wanted.
    const layer = await createDataLayer({
      settings: {
        region,
        regions,
        tokenSecret: 'of a bench whose tokens nobody else reads',
        cache: false,
        slotName: 'meridian_bench',
        logLevel: 'error',
      },
    });
    // Rows of its own for each way, so that none waits for another's locks.
    const user = (place: number, i: number): number => 1 + place * 100 + (Math.abs(i) % 100);
    const values = (place: number, i: number): [number, string] => [user(place, i), `bio ${i}`];
    const variables = (place: number, i: number): Record<string, unknown> => ({ id: user(place, i), bio: `bio ${i}` });
    const six = Array.from({ length: STATEMENTS }, (_, step) => step);
    const candidates: Candidate[] = [
      { name: 'bare round trip to the primary (SELECT 1)', run: () => client.query('SELECT 1') },
      {
        name: `six statements, forwarded from ${region}`,
        run: (i) => cluster.graphql(region, region, SIX, { variables: variables(0, i) }),
      },
      {
        name: `one declared mutation, forwarded from ${region}`,
        run: (i) => cluster.graphql(region, region, RENAME, { variables: variables(1, i) }),
      },
      {
        name: 'six statements direct, in one pipeline',
        run: (i) =>
          stacksOf(layer).write.writer.pipelined(
            six.map(() => ({ name: 'bench_update', text: UPDATE, values: values(2, i) })),
          ),
      },
      {
        name: 'six statements direct, each awaited',
        run: (i) =>
          layer.transaction(async (tx) => {
            for (const step of six) await tx.query(UPDATE, [user(3, i), `bio ${i} ${step}`]);
          }),
      },
      {
        name: 'as usual: BEGIN, six statements, COMMIT with plain pg',
        run: async (i) => {
          await client.query('BEGIN');
          for (const step of six) await client.query(UPDATE, [user(4, i), `bio ${i} ${step}`]);
          await client.query('COMMIT');
        },
      },
    ];
    const figures = await measure(candidates, { runs, warmup: 10 });
    const [bare, forwarded] = figures;
    const over = ((forwarded?.p50Ms ?? NaN) - (bare?.p50Ms ?? NaN)).toFixed(1);
    report({
      name: `mutation-${region}`,
      title: `A mutation of six statements by a client in ${region}`,
      figures,
      notes: [`forwarded: one round trip and ${over} ms (median); ratio: multiples of a bare round trip`],
    });
    await layer.close();
  }
} finally {
  rmSync(schema, { recursive: true, force: true });
}

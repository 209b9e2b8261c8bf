/**
 * Claim: a mutation away from the primary's region costs one round trip over the ocean plus a few milliseconds. Side by
 * side with a bare round trip to the primary's database, and with the same transaction sent statement by statement.
 */
import { Client } from 'pg';
import { measure, report, type Candidate } from './support/measure.ts';
import { AP, EU, startBenchCluster, US } from './support/regions.ts';

const RENAME = 'mutation($id: ID!, $bio: String!) { updateUser(id: $id, input: { bio: $bio }) { user { id name bio version } token } }';
const UPDATE = 'UPDATE users SET bio = $2, version = version + 1 WHERE id = $1 RETURNING *';

await using cluster = await startBenchCluster();
const runs = Number(process.argv[2] ?? 60);

for (const region of [EU, AP]) {
  const client = new Client({ connectionString: cluster.dsnFrom(region, US) });
  await client.connect();
  const candidates: Candidate[] = [
    { name: 'bare round trip to the primary (SELECT 1)', run: () => client.query('SELECT 1') },
    { name: `Meridian in ${region}`, run: (i) => cluster.graphql(region, region, RENAME, { variables: { id: 1 + Math.abs(i), bio: `bio ${i}` } }) },
    {
      name: 'statement by statement (BEGIN, UPDATE, COMMIT, position)',
      run: async (i) => {
        await client.query('BEGIN');
        await client.query(UPDATE, [1_000 + Math.abs(i), `bio ${i}`]);
        await client.query('COMMIT');
        await client.query('SELECT pg_current_wal_flush_lsn()');
      },
    },
  ];
  report({ name: `mutation-${region}`, title: `One mutation by a client in ${region}`, figures: await measure(candidates, { runs, warmup: 5 }) });
  await client.end();
}

/**
 * Claim: the token costs next to nothing where the region keeps up. Reads in AP with the token of a write that happened
 * in the EU a moment ago, side by side with reads without a token, and with asking the primary as "read your writes" is
 * usually built.
 */
import { measure, report } from './support/measure.ts';
import { AP, EU, startBenchCluster, US } from './support/regions.ts';

const RENAME = 'mutation($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { token } }';
const NAME = 'query($id: ID!) { user(id: $id) { name } }';

await using cluster = await startBenchCluster();
const runs = Number(process.argv[2] ?? 60);
const stale = { withToken: 0, without: 0 };

/**
 * Writes in the EU first, so that every read comes at the same distance behind its write; only the read is of interest.
 */
const written = async (i: number): Promise<{ id: number; name: string; token: string | null }> => {
  const [id, name] = [1 + Math.abs(i), `name ${i} ${performance.now()}`];
  const { token } = await cluster.graphql(EU, EU, RENAME, { variables: { id, name } });
  return { id, name, token };
};
const nameOf = (answer: { data: Record<string, unknown> }): string => (answer.data['user'] as { name: string }).name;

report({
  name: 'tokens',
  title: 'A write in the EU, then a read by a client in APAC (both counted)',
  figures: await measure(
    [
      {
        name: 'without a token, in the region',
        run: async (i) => {
          const { id, name } = await written(i);
          if (nameOf(await cluster.graphql(AP, AP, NAME, { variables: { id } })) !== name && i >= 0) stale.without += 1;
        },
      },
      {
        name: 'with the token, in the region',
        run: async (i) => {
          const { id, name, token } = await written(i);
          if (nameOf(await cluster.graphql(AP, AP, NAME, { variables: { id }, token })) !== name && i >= 0)
            stale.withToken += 1;
        },
      },
      {
        name: 'asking us-east-1 to be sure',
        run: async (i) => {
          const { id } = await written(i);
          await cluster.graphql(AP, US, NAME, { variables: { id } });
        },
      },
    ],
    { runs, warmup: 5 },
  ),
  notes: [
    `reads that did not see the write: ${stale.without} of ${runs} without a token, ${stale.withToken} of ${runs} with it`,
  ],
});

/**
 * Claim: reads cost what the way to the user's own region costs. The two situations the product exists for, each side
 * by side with "all traffic to us-east-1" on the same cluster: one read from the EU, and an APAC dashboard.
 */
import { measure, report } from './support/measure.ts';
import { DASHBOARD, STEPS, TASK } from './support/queries.ts';
import { AP, EU, startBenchCluster, US } from './support/regions.ts';

await using cluster = await startBenchCluster();
const runs = Number(process.argv[2] ?? 100);
/** Asked for in turn, so that after the warm-up they are in the cache, wherever they are read. */
const known = (i: number): { id: number } => ({ id: 1 + (Math.abs(i) % 10) });
const WARMUP = 20;
/** Asked for once. */
const unknown = (i: number): { id: number } => ({ id: 1_000 + WARMUP + i });

report({
  name: 'reads-eu',
  title: 'One read by a client in the EU: a task with its project and its assignee',
  figures: await measure(
    [
      { name: 'empty round trip in the region', run: () => cluster.roundTrip(EU) },
      { name: 'Meridian in eu-west-1, cached', run: (i) => cluster.graphql(EU, EU, TASK, { variables: known(i) }) },
      {
        name: 'Meridian in eu-west-1, a task that was never read',
        run: (i) => cluster.graphql(EU, EU, TASK, { variables: unknown(i) }),
      },
      { name: 'all traffic to us-east-1, cached', run: (i) => cluster.graphql(EU, US, TASK, { variables: known(i) }) },
    ],
    { runs, warmup: WARMUP },
  ),
});

report({
  name: 'reads-apac-dashboard',
  title: 'A dashboard for a client in APAC, cached but for one count that depends on the current date',
  figures: await measure(
    [
      { name: 'empty round trip in the region', run: () => cluster.roundTrip(AP) },
      {
        name: 'Meridian in ap-northeast-1, one request',
        run: (i) => cluster.graphql(AP, AP, DASHBOARD, { variables: known(i) }),
      },
      {
        name: 'all traffic to us-east-1, one request',
        run: (i) => cluster.graphql(AP, US, DASHBOARD, { variables: known(i) }),
      },
      {
        name: 'all traffic to us-east-1, three requests in turn',
        run: async (i) => {
          for (const step of STEPS) await cluster.graphql(AP, US, step, { variables: known(i) });
        },
      },
    ],
    { runs, warmup: WARMUP },
  ),
});

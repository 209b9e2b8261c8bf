/**
 * Claim: reads cost what the way to the user's own region costs. The two situations the product exists for, each side by
 * side with "all traffic to us-east-1" on the same cluster: one read from the EU, and an APAC dashboard.
 */
import { measure, report } from './support/measure.ts';
import { AP, EU, startBenchCluster, US } from './support/regions.ts';

const TASK = 'query($id: ID!) { task(id: $id) { title status project { name } assignee { name } } }';
const DASHBOARD = `query($id: ID!) { dashboard(organizationId: $id) { openTasks doneTasks overdueTasks
  latestProjects { id name owner { name } } latestTasks { id title status assignee { name } } } }`;
/** What a frontend without a dashboard field sends, one after the other, since each needs the one before. */
const STEPS = [
  'query($id: ID!) { organization(id: $id) { name projects(first: 10, orderBy: CREATED_AT_DESC) { nodes { id name owner { id } } } } }',
  'query($id: ID!) { organization(id: $id) { users(first: 20) { nodes { id name } } } }',
  'query($id: ID!) { organization(id: $id) { projects(first: 10, orderBy: CREATED_AT_DESC) { nodes { tasks(first: 10, orderBy: CREATED_AT_DESC) { nodes { id title status assignee { name } } } } } } }',
];

await using cluster = await startBenchCluster();
const runs = Number(process.argv[2] ?? 100);
const organization = (i: number): { id: number } => ({ id: 1 + (Math.abs(i) % 50) });

report({
  name: 'reads-eu',
  title: 'One read by a client in the EU',
  figures: await measure(
    [
      { name: 'empty round trip in the region', run: () => cluster.roundTrip(EU) },
      { name: 'Meridian in eu-west-1', run: (i) => cluster.graphql(EU, EU, TASK, { variables: { id: 1 + Math.abs(i) } }) },
      { name: 'all traffic to us-east-1', run: (i) => cluster.graphql(EU, US, TASK, { variables: { id: 1 + Math.abs(i) } }) },
    ],
    { runs },
  ),
});

report({
  name: 'reads-apac-dashboard',
  title: 'A dashboard for a client in APAC',
  figures: await measure(
    [
      { name: 'empty round trip in the region', run: () => cluster.roundTrip(AP) },
      { name: 'Meridian in ap-northeast-1, one request', run: (i) => cluster.graphql(AP, AP, DASHBOARD, { variables: organization(i) }) },
      { name: 'all traffic to us-east-1, one request', run: (i) => cluster.graphql(AP, US, DASHBOARD, { variables: organization(i) }) },
      {
        name: 'all traffic to us-east-1, three requests in turn',
        run: async (i) => {
          for (const step of STEPS) await cluster.graphql(AP, US, step, { variables: organization(i) });
        },
      },
    ],
    { runs },
  ),
});

/**
 * Claim: what carries the token through a gateway costs little beside the gateway itself. Side by side, on the same
 * graph in one region: the subgraph asked directly, and through either gateway with and without Meridian's plugin.
 * Servers and gateways share this process.
 */
import { AP, US, startTestGraph, type GraphGatewayOptions } from '../test/support/graph.ts';
import { TOKEN_SECRET, type Answer } from '../test/support/app.ts';
import { measure, report, type Candidate } from './support/measure.ts';

const READ = 'query ($id: ID!) { user(id: $id) { name email organization { name } } }';
const TWO = 'query ($id: ID!) { user(id: $id) { name assignedTasks(first: 5) { nodes { title assignee { name } } } } }';
const WRITE = 'mutation ($id: ID!, $bio: String!) { updateUser(id: $id, input: { bio: $bio }) { user { bio } } }';

const GATEWAYS: readonly { readonly name: string; readonly through: Omit<GraphGatewayOptions, 'region'> }[] = [
  { name: 'Hive Gateway', through: { kind: 'hive', mode: 'none' } },
  { name: 'Hive Gateway with the plugin', through: { kind: 'hive' } },
  {
    name: 'Hive Gateway with the plugin, folding tokens',
    through: { kind: 'hive', options: { tokenSecret: TOKEN_SECRET } },
  },
  { name: '@apollo/gateway', through: { kind: 'apollo', mode: 'none' } },
  { name: '@apollo/gateway with the plugin', through: { kind: 'apollo' } },
  {
    name: '@apollo/gateway with the plugin, folding tokens',
    through: { kind: 'apollo', options: { tokenSecret: TOKEN_SECRET } },
  },
];

await using graph = await startTestGraph({ scale: 0.1 });
const runs = Number(process.argv[2] ?? 300);
const WARMUP = 50;

const checked = ({ errors }: Answer<unknown>): void => {
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
};
/** In the cache after the warm-up. */
const known = (i: number): number => 1 + (Math.abs(i) % 10);

const candidates = (
  query: string,
  region: string,
  variables: (i: number) => Record<string, unknown>,
  direct: boolean,
): Candidate[] => {
  /**
   * Each client sends back what it was answered, as clients do; without the plugin two subgraphs' tokens do not come.
   */
  const asking = (
    ask: (call: { variables: Record<string, unknown>; token: string | null }) => Promise<Answer<unknown>>,
  ): Candidate['run'] => {
    let token: string | null = null;
    return async (i) => {
      const answer = await ask({ variables: variables(i), token });
      checked(answer);
      token = answer.token ?? token;
    };
  };
  return [
    ...(direct
      ? [{ name: 'the subgraph itself', run: asking((call) => graph.apps.accounts.gql(region, query, call)) }]
      : []),
    ...GATEWAYS.map(({ name, through }) => ({
      name,
      run: asking((call) => graph.gql({ ...through, region }, query, call)),
    })),
  ];
};

report({
  name: 'federation-one',
  title: 'A read from one subgraph, cached',
  figures: await measure(
    candidates(READ, AP, (i) => ({ id: known(i) }), true),
    { runs, warmup: WARMUP },
  ),
});
report({
  name: 'federation-two',
  title: 'A read from accounts to work and back: three fetches, cached',
  figures: await measure(
    candidates(TWO, AP, (i) => ({ id: known(i) }), false),
    { runs, warmup: WARMUP },
  ),
});
report({
  name: 'federation-mutation',
  title: "A mutation in the primary's region",
  figures: await measure(
    candidates(WRITE, US, (i) => ({ id: known(i), bio: `bio ${i}` }), true),
    { runs, warmup: WARMUP },
  ),
});

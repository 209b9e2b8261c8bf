/**
 * Owns the `curl` commands that a new graph of several subgraphs prints: each goes through a gateway and needs more
 * than one database.
 */
import { type CompiledSchema } from '../../schema-compiler/compile.ts';
import { type Cluster } from '../cluster.ts';
import { curl, healthLine, tokenOf } from '../curl.ts';
import { type Example } from '../examples.ts';
import { sampleQuery } from '../sample.ts';

export interface GraphExamplesInput {
  /** In the order of the regions. */
  readonly gateways: readonly { readonly region: string; readonly url: string }[];
  readonly subgraphs: readonly { readonly cluster: Cluster; readonly compiled: CompiledSchema }[];
  /** Path of cluster.json as the user's shell reaches it. */
  readonly manifest: string;
}

export async function graphExamples({ gateways, subgraphs, manifest }: GraphExamplesInput): Promise<Example[]> {
  const [first, second = first, ...rest] = gateways;
  const last = rest.at(-1) ?? second;
  if (!first || !second || !last) return [];
  const field = subgraphs[0]?.compiled.adminFields.regionHealth ?? '';
  const health =
    field === ''
      ? []
      : [
          {
            what: `How every region of every subgraph is, as ${last.region} sees it`,
            line: healthLine(last.url, `${field} { subgraph region role status replicationLagMs rttMs }`, manifest),
          },
        ];
  if (isWorkspace(subgraphs.map(({ compiled }) => compiled))) {
    const user = tokenOf(
      curl(second.url, 'mutation { updateUser(id: 1, input: { name: "Ada Lovelace" }) { user { name } token } }'),
    );
    const task = tokenOf(
      curl(
        first.url,
        'mutation { updateTask(id: 1, input: { title: "Greet the analytical engine", assigneeId: 1 }) { task { title } token } }',
      ),
    );
    const read = curl(last.url, '{ user(id: 1) { name version } task(id: 1) { title assignee { name } } }', [
      `-H "consistency-token: $TOKEN_A,$TOKEN_B"`,
    ]);
    const page =
      '{ dashboard(organizationId: 1) { organization { name } openTasks doneTasks overdueTasks latestProjects { name owner { name } } latestTasks { title assignee { name } } } }';
    return [
      {
        what: `Write a user in ${second.region} and a task in ${first.region}, in two databases, then read both in ${last.region}: the tokens make sure that both are there`,
        line: `TOKEN_A=${user} && TOKEN_B=${task} && ${read}`,
      },
      { what: `A whole page in ${last.region}, out of both subgraphs, in one request`, line: curl(last.url, page) },
      ...health,
    ];
  }
  const query = (await Promise.all(subgraphs.map(({ cluster, compiled }, i) => aliased(cluster, compiled, i)))).join(
    ' ',
  );
  return [
    {
      what: `A read of every subgraph in ${last.region}, with who answered it and how fresh it is`,
      line: curl(last.url, `{ ${query} }`, [`-H 'consistency-token;'`]),
    },
    {
      what: `The same, not older than the primaries at this moment`,
      line: curl(last.url, `query @consistent { ${query} }`),
    },
    ...health,
  ];
}

/** With an alias: two subgraphs may both have a field of this name. */
async function aliased(cluster: Cluster, compiled: CompiledSchema, i: number): Promise<string> {
  return `a${i + 1}: ${await sampleQuery(cluster, compiled)}`;
}

/** The reference application as two subgraphs, or one that has its fields in any of them. */
function isWorkspace(subgraphs: readonly CompiledSchema[]): boolean {
  const has = (kind: 'queries' | 'mutations', field: string): boolean =>
    subgraphs.some(({ model }) => model[kind].has(field));
  return (
    subgraphs.length > 1 &&
    ['user', 'task', 'dashboard'].every((field) => has('queries', field)) &&
    ['updateUser', 'updateTask'].every((field) => has('mutations', field))
  );
}

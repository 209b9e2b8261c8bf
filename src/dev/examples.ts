/** Owns the `curl` commands that a new cluster prints: each can be pasted as it is and shows one feature. */
import { type CompiledSchema } from '../schema-compiler/compile.ts';
import { type Model } from '../model/model.ts';
import { type Cluster } from './cluster.ts';
import { curl, healthLine, tokenOf } from './curl.ts';
import { sampleQuery } from './sample.ts';

export interface Example {
  readonly what: string;
  readonly line: string;
}

export interface ExamplesInput {
  readonly cluster: Cluster;
  readonly compiled: CompiledSchema;
  /** Path of cluster.json as the user's shell reaches it. */
  readonly manifest: string;
}

export async function examplesFor(input: ExamplesInput): Promise<Example[]> {
  const { cluster, compiled, manifest } = input;
  const regions = cluster.regions.map(({ name }) => ({ name, url: cluster.urlFor(name, name) }));
  const [first, second = first, ...rest] = regions;
  const last = rest.at(-1) ?? second;
  if (!first || !second || !last) return [];
  const { regionHealth } = compiled.adminFields;
  const health =
    regionHealth === ''
      ? []
      : [
          {
            what: `How every region is, as ${last.name} sees it`,
            line: healthLine(last.url, `${regionHealth} { region role status replicationLagMs rttMs }`, manifest),
          },
        ];
  if (isWorkspace(compiled.model)) {
    const write = curl(
      second.url,
      'mutation { updateUser(id: 1, input: { name: "Ada Lovelace" }) { user { name } token } }',
    );
    const read = curl(last.url, '{ user(id: 1) { name version } }', [`-H "consistency-token: $TOKEN"`]);
    const dashboard =
      '{ dashboard(organizationId: 1) { openTasks doneTasks overdueTasks latestProjects { name owner { name } } latestTasks { title assignee { name } } } }';
    return [
      {
        what: `Write in ${second.name}, then read it in ${last.name}: the token makes sure that it is there`,
        line: `TOKEN=${tokenOf(write)} && ${read}`,
      },
      { what: `A whole page in ${last.name}, in one request`, line: curl(last.url, dashboard) },
      ...health,
    ];
  }
  const query = await sampleQuery(cluster, compiled);
  return [
    {
      what: `A read in ${last.name}, with who answered it and how fresh it is`,
      line: curl(last.url, `{ ${query} }`, [`-H 'consistency-token;'`]),
    },
    {
      what: `The same, not older than the primary at this moment`,
      line: curl(last.url, `query @consistent { ${query} }`),
    },
    ...health,
  ];
}

/** The reference application, or one that has its fields. */
function isWorkspace({ queries, mutations, entities }: Model): boolean {
  const user = entities.get('User');
  return (
    mutations.get('updateUser')?.target === 'User' &&
    queries.has('user') &&
    queries.has('dashboard') &&
    user?.fields.has('name') === true &&
    user.fields.has('version')
  );
}

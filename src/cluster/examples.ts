/** Owns the `curl` lines that a new cluster shows: they can be pasted as they are, and each shows what the product is for. */
import { Kind, type DocumentNode, type TypeNode } from 'graphql';
import { type CompiledSchema } from '../graphql/sdl/compile.ts';
import { type Entity, type LookupRoot, type Model } from '../model/model.ts';
import { type Cluster } from './cluster.ts';
import { withSession } from './postgres/session.ts';

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

const FIELDS_SHOWN = 4;

/** One word of a shell, whatever it holds. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function curl(url: string, query: string, headers: readonly string[] = []): string {
  const sent = [...headers, `-H 'content-type: application/json'`, `-d ${shellWord(JSON.stringify({ query }))}`];
  return `curl -s ${sent.join(' ')} ${url}/graphql`;
}

export async function examplesFor(input: ExamplesInput): Promise<Example[]> {
  const { cluster, compiled, manifest } = input;
  const regions = cluster.regions.map(({ name }) => ({ name, url: cluster.urlFor(name, name) }));
  const [first, second = first, ...rest] = regions;
  const last = rest.at(-1) ?? second;
  if (!first || !second || !last) return [];
  const healthFields = 'region role status replicationLagMs rttMs';
  const health = { what: `How every region is, as ${last.name} sees it`, line: curl(last.url, `{ regionHealth { ${healthFields} } }`, [`-H "authorization: Bearer $(sed -n 's/.*"adminToken": "\\(.*\\)".*/\\1/p' ${shellWord(manifest)})"`]) };
  if (isWorkspace(compiled.model)) {
    const write = curl(second.url, 'mutation { updateUser(id: 1, input: { name: "Ada Lovelace" }) { user { name } token } }');
    const read = curl(last.url, '{ user(id: 1) { name version } }', [`-H "consistency-token: $TOKEN"`]);
    const dashboard = '{ dashboard(organizationId: 1) { openTasks doneTasks overdueTasks latestProjects { name owner { name } } latestTasks { title assignee { name } } } }';
    return [
      { what: `Write in ${second.name}, then read it in ${last.name}: the token makes sure that it is there`, line: `TOKEN=$(${write} | sed 's/.*"token":"\\([^"]*\\)".*/\\1/') && ${read}` },
      { what: `A whole page in ${last.name}, in one request`, line: curl(last.url, dashboard) },
      health,
    ];
  }
  const query = await sampleQuery(input);
  return [
    { what: `A read in ${last.name}, with who answered it and how fresh it is`, line: curl(last.url, `{ ${query} }`, [`-H 'consistency-token;'`]) },
    { what: `The same, not older than the primary at this moment`, line: curl(last.url, `query @consistent { ${query} }`) },
    health,
  ];
}

/** The reference application, or one that has its fields. */
function isWorkspace({ queries, mutations, entities }: Model): boolean {
  const user = entities.get('User');
  return mutations.get('updateUser')?.target === 'User' && queries.has('user') && queries.has('dashboard') && user?.fields.has('name') === true && user.fields.has('version');
}

/** A selection on `Query` that a database with these tables can answer: one row by its key, else a list, else the schema's name. */
async function sampleQuery({ cluster, compiled: { model, typeDefs } }: ExamplesInput): Promise<string> {
  for (const [name, root] of model.queries) {
    const entity = root.kind === 'lookup' ? model.entities.get(root.target) : undefined;
    const selection = entity && columnFields(entity);
    if (root.kind !== 'lookup' || !entity || !selection) continue;
    const args = await sampleArguments(cluster, entity, root, (argument) => argumentType(typeDefs, name, argument));
    if (args !== null) return `${name}(${args}) { ${selection} }`;
  }
  for (const [name, root] of model.queries) {
    if (root.kind !== 'connection' && root.kind !== 'list') continue;
    const entity = model.entities.get(root.target);
    const selection = entity && columnFields(entity);
    if (selection) return root.kind === 'connection' ? `${name}(first: 3) { edges { node { ${selection} } } }` : `${name} { ${selection} }`;
  }
  return '__typename';
}

function columnFields(entity: Entity): string {
  return [...entity.fields].filter(([, field]) => field.kind === 'column').slice(0, FIELDS_SHOWN).map(([name]) => name).join(' ');
}

function quoted(identifier: string): string {
  return `"${identifier.replaceAll('"', '""')}"`;
}

/** Arguments that name a row which is there; null while the table is empty. */
async function sampleArguments(cluster: Cluster, entity: Entity, root: LookupRoot, typeOf: (argument: string) => string | null): Promise<string | null> {
  const wanted = [...root.arguments];
  const columns = wanted.map(([, column], i) => `${quoted(column)}::text AS "${i}"`).join(', ');
  const order = entity.primaryKey.map(quoted).join(', ');
  const sql = `SELECT ${columns} FROM ${quoted(entity.table.schema)}.${quoted(entity.table.name)} WHERE ${wanted.map(([, column]) => `${quoted(column)} IS NOT NULL`).join(' AND ')} ORDER BY ${order} LIMIT 1`;
  const dsn = cluster.regions[0]?.dsn ?? '';
  const { rows } = await withSession({ dsn }, (client) => client.query<Record<string, string>>(sql));
  const [row] = rows;
  if (!row) return null;
  return wanted.map(([argument], i) => `${argument}: ${typeOf(argument) === 'Int' ? row[i] : JSON.stringify(row[i])}`).join(', ');
}

function argumentType(typeDefs: DocumentNode, field: string, argument: string): string | null {
  for (const definition of typeDefs.definitions) {
    if ((definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.OBJECT_TYPE_EXTENSION) || definition.name.value !== 'Query') continue;
    const found = definition.fields?.find(({ name }) => name.value === field)?.arguments?.find(({ name }) => name.value === argument);
    if (found) return namedType(found.type);
  }
  return null;
}

function namedType(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : namedType(type.type);
}

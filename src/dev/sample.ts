/** Owns an example query for a new application, derived from its model and its rows. */
import { Kind, type DocumentNode, type TypeNode } from 'graphql';
import { quoteIdentifier } from '../base/sql-text.ts';
import { type CompiledSchema } from '../schema-compiler/compile.ts';
import { type Entity, type LookupRoot } from '../model/model.ts';
import { type Cluster } from './cluster.ts';
import { withSession } from './postgres/session.ts';

const FIELDS_SHOWN = 4;

/**
 * A selection on `Query` that a database with these tables can answer: one row by its key, else a list, else the
 * schema's name.
 */
export async function sampleQuery(cluster: Cluster, { model, typeDefs }: CompiledSchema): Promise<string> {
  for (const [name, root] of model.queries) {
    const entity = root.kind === 'lookup' ? model.entities.get(root.target) : undefined;
    const selection = entity && columnFields(entity);
    if (root.kind !== 'lookup' || !entity || !selection) continue;
    const args = await sampleArguments({
      cluster,
      entity,
      root,
      typeOf: (argument) => argumentType(typeDefs, name, argument),
    });
    if (args !== null) return `${name}(${args}) { ${selection} }`;
  }
  for (const [name, root] of model.queries) {
    if (root.kind !== 'connection' && root.kind !== 'list') continue;
    const entity = model.entities.get(root.target);
    const selection = entity && columnFields(entity);
    if (selection)
      return root.kind === 'connection'
        ? `${name}(first: 3) { edges { node { ${selection} } } }`
        : `${name} { ${selection} }`;
  }
  return '__typename';
}

function columnFields(entity: Entity): string {
  return [...entity.fields]
    .filter(([, field]) => field.kind === 'column')
    .slice(0, FIELDS_SHOWN)
    .map(([name]) => name)
    .join(' ');
}

interface SampleArgumentsInput {
  readonly cluster: Cluster;
  readonly entity: Entity;
  readonly root: LookupRoot;
  readonly typeOf: (argument: string) => string | null;
}

/** Arguments that name an existing row; null if the table is empty. */
async function sampleArguments({ cluster, entity, root, typeOf }: SampleArgumentsInput): Promise<string | null> {
  const wanted = [...root.arguments];
  const columns = wanted.map(([, column], i) => `${quoteIdentifier(column)}::text AS "${i}"`).join(', ');
  const order = entity.primaryKey.map(quoteIdentifier).join(', ');
  const sql = `SELECT ${columns} FROM ${quoteIdentifier(entity.table.schema)}.${quoteIdentifier(entity.table.name)} WHERE ${wanted.map(([, column]) => `${quoteIdentifier(column)} IS NOT NULL`).join(' AND ')} ORDER BY ${order} LIMIT 1`;
  const dsn = cluster.regions[0]?.dsn ?? '';
  const { rows } = await withSession({ dsn }, (client) => client.query<Record<string, string>>(sql));
  const [row] = rows;
  if (!row) return null;
  return wanted
    .map(([argument], i) => `${argument}: ${typeOf(argument) === 'Int' ? row[i] : JSON.stringify(row[i])}`)
    .join(', ');
}

function argumentType(typeDefs: DocumentNode, field: string, argument: string): string | null {
  for (const definition of typeDefs.definitions) {
    if (
      (definition.kind !== Kind.OBJECT_TYPE_DEFINITION && definition.kind !== Kind.OBJECT_TYPE_EXTENSION) ||
      definition.name.value !== 'Query'
    )
      continue;
    const found = definition.fields
      ?.find(({ name }) => name.value === field)
      ?.arguments?.find(({ name }) => name.value === argument);
    if (found) return namedType(found.type);
  }
  return null;
}

function namedType(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : namedType(type.type);
}

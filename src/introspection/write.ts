/** Owns the SDL's text: a file for each table, with its type, its root fields and what is left out of it. */
import { tableKey } from '../model/catalog.ts';
import { snakeCase } from '../model/names.ts';
import { enumText } from './enums.ts';
import { entityArguments, planGraph, type EntityPlan, type FieldPlan, type GraphPlan } from './plan.ts';
import { planRelations, type RelationPlan } from './relations.ts';
import { type PullRequest } from './request.ts';
import { listArguments, rootsOf } from './roots.ts';
import { described, pluralFieldOf, quoted, take } from './words.ts';

export interface PulledSchema {
  /** Text by the file's name. */
  readonly files: ReadonlyMap<string, string>;
  readonly entities: number;
  readonly tables: number;
  /** Sentences on what the graph has not, or has otherwise than one may expect. */
  readonly leftOut: readonly string[];
}

const LINK = `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])`;
export const SCHEMA_FILE = 'schema.graphql';
const ENUMS_FILE = 'enums.graphql';

/** Fields of `Query` that are Meridian's and federation's. */
const RESERVED_QUERIES = ['regionHealth', 'conflicts', '_entities', '_service'];

export function pullSchema(request: PullRequest): PulledSchema {
  const graph = planGraph(request);
  const relations = planRelations(request, graph);
  const files = new Map<string, string>();
  const names = new Set([SCHEMA_FILE, ENUMS_FILE].map(stemOf));
  const taken = { queries: new Set(RESERVED_QUERIES), mutations: new Set<string>() };
  const shared = graph.enums.filter(
    ({ users }) => users.length !== 1 || !graph.entities.some(({ type }) => type === users[0]),
  );
  const leftOut = [...graph.leftOut];
  for (const entity of graph.entities) {
    const own = relations.get(entity) ?? [];
    const roots = rootsOf({ entity, relations: own, taken, mutations: request.options.mutations });
    const enums = graph.enums.filter((one) => !shared.includes(one) && one.users[0] === entity.type);
    const remarks = [...entity.remarks, ...roots.remarks];
    const blocks = [
      typeText({ request, entity, relations: own, remarks }),
      ...enums.map(({ plan }) => enumText(plan)),
      block('extend type Query', roots.queries),
      ...(roots.mutations.length > 0 ? [block('extend type Mutation', roots.mutations)] : []),
      ...(roots.inputs.length > 0 ? [roots.inputs.join('\n')] : []),
    ];
    files.set(fileOf(request, entity, names), `${blocks.join('\n\n')}\n`);
  }
  for (const entity of graph.keyless) {
    const { table } = entity;
    if (table.kind === 'table')
      leftOut.push(
        `Table ${tableKey(table)} is left out: it has neither a primary key nor a unique key over NOT NULL columns; add one.`,
      );
    else {
      files.set(fileOf(request, entity, names), keylessText(request, entity));
      leftOut.push(
        `View ${tableKey(table)} waits as a comment: its definition does not say which columns tell its rows apart.`,
      );
    }
  }
  if (shared.length > 0) files.set(ENUMS_FILE, `${shared.map(({ plan }) => enumText(plan)).join('\n\n')}\n`);
  files.set(SCHEMA_FILE, schemaText(request, leftOut));
  return {
    files: new Map([...files].sort(([a], [b]) => (a < b ? -1 : 1))),
    entities: graph.entities.length,
    tables: tableCount(graph),
    leftOut,
  };
}

const tableCount = ({ entities, keyless, leftOut }: GraphPlan): number =>
  entities.length + keyless.length + leftOut.length;
const stemOf = (file: string): string => file.replace(/\.graphql$/, '');

function schemaText({ notes }: PullRequest, leftOut: readonly string[]): string {
  const about = `# The graph of database ${JSON.stringify(notes.database)}, by \`meridian pull\`. It is yours: what you change here stays when it is pulled again.`;
  return `${[about, ...leftOut.map((sentence) => `# ${sentence}`)].join('\n')}\n\n${LINK}\n`;
}

function fileOf({ catalog }: PullRequest, { table }: EntityPlan, names: Set<string>): string {
  const part = (name: string): string => name.toLowerCase().replace(/[^a-z0-9_-]+/g, '_');
  const isFirst = table.schema === catalog.searchPath[0];
  return `${take(names, `${isFirst ? '' : `${part(table.schema)}.`}${part(table.name)}`)}.graphql`;
}

function block(header: string, lines: readonly string[]): string {
  return [`${header} {`, ...lines.map((line) => `  ${line}`), '}'].join('\n');
}

interface TypeTextInput {
  readonly request: PullRequest;
  readonly entity: EntityPlan;
  readonly relations: readonly RelationPlan[];
  readonly remarks: readonly string[];
}

function typeText({ request, entity, relations, remarks }: TypeTextInput): string {
  const keys = entity.keys.map(
    (key) => ` @key(fields: ${quoted(key.map((column) => entity.fields.get(column)?.name ?? column).join(' '))})`,
  );
  // A field that stands for a column stands where the column does.
  const lines = [...entity.table.columns.values()].flatMap((column): readonly string[] => {
    const field = entity.fields.get(column.name);
    const relation = relations.find((one) => one.column === column.name);
    return [...(field ? fieldText(request, field) : []), ...(relation ? relationText(request, relation) : [])];
  });
  const others = relations
    .filter(({ column }) => column === null)
    .flatMap((relation) => relationText(request, relation));
  return [
    ...described(entity.comment, ''),
    `type ${entity.type} @entity${argumentText(entityArguments(request, entity))}${keys.join('')} {`,
    ...[...lines, ...others, ...remarks.map((remark) => `# ${remark}`)].map((line) => `  ${line}`),
    '}',
  ].join('\n');
}

function argumentText(given: readonly (readonly [string, string])[]): string {
  return given.length === 0 ? '' : `(${given.map(([name, value]) => `${name}: ${quoted(value)}`).join(', ')})`;
}

function fieldText(
  { catalog, options }: PullRequest,
  { name, column, type, nonNull, omitted, comment }: FieldPlan,
): readonly string[] {
  const table = [...catalog.tables.values()].find(({ columns }) => columns.get(column.name) === column);
  const called = [snakeCase(name), name].filter((one) => table?.columns.has(one));
  const isMeant = called.length > 0 && called.every((one) => one === column.name);
  const writes = options.mutations && table?.kind === 'table';
  const left = [...omitted, ...(writes && column.readOnly ? ['CREATE', 'UPDATE'] : [])];
  const directives = [
    ...(isMeant ? [] : [`@column(name: ${quoted(column.name)})`]),
    ...(writes && nonNull && column.hasDefault && !column.readOnly && name !== 'id' ? ['@default'] : []),
    ...(left.length > 0 ? [`@omit(from: [${left.join(', ')}])`] : []),
  ];
  return [...described(comment, ''), [`${name}: ${type}${nonNull ? '!' : ''}`, ...directives].join(' ')];
}

function relationText({ options }: PullRequest, relation: RelationPlan): readonly string[] {
  const { name, target, kind, nonNull, from, to, column, comment } = relation;
  const list = (columns: readonly string[]): string => `[${columns.map(quoted).join(', ')}]`;
  const given = [...(from ? [`from: ${list(from)}`] : []), ...(to ? [`to: ${list(to)}`] : [])];
  const directive = given.length > 0 ? ` @relation(${given.join(', ')})` : '';
  const hasDefault =
    options.mutations && kind === 'one' && nonNull && column !== null && relation.hasDefault ? ' @default' : '';
  const text =
    kind === 'one'
      ? `${name}: ${target.type}${nonNull ? '!' : ''}${directive}${hasDefault}`
      : `${name}(${listArguments(target)}): ${target.type}Connection!${directive}`;
  return [...described(comment, ''), text];
}

function keylessText(request: PullRequest, entity: EntityPlan): string {
  const { fields, type, table } = entity;
  const head = [
    `# View ${tableKey(table)}: its definition does not say which columns tell its rows apart, which Meridian must know.`,
    '# Name fields that do with @key and declare them non-null, and take the signs at the beginning of the lines away.',
    '#',
  ];
  const body = [
    ...described(entity.comment, ''),
    `type ${type} @entity${argumentText(entityArguments(request, entity))} @key(fields: "") {`,
    ...[...fields.values()].flatMap((field) => fieldText(request, field)).map((line) => `  ${line}`),
    '}',
    '',
    'extend type Query {',
    `  ${pluralFieldOf(type)}(${listArguments(entity)}): ${type}Connection!`,
    '}',
  ];
  return `${[...head, ...body.map((line) => `# ${line}`.trimEnd())].join('\n')}\n`;
}

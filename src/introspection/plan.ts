/** Owns what the graph is to have: which tables become types, which columns fields, and which lead to another type. */
import { findTable, tableKey, type CatalogColumn, type CatalogTable, type ForeignKey } from '../model/catalog.ts';
import { plural, snakeCase } from '../model/names.ts';
import { enumSql, planEnum, type EnumPlan } from './enums.ts';
import { isNonNull, omittedOf, typeOf, whyLeftOut } from './columns.ts';
import { keysOf } from './keys.ts';
import { matches, type PullRequest } from './request.ts';
import { columnFieldOf, take, typeNameOf, wordsOf, camel, pascal } from './words.ts';

export interface FieldPlan {
  readonly name: string;
  readonly column: CatalogColumn;
  /** Without `!`. */
  readonly type: string;
  readonly nonNull: boolean;
  readonly omitted: readonly string[];
  readonly comment: string | null;
}

export interface EntityPlan {
  readonly table: CatalogTable;
  readonly type: string;
  readonly comment: string | null;
  /** Column sets that tell rows apart, the one that rows go by first; empty where there is none. */
  readonly keys: readonly (readonly string[])[];
  /** By column. */
  readonly fields: ReadonlyMap<string, FieldPlan>;
  /** Keys that are followed instead of showing their column. */
  readonly followed: readonly ForeignKey[];
  /** Names of fields. */
  readonly taken: Set<string>;
  readonly remarks: readonly string[];
}

export interface GraphPlan {
  readonly entities: readonly EntityPlan[];
  /** Tables with nothing that tells their rows apart. */
  readonly keyless: readonly EntityPlan[];
  /** With the types that use them. */
  readonly enums: readonly { readonly plan: EnumPlan; readonly users: readonly string[] }[];
  /** A sentence for each table that the graph leaves out. */
  readonly leftOut: readonly string[];
  readonly types: Set<string>;
}

/** Endings of types that are made of an entity. */
const MADE = /(Connection|Edge|Filter|Order|Input|Payload|Conflict)$/;

export function planGraph(request: PullRequest): GraphPlan {
  const { catalog, notes } = request;
  const leftOut: string[] = [];
  const wanted = [...catalog.tables.values()]
    .filter((table) => isWanted(table, request))
    .filter((table) => {
      const why = whyNotShown(table, request);
      if (why !== null)
        leftOut.push(`${table.relation === 'view' ? 'View' : 'Table'} ${tableKey(table)} is left out: ${why}.`);
      return why === null;
    })
    .sort((a, b) => rank(catalog.searchPath, a) - rank(catalog.searchPath, b) || byName(a, b));
  const types = new Set(request.reserved);
  const named = nameTypes(wanted, types);
  const enums = new Map<string, { plan: EnumPlan; users: string[] }>();
  const shown = new Set(wanted.filter((table) => keysOf(table, request).length > 0).map(tableKey));
  const all = wanted.map((table) =>
    planEntity(request, {
      table,
      type: named.get(table) ?? '',
      shown,
      enumOf: (column) => {
        const sql = enumSql(column);
        const found = enums.get(sql) ?? { plan: planEnum(column, notes, types), users: [] };
        enums.set(sql, found);
        if (!found.users.includes(named.get(table) ?? '')) found.users.push(named.get(table) ?? '');
        return found.plan.name;
      },
    }),
  );
  return {
    entities: all.filter(({ keys }) => keys.length > 0),
    keyless: all.filter(({ keys }) => keys.length === 0),
    enums: [...enums.values()],
    leftOut,
    types,
  };
}

/** Of two names that differ in their case alone, the plain one comes first. */
function byName(a: CatalogTable, b: CatalogTable): number {
  const [one, other] = [tableKey(a), tableKey(b)];
  const [plain, plainOther] = [one.toLowerCase(), other.toLowerCase()];
  if (plain !== plainOther) return plain < plainOther ? -1 : 1;
  return one > other ? -1 : 1;
}

function rank(path: readonly string[], { schema }: CatalogTable): number {
  const at = path.indexOf(schema);
  return at === -1 ? path.length : at;
}

/** What Meridian keeps, and what belongs to an extension, is nobody's graph. */
function isWanted(table: CatalogTable, { notes, options }: PullRequest): boolean {
  const { schema, name } = table;
  if (schema === 'meridian' || notes.tables.get(tableKey(table))?.extension != null) return false;
  if (options.schemas !== null && !options.schemas.includes(schema)) return false;
  const among = (patterns: readonly string[]): boolean => patterns.some((pattern) => matches(pattern, schema, name));
  return (options.include.length === 0 || among(options.include)) && !among(options.exclude);
}

function whyNotShown(table: CatalogTable, { notes }: PullRequest): string | null {
  const hidden = notes.tables.get(tableKey(table))?.hidden ?? [];
  if (table.columns.size === 0) return 'it has no columns';
  if (hidden.length === table.columns.size) return 'this role may not read it';
  if (![...table.columns.values()].some((column) => whyLeftOut(column) === null && !hidden.includes(column.name)))
    return 'no type of GraphQL carries its columns';
  return null;
}

/** One name each; of two tables that would have the same, the later one has its schema's before it. */
function nameTypes(tables: readonly CatalogTable[], types: Set<string>): ReadonlyMap<CatalogTable, string> {
  const names = new Map<CatalogTable, string>();
  const plain = new Set(tables.map(({ name }) => typeNameOf(name)));
  for (const table of tables) {
    const name = typeNameOf(table.name);
    const stem = name.replace(MADE, '');
    const isMade = stem !== name && [...plain].some((other) => stem.endsWith(other));
    const full = `${pascal(wordsOf(table.schema))}${name}`;
    const free = [isMade ? `${name}Row` : name, full, `${full}Row`].find((one) => !types.has(one));
    names.set(table, take(types, free ?? full));
  }
  return names;
}

interface PlanEntityInput {
  readonly table: CatalogTable;
  readonly type: string;
  readonly shown: ReadonlySet<string>;
  readonly enumOf: (column: CatalogColumn) => string;
}

function planEntity(request: PullRequest, { table, type, shown, enumOf }: PlanEntityInput): EntityPlan {
  const { notes } = request;
  const own = notes.tables.get(tableKey(table));
  const keys = keysOf(table, request);
  const keyed = new Set([...keys, ...table.uniqueKeys].flat());
  const references = followedKeys(table, request, shown);
  const followed = references.filter(({ columns }) => columns.length === 1);
  const taken = new Set<string>();
  const remarks: string[] = [];
  const fields = new Map<string, FieldPlan>();
  const [single] = keys.length > 0 && keys[0]?.length === 1 ? keys[0] : [];
  const columns = [...table.columns.values()];
  const derived = columns.map((column, i) => ({
    column,
    name: idName({ table, type, column: column.name, single }) ?? columnFieldOf(column.name, i + 1),
  }));
  for (const { column, name } of derived) {
    const why = own?.hidden.includes(column.name) ? 'which this role may not read' : whyLeftOut(column);
    if (why !== null) {
      remarks.push(`Column ${column.name} is left out: ${why}.`);
      continue;
    }
    if (!keyed.has(column.name) && followed.some((key) => key.columns[0] === column.name && leadsToKey(request, key)))
      continue;
    const isKey = column.name === single || table.foreignKeys.some((key) => key.columns.includes(column.name));
    const field = take(taken, name);
    const shownType = typeOf(column, {
      names: isKey,
      enumName: column.type.kind === 'enum' && column.labels?.length ? enumOf(column) : null,
    });
    fields.set(column.name, {
      name: field,
      column,
      type: shownType,
      // What may be null in a view the catalog does not say.
      nonNull: table.kind === 'table' ? isNonNull(column) : keys[0]?.includes(column.name) === true,
      omitted: omittedOf(column, { field, type: shownType }),
      comment: own?.columnComments.get(column.name) ?? null,
    });
  }
  if (table.relation === 'partitioned')
    remarks.push(
      `The table has ${own?.partitions ?? 0} partitions, which are read through it; its rows are not cached.`,
    );
  return { table, type, comment: own?.comment ?? null, keys, fields, followed: references, taken, remarks };
}

/** The key `film_id` of `film` is `id`, unless a column has that name. */
function idName({
  table,
  type,
  column,
  single,
}: {
  table: CatalogTable;
  type: string;
  column: string;
  single: string | undefined;
}): string | null {
  if (column !== single || [...table.columns.keys()].some((name) => name !== column && camel(wordsOf(name)) === 'id'))
    return null;
  const plain = wordsOf(column).join('');
  const owners = [wordsOf(table.name), wordsOf(type)].map((words) => words.join(''));
  return owners.some((owner) => plain === `${owner}id`) ? 'id' : null;
}

/** Keys to types of the graph, each pair of columns once. */
function followedKeys(
  table: CatalogTable,
  { catalog }: PullRequest,
  shown: ReadonlySet<string>,
): readonly ForeignKey[] {
  const seen = new Set<string>();
  return [...table.foreignKeys]
    .sort((a, b) => position(table, a) - position(table, b) || (a.name < b.name ? -1 : 1))
    .filter((key) => {
      const text = JSON.stringify([key.columns, tableKey(key.toTable), key.toColumns]);
      if (seen.has(text) || !shown.has(tableKey(key.toTable)) || !catalog.tables.has(tableKey(key.toTable)))
        return false;
      seen.add(text);
      return true;
    });
}

function position(table: CatalogTable, key: ForeignKey): number {
  return [...table.columns.keys()].indexOf(key.columns[0] ?? '');
}

/** Whether the other row's key alone is what the column holds: then the relation shows it. */
export function leadsToKey({ catalog }: PullRequest, { toTable, toColumns }: ForeignKey): boolean {
  const key = catalog.tables.get(tableKey(toTable))?.primaryKey ?? null;
  return key !== null && key.join('\0') === toColumns.join('\0');
}

/** What `@entity` must say for the type to mean this table. */
export function entityArguments({ catalog }: PullRequest, { table, type }: EntityPlan): readonly [string, string][] {
  const singular = snakeCase(type);
  const finds = (schema: string | null): CatalogTable | null => {
    for (const name of [plural(singular), singular]) {
      const found = findTable(catalog, name, schema);
      if (found) return found;
    }
    return null;
  };
  // A schema that is found last may be found otherwise once another one has a table of that name.
  if (finds(null) === table && table.schema === catalog.searchPath[0]) return [];
  if (finds(table.schema) === table) return [['schema', table.schema]];
  const isFirst = findTable(catalog, table.name, null) === table && table.schema === catalog.searchPath[0];
  return [['table', table.name], ...(isFirst ? [] : [['schema', table.schema] as [string, string]])];
}

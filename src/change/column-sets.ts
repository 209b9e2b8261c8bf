/** Owns which sets of columns values are cached by, per table, as the model's keys and relations require. */
import { createHash } from 'node:crypto';
import { type Entity, type Model, type SqlType, type Table } from '../model/model.ts';
import { tableTag, tagsOver, type TableTag, type Tag } from './tags.ts';

/** Columns whose values make up a tag, in the order of their names. */
export interface ColumnSet {
  readonly columns: readonly string[];
  readonly tag: (values: readonly string[]) => Tag;
}

export interface TableSets {
  readonly table: TableTag;
  /** Types of its exact columns. */
  readonly exact: ReadonlyMap<string, SqlType>;
  /** By `setName`. The empty set, any row, is always among them. */
  readonly sets: ReadonlyMap<string, ColumnSet>;
}

export const setName = (columns: readonly string[]): string => columns.join('\u0000');
/** PostgreSQL's names contain no NUL, so that no two tables share a name here. */
export const nameOf = ({ schema, name }: Table): string => `${schema}\u0000${name}`;

/** Several entities may show the same table: a change must name the tags of all of them. */
export function columnSets(model: Model): ReadonlyMap<string, TableSets> {
  const exact = new Map<string, Map<string, SqlType>>();
  const asked = new Map<string, Set<readonly string[]>>();
  for (const entity of model.entities.values()) {
    const name = nameOf(entity.table);
    const columns = getOrAdd(exact, name, () => new Map<string, SqlType>());
    for (const column of entity.columns.values()) if (column.exact) columns.set(column.name, column.type);
    getOrAdd(asked, name, () => new Set([[]]));
  }
  for (const [entity, columns] of askedFor(model)) asked.get(nameOf(entity.table))?.add(columns);
  const tables = new Map([...model.entities.values()].map(({ table }) => [nameOf(table), table]));
  return new Map(
    [...tables].map(([name, table]) => [
      name,
      setsOf(table, exact.get(name) ?? new Map<string, SqlType>(), asked.get(name) ?? new Set()),
    ]),
  );
}

function* askedFor({
  entities,
  stubs,
  queries,
  subscriptions,
}: Model): Generator<readonly [Entity, readonly string[]]> {
  for (const entity of entities.values()) {
    for (const key of [entity.primaryKey, ...entity.uniqueKeys, ...entity.federationKeys]) yield [entity, key];
  }
  for (const { fields } of [...entities.values(), ...stubs.values()]) {
    for (const field of fields.values()) {
      const target = 'target' in field ? entities.get(field.target) : undefined;
      if (!target || !('join' in field)) continue;
      const { to, comparisons } = field.join;
      // Columns that are compared with values of another type cannot be compared as text.
      yield [target, to.filter((_, i) => comparisons?.[i]?.exact ?? true)];
    }
  }
  for (const root of [...queries.values(), ...subscriptions.values()]) {
    const target = root.kind === 'lookup' ? entities.get(root.target) : undefined;
    if (target && root.kind === 'lookup') yield [target, [...root.arguments.values()]];
  }
}

function setsOf(table: Table, exact: ReadonlyMap<string, SqlType>, asked: Iterable<readonly string[]>): TableSets {
  const tag = tableTag(table);
  const sets = new Map<string, ColumnSet>();
  for (const columns of asked) {
    const reduced = [...new Set(columns)].filter((column) => exact.has(column)).sort();
    sets.set(setName(reduced), { columns: reduced, tag: tagsOver(tag, reduced) });
  }
  return { table: tag, exact, sets };
}

/**
 * Increase this with every change to the spelling of tags: servers that spell them differently must not share a cache.
 */
const TAG_FORMAT = 1;

/**
 * A short hash. It differs if two models would name different tags for one change, or differ in which tables are fully
 * published: a value that one of them keeps would not be invalidated by the other.
 */
export function fingerprintOf(tables: ReadonlyMap<string, TableSets>, seen: Iterable<string>): string {
  const described = [...tables]
    .map(
      ([name, { sets, exact }]) =>
        [
          name,
          [...sets.values()]
            .map(({ columns }) => setName(columns.map((column) => `${column} ${exact.get(column)?.sql ?? ''}`)))
            .sort(),
        ] as const,
    )
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([TAG_FORMAT, described, [...seen].sort()]))
    .digest('base64url')
    .slice(0, 10);
}

export function getOrAdd<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

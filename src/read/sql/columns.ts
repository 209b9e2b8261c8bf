/**
 * Owns the select list: every mapped column of an entity, selected so that no driver can change its value, and the
 * conversion of the result back.
 */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type Column, type Entity, type Row, type SqlType } from '../../model/model.ts';
import { readerOf } from '../../model/values.ts';
import { comparedReference } from './comparing.ts';
import { columnReference } from './identifiers.ts';

/** Kinds that every driver reads exactly. All others are selected as text, independent of the installed parsers. */
const DIRECT: ReadonlySet<SqlType['kind']> = new Set(['int', 'float', 'bool', 'json', 'text', 'uuid', 'enum']);
const DIRECT_ARRAYS: ReadonlySet<SqlType['kind']> = new Set(['int', 'float', 'bool', 'json']);

/**
 * A cast to text changes these values: it adds the `/32` that the output of an address omits. Drivers read them as text
 * without a cast.
 */
const MISCAST: ReadonlySet<string> = new Set(['inet', 'inet[]']);

function outputExpression(reference: string, type: SqlType): string {
  if (MISCAST.has(type.sql)) return reference;
  // The driver cannot parse arrays of domains and would return them as one text.
  if (type.array) return DIRECT_ARRAYS.has(type.kind) ? comparedReference(reference, type) : `${reference}::text[]`;
  return DIRECT.has(type.kind) ? reference : `${reference}::text`;
}

const selectLists = new WeakMap<Entity, string>();

/** `"tasks"."id"::text AS "id", "tasks"."title" AS "title", …` */
export function outputColumns(entity: Entity): string {
  let list = selectLists.get(entity);
  if (list === undefined) selectLists.set(entity, (list = selectListOf(entity)));
  return list;
}

function selectListOf(entity: Entity): string {
  return [...entity.columns.values()]
    .map(
      (column) =>
        `${outputExpression(columnReference(entity, column.name), column.type)} AS ${quoteIdentifier(column.name)}`,
    )
    .join(', ');
}

/** The same columns without casts, for an inner query whose outer query casts them. */
export function rawColumns(entity: Entity): string {
  return [...entity.columns.keys()].map((name) => columnReference(entity, name)).join(', ');
}

type Reader = (row: Row) => Row;
const readers = new WeakMap<Entity, Reader>();

function makeReader(entity: Entity): Reader {
  const columns = [...entity.columns.values()].map((column: Column) => ({
    name: column.name,
    read: readerOf(column.type),
  }));
  return (row) => {
    const result: Record<string, unknown> = {};
    for (const { name, read } of columns) result[name] = read === null ? row[name] : read(row[name]);
    return result;
  };
}

/** Converts a row returned by a statement over `outputColumns` into a row of the entity, and drops other columns. */
export function readRow(entity: Entity, row: Row): Row {
  let reader = readers.get(entity);
  if (reader === undefined) {
    reader = makeReader(entity);
    readers.set(entity, reader);
  }
  return reader(row);
}

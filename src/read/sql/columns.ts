/**
 * Owns the select list: every mapped column of an entity, selected so that no driver can damage its value, and read
 * back.
 */
import { quoteIdentifier } from '../../base/sql-text.ts';
import { type Column, type Entity, type Row, type SqlType } from '../../model/model.ts';
import { readerOf } from '../../model/values.ts';
import { comparedReference } from './comparing.ts';
import { columnReference } from './identifiers.ts';

/** Kinds that every driver reads exactly; all others travel as text, whatever parsers are installed. */
const DIRECT: ReadonlySet<SqlType['kind']> = new Set(['int', 'float', 'bool', 'json', 'text', 'uuid', 'enum']);
const DIRECT_ARRAYS: ReadonlySet<SqlType['kind']> = new Set(['int', 'float', 'bool', 'json']);

/**
 * Their cast to text is not their spelling: it adds the `/32` that an address does not show. Drivers read them as text
 * anyway.
 */
const MISCAST: ReadonlySet<string> = new Set(['inet', 'inet[]']);

function outputExpression(reference: string, type: SqlType): string {
  if (MISCAST.has(type.sql)) return reference;
  // The driver knows no arrays of domains, and would leave them as one text.
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

/** The same columns untouched, for an inner query whose outer one casts them. */
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

/** Turns what a statement over `outputColumns` returned into a row of the entity, and leaves out anything else. */
export function readRow(entity: Entity, row: Row): Row {
  let reader = readers.get(entity);
  if (reader === undefined) {
    reader = makeReader(entity);
    readers.set(entity, reader);
  }
  return reader(row);
}

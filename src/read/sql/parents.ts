/**
 * Owns batches of key values in SQL: one array parameter per column, and an ordinal that assigns each result row to its
 * key.
 */
import { type SqlType } from '../../model/model.ts';
import { type SqlParam } from '../../model/values.ts';
import { keyType, matchSql, type ComparedColumns } from './comparing.ts';
import { castType, columnReference, columnType, elementType } from './identifiers.ts';
import { type Params } from './statement.ts';

/** One key: a canonical value per column, none of them NULL. */
export type KeyValues = readonly SqlParam[];

/** Quoted names that no column has, so that an author's condition cannot refer to them by accident. */
const SOURCE = '"$keys"';
const place = (i: number): string => `${SOURCE}."$${i}"`;

/** The number, from 1, of the key to which a row belongs. */
export const ORDINAL = '$ordinal';
export const ordinalReference = `${SOURCE}."${ORDINAL}"`;

/**
 * The columns of a key, and how its values are compared with them where the values come from columns of other types.
 */
export type KeyColumns = ComparedColumns;

/** `unnest($1::bigint[]) WITH ORDINALITY AS "$keys"("$0", "$ordinal")` */
export function keySource(of: KeyColumns, keys: readonly KeyValues[], params: Params): string {
  const { columns } = of;
  const lists = columns.map((_, i) => {
    const type = keyType(of, i);
    const values = keys.map((key) => key[i] ?? null);
    if (isTakenApart(type))
      return params.raw(
        'text[]',
        values.map((value) => (Array.isArray(value) ? arrayText(value) : value)),
      );
    return params.raw(`${elementType(type)}[]`, values);
  });
  return `unnest(${lists.join(', ')}) WITH ORDINALITY AS ${SOURCE}(${columns.map((_, i) => `"$${i}"`).join(', ')}, "${ORDINAL}")`;
}

/** `"tasks"."project_id" = "$keys"."$0"` */
export function matchesKey(of: KeyColumns): string {
  const { entity, columns, comparisons } = of;
  const pairs = columns.map((column, i) => {
    const type = keyType(of, i);
    const value = isTakenApart(type) ? `${place(i)}::${castType(type)}` : place(i);
    return matchSql({
      reference: columnReference(entity, column),
      type: columnType(entity, column),
      comparison: comparisons?.[i],
      value,
    });
  });
  return pairs.join(' AND ');
}

/**
 * unnest() flattens arrays of arrays completely and expands composite values into columns, so such values are passed as
 * text.
 */
function isTakenApart({ array, kind, sql }: SqlType): boolean {
  return array || (kind === 'other' && sql.includes('.'));
}

/** An array in PostgreSQL's text format: `{"a","b",NULL}`. */
function arrayText(values: readonly SqlParam[]): string {
  const entries = values.map((value) =>
    value === null ? 'NULL' : Array.isArray(value) ? arrayText(value) : `"${String(value).replace(/[\\"]/g, '\\$&')}"`,
  );
  return `{${entries.join(',')}}`;
}

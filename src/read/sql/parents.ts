/** Owns batches of key values in SQL: one array parameter per column, numbered so that answers find their key. */
import { type SqlType } from '../../model/model.ts';
import { type SqlParam } from '../../model/values.ts';
import { keyType, matchSql, type ComparedColumns } from './comparing.ts';
import { castType, columnReference, columnType, elementType } from './identifiers.ts';
import { type Params } from './statement.ts';

/** One key: a canonical value per column, none of them NULL. */
export type KeyValues = readonly SqlParam[];

/** Quoted names that no column has, so that an author's condition cannot meet them. */
const SOURCE = '"$keys"';
const place = (i: number): string => `${SOURCE}."$${i}"`;

/** Number of the key that a row answers, counted from 1. */
export const ORDINAL = '$ordinal';
export const ordinalReference = `${SOURCE}."${ORDINAL}"`;

/** The columns of a key, and how its values are compared with them where these come from columns of other types. */
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

/** Unnesting takes lists of lists apart to the last entry, and rows into their columns: such values travel as text. */
function isTakenApart({ array, kind, sql }: SqlType): boolean {
  return array || (kind === 'other' && sql.includes('.'));
}

/** One list as the database spells it: `{"a","b",NULL}`. */
function arrayText(values: readonly SqlParam[]): string {
  const entries = values.map((value) =>
    value === null ? 'NULL' : Array.isArray(value) ? arrayText(value) : `"${String(value).replace(/[\\"]/g, '\\$&')}"`,
  );
  return `{${entries.join(',')}}`;
}

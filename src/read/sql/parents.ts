/** Owns batches of key values in SQL: one array parameter per column, numbered so that answers find their key. */
import { type Entity } from '../../model/model.ts';
import { type SqlParam } from '../../model/values.ts';
import { columnReference, columnType, elementType } from './identifiers.ts';
import { type Params } from './statement.ts';

/** One key: a canonical value per column, none of them NULL. */
export type KeyValues = readonly SqlParam[];

/** Quoted names that no column has, so that an author's condition cannot meet them. */
const SOURCE = '"$keys"';
const place = (i: number): string => `${SOURCE}."$${i}"`;

/** Number of the key that a row answers, counted from 1. */
export const ORDINAL = '$ordinal';
export const ordinalReference = `${SOURCE}."${ORDINAL}"`;

/** `unnest($1::bigint[]) WITH ORDINALITY AS "$keys"("$0", "$ordinal")` */
export function keySource(entity: Entity, columns: readonly string[], keys: readonly KeyValues[], params: Params): string {
  const lists = columns.map((column, i) => {
    const type = columnType(entity, column);
    const values = keys.map((key) => key[i] ?? null);
    // A text that is no member of the enum must find no row; cast outright, it would fail the whole batch.
    return params.raw(`${type.kind === 'enum' ? 'text' : elementType(type)}[]`, values);
  });
  return `unnest(${lists.join(', ')}) WITH ORDINALITY AS ${SOURCE}(${columns.map((_, i) => `"$${i}"`).join(', ')}, "${ORDINAL}")`;
}

/** `"tasks"."project_id" = "$keys"."$0"` */
export function matchesKey(entity: Entity, columns: readonly string[]): string {
  const pairs = columns.map((column, i) => {
    const type = columnType(entity, column);
    const element = elementType(type);
    const value = type.kind === 'enum' ? `(CASE WHEN ${place(i)} = ANY(enum_range(NULL::${element})::text[]) THEN ${place(i)}::${element} END)` : place(i);
    return `${columnReference(entity, column)} = ${value}`;
  });
  return pairs.join(' AND ');
}

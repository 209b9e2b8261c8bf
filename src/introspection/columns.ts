/** Owns the type that shows a column, and what its values cannot be asked for. */
import { type CatalogColumn } from '../model/catalog.ts';
import { type ScalarKind } from '../model/model.ts';

const SCALARS: Readonly<Record<Exclude<ScalarKind, 'enum' | 'bytea'>, string>> = {
  int: 'Int',
  bigint: 'BigInt',
  numeric: 'Decimal',
  float: 'Float',
  text: 'String',
  uuid: 'UUID',
  bool: 'Boolean',
  date: 'Date',
  time: 'Time',
  timestamp: 'LocalDateTime',
  timestamptz: 'DateTime',
  json: 'JSON',
  other: 'String',
};

const AS_ID: ReadonlySet<ScalarKind> = new Set<ScalarKind>(['int', 'bigint', 'text', 'uuid']);

/** Why no field shows the column; null where one does. */
export function whyLeftOut({ type }: CatalogColumn): string | null {
  if (type.kind === 'bytea') return `${type.sql}, which no type of GraphQL carries; write a resolver`;
  if (/^(tsvector|tsquery)(\[\])?$/.test(type.sql))
    return `${type.sql}, made for text search; filter by it in a condition of @list or @relation`;
  return null;
}

/** The type without `!`. `names`: the column's values name a row, this one or another. */
export function typeOf(
  column: CatalogColumn,
  { names, enumName }: { names: boolean; enumName: string | null },
): string {
  const { type, keepsNullOut = false } = column;
  const base =
    enumName ??
    (names && AS_ID.has(type.kind)
      ? 'ID'
      : type.kind === 'enum' || type.kind === 'bytea'
        ? 'String'
        : SCALARS[type.kind]);
  return type.array ? `[${base}${keepsNullOut ? '!' : ''}]` : base;
}

/** Null in a document is JSON's, and NOT NULL lets it in. */
export function isNonNull({ nullable, type, keepsNullOut = false }: CatalogColumn): boolean {
  return !nullable && (type.kind !== 'json' || type.array || keepsNullOut);
}

/** Types that are made of the entity and could not do with the column what they offer for its type. */
export function omittedOf(column: CatalogColumn, { field, type }: { field: string; type: string }): readonly string[] {
  const { kind, array, operators } = column.type;
  const isText = /^\[?String/.test(type);
  const unequal = operators !== undefined && operators.equal === null;
  const unordered = operators !== undefined && operators.order === null;
  const unmatched = isText && !array && (kind !== 'text' || operators?.like === null);
  const odd = operators?.order != null && !/(?:^|\.)<\)?$/.test(operators.order.less);
  const filter =
    ['and', 'or', 'not'].includes(field) ||
    unequal ||
    unmatched ||
    odd ||
    (array && kind === 'other') ||
    (unordered && kind !== 'json');
  return [
    ...(filter && kind !== 'json' ? ['FILTER'] : []),
    ...(unordered && !array && kind !== 'json' ? ['ORDER'] : []),
  ];
}

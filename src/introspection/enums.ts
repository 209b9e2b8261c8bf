/** Owns the enums that types of the database become: one of GraphQL's names for each label. */
import { type CatalogColumn } from '../model/catalog.ts';
import { type CatalogNotes } from '../model/notes.ts';
import { described, pascal, quoted, take, wordsOf } from './words.ts';

export interface EnumPlan {
  readonly name: string;
  /** The type as SQL spells it, without brackets. */
  readonly sql: string;
  readonly comment: string | null;
  readonly values: readonly { readonly name: string; readonly label: string }[];
}

const REFUSED = new Set(['TRUE', 'FALSE', 'NULL']);

/** The last part of `public.mood` or `"Odd schema"."Mo od"`. */
function nameOf(sql: string): string {
  const [, quotedPart, plain] = /(?:"((?:[^"]|"")+)"|([^".]+))$/.exec(sql) ?? [];
  return quotedPart?.replaceAll('""', '"') ?? plain ?? sql;
}

export const enumSql = ({ type }: CatalogColumn): string => type.sql.replace(/\[\]$/, '');

export function planEnum(column: CatalogColumn, notes: CatalogNotes, taken: Set<string>): EnumPlan {
  const sql = enumSql(column);
  const names = new Set<string>();
  return {
    name: take(taken, pascal(wordsOf(nameOf(sql))) || 'Enum'),
    sql,
    comment: notes.typeComments.get(sql) ?? null,
    values: (column.labels ?? []).map((label, i) => ({ name: take(names, valueOf(label, i + 1)), label })),
  };
}

/** `very happy` → `VERY_HAPPY`, `PG-13` → `PG_13`, `+` → `VALUE_3`. */
function valueOf(label: string, position: number): string {
  const plain = label.normalize('NFKD').replace(/\p{M}/gu, '');
  // A label whose case means nothing is written in one case: `NC-17` has no words to part by their capitals.
  const words = /[a-z]/.test(plain) ? wordsOf(plain) : plain.split(/[^A-Za-z0-9]+/).filter((word) => word !== '');
  const name = words.join('_').toUpperCase();
  if (name === '') return `VALUE_${position}`;
  return /^[0-9]/.test(name) || REFUSED.has(name) ? `VALUE_${name}` : name;
}

export function enumText({ name, comment, values }: EnumPlan): string {
  return [
    ...described(comment, ''),
    `enum ${name} {`,
    ...values.map(
      (value) => `  ${value.name}${value.name === value.label ? '' : ` @column(name: ${quoted(value.label)})`}`,
    ),
    '}',
  ].join('\n');
}

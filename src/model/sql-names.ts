/** Owns quoting of SQL identifiers: in double quotes where necessary, with double quotes inside doubled. */
import { quoteIdentifier } from '../base/sql-text.ts';
import { type Table } from './model.ts';

/** `"due date"` → `due date`, `"a ""b"""` → `a "b"`; null if the text is not a quoted identifier. */
export function identifierOf(text: string): string | null {
  return /^"(?:[^"]|"")+"$/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : null;
}

/** An identifier as SQL spells it, quoted where necessary. */
export function sqlName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}

const PART = '("(?:[^"]|"")+"|[^".]+)';
const QUALIFIED = new RegExp(`^${PART}(?:\\.${PART})?$`);

/** `audit.log`, `"odd schema"."odd.table"` or `log`; null if the text is not one name with an optional schema. */
export function qualifiedName(text: string): { readonly schema: string | null; readonly name: string } | null {
  const [, first, second] = QUALIFIED.exec(text) ?? [];
  if (first === undefined) return null;
  const plain = (part: string): string => identifierOf(part) ?? part;
  return second === undefined ? { schema: null, name: plain(first) } : { schema: plain(first), name: plain(second) };
}

/** The inverse of `tableKey`. */
export function tableOfKey(key: string): Table {
  const { schema, name } = qualifiedName(key) ?? { schema: null, name: key };
  return { schema: schema ?? '', name };
}

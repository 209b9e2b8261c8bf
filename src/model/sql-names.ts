/** Owns names as SQL spells them: in double quotes where they need it, a quote within doubled. */
import { quoteIdentifier } from '../base/sql-text.ts';
import { type Table } from './model.ts';

/** `"due date"` → `due date`, `"a ""b"""` → `a "b"`; null for what is not quoted so. */
export function identifierOf(text: string): string | null {
  return /^"(?:[^"]|"")+"$/.test(text) ? text.slice(1, -1).replaceAll('""', '"') : null;
}

/** A name as SQL spells it: in quotes where it needs them. */
export function sqlName(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : quoteIdentifier(name);
}

const PART = '("(?:[^"]|"")+"|[^".]+)';
const QUALIFIED = new RegExp(`^${PART}(?:\\.${PART})?$`);

/** `audit.log`, `"odd schema"."odd.table"` or `log`; null for what SQL would read otherwise. */
export function qualifiedName(text: string): { readonly schema: string | null; readonly name: string } | null {
  const [, first, second] = QUALIFIED.exec(text) ?? [];
  if (first === undefined) return null;
  const plain = (part: string): string => identifierOf(part) ?? part;
  return second === undefined ? { schema: null, name: plain(first) } : { schema: plain(first), name: plain(second) };
}

/** The table that `tableKey` has named. */
export function tableOfKey(key: string): Table {
  const { schema, name } = qualifiedName(key) ?? { schema: null, name: key };
  return { schema: schema ?? '', name };
}

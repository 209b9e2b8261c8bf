/** Owns the contents of a transaction's logical messages: a mutation's extra tags, and the tables that DDL changed. */

export interface Announced {
  /** As the application wrote them. */
  readonly tags: readonly string[];
  /** Tables that DDL changed. */
  readonly tables: readonly { readonly schema: string; readonly name: string }[];
  /** DDL changed more than single tables. */
  readonly everything: boolean;
}

const NOTHING: Announced = { tags: [], tables: [], everything: false };
const EVERYTHING: Announced = { ...NOTHING, everything: true };

/**
 * Never throws: anybody may write messages under the prefix. Unknown messages are ignored; a DDL message that cannot be
 * read stands for any DDL.
 */
export function readMessage(content: string): Announced {
  let message: unknown;
  try {
    message = JSON.parse(content);
  } catch {
    return /"ddl"/.test(content) ? EVERYTHING : NOTHING;
  }
  if (typeof message !== 'object' || message === null) return NOTHING;
  const tags =
    'tags' in message && Array.isArray(message.tags) ? message.tags.filter((tag) => typeof tag === 'string') : [];
  return 'ddl' in message ? { ...readDdl(message.ddl), tags } : { ...NOTHING, tags };
}

function readDdl(ddl: unknown): Announced {
  if (typeof ddl !== 'object' || ddl === null || ('all' in ddl && ddl.all !== false)) return EVERYTHING;
  if (!('tables' in ddl) || !Array.isArray(ddl.tables)) return EVERYTHING;
  const tables = ddl.tables.map((name: unknown) => (typeof name === 'string' ? tableNamed(name) : null));
  return tables.every((table) => table !== null) ? { ...NOTHING, tables } : EVERYTHING;
}

/** `schema.name` as in the catalog; null if the text is ambiguous. */
export function tableNamed(text: string): { readonly schema: string; readonly name: string } | null {
  const [schema, name, ...more] = text.split('.');
  return schema && name && more.length === 0 && !text.includes('"') && text.isWellFormed() ? { schema, name } : null;
}

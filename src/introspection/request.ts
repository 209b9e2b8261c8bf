/** Owns what a graph is made from, and what of it is wanted. */
import { type Catalog } from '../model/catalog.ts';
import { type CatalogNotes } from '../model/notes.ts';

export interface PullOptions {
  /** Database schemas; null: all of them. */
  readonly schemas: readonly string[] | null;
  /** Patterns of `table` or `schema.table`, with `*` and `?`; empty: all. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly mutations: boolean;
}

export interface PullRequest {
  readonly catalog: Catalog;
  readonly notes: CatalogNotes;
  readonly options: PullOptions;
  /** Names of types that are taken: Meridian's, federation's and GraphQL's. */
  readonly reserved: ReadonlySet<string>;
}

/** Whether a pattern names the table, by its name or with its schema before it. Case counts only where it must. */
export function matches(pattern: string, schema: string, name: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  const expression = new RegExp(`^${source}$`, 'su');
  return expression.test(name) || expression.test(`${schema}.${name}`);
}

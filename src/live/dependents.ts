/** Owns the index from tags and tables to the live queries whose answers depend on them. */
import { tableOfTag, type TableTag, type Tag } from '../change/tags.ts';

export class Dependents<Q> {
  readonly #byTag = new Map<Tag, Set<Q>>();
  readonly #byTable = new Map<TableTag, Set<Q>>();
  readonly #tagsOf = new Map<Q, readonly Tag[]>();

  /** Replaces the query's dependencies. */
  link(query: Q, tags: readonly Tag[]): void {
    this.unlink(query);
    this.#tagsOf.set(query, tags);
    for (const tag of tags) add(this.#byTag, tag, query);
    for (const table of tablesOf(tags)) add(this.#byTable, table, query);
  }

  unlink(query: Q): void {
    const tags = this.#tagsOf.get(query);
    if (tags === undefined) return;
    this.#tagsOf.delete(query);
    for (const tag of tags) remove(this.#byTag, tag, query);
    for (const table of tablesOf(tags)) remove(this.#byTable, table, query);
  }

  /** All queries that depend on one of the tags or tables. */
  of(tags: readonly Tag[], tables: readonly TableTag[]): ReadonlySet<Q> {
    const found = new Set<Q>();
    for (const tag of tags) for (const query of this.#byTag.get(tag) ?? []) found.add(query);
    for (const table of tables) for (const query of this.#byTable.get(table) ?? []) found.add(query);
    return found;
  }
}

function tablesOf(tags: readonly Tag[]): ReadonlySet<TableTag> {
  return new Set(tags.map(tableOfTag).filter((table) => table !== null));
}

function add<K, Q>(index: Map<K, Set<Q>>, key: K, query: Q): void {
  const known = index.get(key);
  if (known === undefined) index.set(key, new Set([query]));
  else known.add(query);
}

function remove<K, Q>(index: Map<K, Set<Q>>, key: K, query: Q): void {
  const known = index.get(key);
  if (known?.delete(query) === true && known.size === 0) index.delete(key);
}

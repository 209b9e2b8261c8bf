/**
 * Owns which tags a change makes wrong, and under which tag a read is kept: both follow from one model, so that they
 * always match.
 */
import { type Lsn } from '../base/lsn.ts';
import { type Options } from '../config/options.ts';
import { type Entity, type Model, type Row } from '../model/model.ts';
import { tableOfKey } from '../model/sql-names.ts';
import { columnSets, fingerprintOf, getOrAdd, nameOf, setName, type ColumnSet, type TableSets } from './column-sets.ts';
import { readDependency } from './dependency.ts';
import { readMessage } from './messages.ts';
import { type Change, type CommittedTransaction } from './ports.ts';
import { anyRowTag, customTag, tableOfTag, tableTag, type TableTag, type Tag } from './tags.ts';

/** What one transaction makes wrong. */
export interface Invalidation {
  readonly lsn: Lsn;
  readonly tags: readonly Tag[];
  /** All values of these tables. */
  readonly tables: readonly TableTag[];
  /** The schema changed in a way that could concern any value: the whole cache must be emptied. */
  readonly everything: boolean;
}

/** Maps the columns of a read to its tag: which of its values are part of it. */
interface Way {
  readonly any: Tag;
  readonly set: ColumnSet;
  readonly places: readonly number[];
}

export class TagScheme {
  readonly #model: Model;
  readonly #maxTags: number;
  readonly #tables: ReadonlyMap<string, TableSets>;
  readonly #unseen: ReadonlyMap<TableTag, string | null>;
  /** By entity and columns; not more than the program uses. */
  readonly #ways = new Map<Entity, Map<string, Way>>();
  /** Two schemes with one fingerprint name the same tags for every change; others must not share a cache. */
  readonly fingerprint: string;

  constructor(model: Model, { maxTags }: Pick<Options, 'maxTags'>) {
    this.#model = model;
    this.#maxTags = maxTags;
    this.#tables = columnSets(model);
    this.#unseen = unseenTables(model);
    this.fingerprint = fingerprintOf(
      this.#tables,
      [...model.unseen].filter(([, why]) => why === null).map(([name]) => name),
    );
  }

  /**
   * The tag that a read of the rows with these values depends on. `values` are canonical and none is null (`keyOf`).
   * Columns that are not exact are left out, so that rows with other values of them share the tag; columns that are in
   * no key or relation of the model depend on any row.
   */
  tagFor(entity: Entity, columns: readonly string[], values: readonly unknown[]): Tag {
    const way = this.#wayOf(entity, columns);
    const texts = way.places.map((place) => walText(values[place]));
    return hasNoNull(texts) ? way.set.tag(texts) : way.any;
  }

  #wayOf(entity: Entity, columns: readonly string[]): Way {
    const ways = getOrAdd(this.#ways, entity, () => new Map<string, Way>());
    return getOrAdd(ways, setName(columns), () => {
      const any = anyRowTag(tableTag(entity.table));
      const known = this.#tables.get(nameOf(entity.table));
      const exact = [...new Set(columns)].filter((column) => known?.exact.has(column)).sort();
      const set = known?.sets.get(setName(exact));
      return {
        any,
        set: set ?? { columns: [], tag: () => any },
        places: set?.columns.map((column) => columns.indexOf(column)) ?? [],
      };
    });
  }

  /** The tag of a text in the notation (`readDependency`). Throws `BAD_USER_INPUT` if the text is invalid. */
  dependencyTag(text: string): Tag {
    const dependency = readDependency(this.#model, text);
    switch (dependency.kind) {
      case 'rows':
        return this.tagFor(dependency.entity, dependency.columns, dependency.values);
      case 'table':
        return anyRowTag(tableTag(dependency));
      case 'custom':
        return customTag(dependency.name);
    }
  }

  /**
   * Why some changes under the tag may be missed, as a clause about its table, so that nothing may be kept under it;
   * null if none are.
   */
  whyUnseen(tag: Tag): string | null {
    const table = tableOfTag(tag);
    if (table === null) return null;
    const found = this.#unseen.get(table);
    return found === undefined ? 'it was not there when the server started' : found;
  }

  /** Never throws, whatever is in the transaction's messages. */
  invalidationOf(transaction: CommittedTransaction): Invalidation {
    const named = new Named(this.#maxTags);
    for (const change of transaction.changes) this.#addChange(named, change);
    let everything = false;
    for (const content of transaction.messages) {
      const message = readMessage(content);
      everything ||= message.everything;
      for (const table of message.tables) named.addTable(tableTag(table));
      for (const text of message.tags) this.#addAuthors(named, text);
    }
    return { lsn: transaction.commitLsn, ...named.sum(), everything };
  }

  #addChange(named: Named, change: Change): void {
    const name = { schema: change.schema, name: change.table };
    const known = this.#tables.get(nameOf(name));
    const table = known?.table ?? tableTag(name);
    if (change.kind === 'truncate') return named.addTable(table);
    if (!known) return named.add(table, anyRowTag(table));
    if (named.isWhole(table)) return;
    const { kind, before, after } = change;
    // Without the complete old row, any old value is possible.
    const isTold =
      (kind === 'insert' || (change.beforeIsWhole && before !== null)) && (kind === 'delete' || after !== null);
    if (!isTold) return named.addTable(table);
    const old = kind === 'insert' ? null : before;
    for (const set of known.sets.values()) {
      const was = old && valuesOf(set, old, null);
      const is = after && valuesOf(set, after, old);
      // A column that is missing was renamed or dropped: the change does not show its values.
      if (was === undefined || is === undefined) return named.addTable(table);
      if (was && hasNoNull(was)) named.add(table, set.tag(was));
      if (is && hasNoNull(is) && !isSame(was, is)) named.add(table, set.tag(is));
    }
  }

  #addAuthors(named: Named, text: string): void {
    try {
      const tag = this.dependencyTag(text);
      named.add(tableOfTag(tag), tag);
    } catch {
      // Nothing can be kept under a name that cannot be read; dependents receive the error.
    }
  }
}

/** Tags and tables of one transaction, each once. */
class Named {
  readonly #maxTags: number;
  readonly #tags = new Map<TableTag | null, Set<Tag>>();
  readonly #whole = new Set<TableTag>();

  constructor(maxTags: number) {
    this.#maxTags = maxTags;
  }

  isWhole(table: TableTag): boolean {
    return this.#whole.has(table);
  }

  addTable(table: TableTag): void {
    this.#whole.add(table);
    this.#tags.delete(table);
  }

  add(table: TableTag | null, tag: Tag): void {
    if (table !== null && this.#whole.has(table)) return;
    const tags = this.#tags.get(table) ?? new Set();
    this.#tags.set(table, tags.add(tag));
    if (table !== null && tags.size > this.#maxTags) this.addTable(table);
  }

  sum(): Pick<Invalidation, 'tags' | 'tables'> {
    return { tags: [...this.#tags.values()].flatMap((tags) => [...tags]), tables: [...this.#whole] };
  }
}

/**
 * The row's values of the set's columns; undefined: one is missing. A large value that did not change is not sent
 * again; the old row then has it.
 */
function valuesOf({ columns }: ColumnSet, row: Row, old: Row | null): readonly (string | null)[] | undefined {
  const values: (string | null)[] = [];
  for (const column of columns) {
    const value = row[column] === undefined ? old?.[column] : row[column];
    if (typeof value !== 'string' && value !== null) return undefined;
    values.push(value);
  }
  return values;
}

/** No read uses NULL as a key. */
function hasNoNull(values: readonly (string | null)[]): values is readonly string[] {
  return !values.includes(null);
}

function isSame(some: readonly (string | null)[] | null, others: readonly (string | null)[]): boolean {
  return some !== null && some.every((value, i) => value === others[i]);
}

/** A canonical value as the WAL spells it; null for what no exact column holds. */
function walText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 't' : 'f';
  return typeof value === 'number' || typeof value === 'bigint' ? String(value) : null;
}

function unseenTables(model: Model): ReadonlyMap<TableTag, string | null> {
  const tables = new Map<TableTag, string | null>();
  for (const [key, why] of model.unseen) {
    tables.set(tableTag(tableOfKey(key)), why);
  }
  return tables;
}

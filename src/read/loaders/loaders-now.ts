/**
 * Owns the synchronous loaders of an operation that the process's own cache can answer completely: they return values
 * instead of promises. They read the same data as `EntityLoaders`, under the same keys and limits and in the same
 * batches.
 */
import { numberCodec, rowCodec, rowsCodec } from '../../cache/row-codec.ts';
import { type Comparisons, type ConnectionField, type Entity, type ListField, type Row } from '../../model/model.ts';
import { type Arguments } from '../input.ts';
import { EMPTY_PAGE, pageOf, rowsNamed, type PagePlan } from '../page.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { type Slice } from '../sql/select-many.ts';
import { countVariants, type NamedCount } from './count-loader.ts';
import { upTo, type Page } from './entity-loaders.ts';
import { type Countable, type ParentValues } from './preparations.ts';
import { keyInRow, keyOf, rowVariants } from './key-loader.ts';
import { Preparations, type Made, type PreparationsOptions } from './preparations.ts';
import { NotHere, type NowReader, type ReadsNow } from './reads-now.ts';
import { sliceVariants } from './slice-loader.ts';
import { keyName, keyText, type LoaderCaching } from './through-cache.ts';

export interface LoadersNowOptions extends PreparationsOptions {
  readonly reads: ReadsNow;
  readonly caching: LoaderCaching;
}

interface RowReader extends NowReader<Row | null> {
  /** Rows that the operation has read by any means, if this is a unique key of their entity; else empty. */
  readonly rows: readonly Row[];
  /** The first `told` of these rows, by the texts of their keys. */
  readonly learnt: Map<string, Row>;
  told: number;
}

interface Sliced<Plan> {
  readonly reader: NowReader<readonly Row[]>;
  readonly plan: Plan;
}

const NONE: readonly Row[] = [];

export class LoadersNow {
  /** Distinguishes these loaders from the asynchronous ones. */
  readonly isNow = true;
  readonly #options: LoadersNowOptions;
  readonly #preparations: Preparations;
  readonly #byKey = new Map<Entity, Map<string, RowReader>>();
  readonly #rows = new Map<Entity, Row[]>();
  #lastRows: RowReader | null = null;
  readonly #lists: Made<ListField, Sliced<number | null>> = new Map();
  readonly #pages: Made<ConnectionField, Sliced<PagePlan>> = new Map();
  readonly #counts: Made<Countable, NamedCount> = new Map();
  readonly #counters = new Map<NamedCount, Map<string, NowReader<number>>>();

  constructor(options: LoadersNowOptions) {
    this.#options = options;
    this.#preparations = new Preparations(options);
  }

  /**
   * Starts a new pass. The asynchronous loaders would read the following values after all earlier ones have arrived.
   */
  nextPass(): void {
    this.#options.reads.nextPass();
  }

  /** As `EntityLoaders.one`. Like all methods here, throws `NotHere` for a value that the process does not cache. */
  one(
    entityName: string,
    columns: readonly string[],
    values: readonly unknown[],
    comparisons?: Comparisons,
  ): Row | null {
    const entity = this.#preparations.entity(entityName);
    // Usually the reader is the same as for the previous row.
    const last = this.#lastRows;
    const isLast = last?.key.entity === entity && last.key.columns === columns && last.key.comparisons === comparisons;
    const reader = isLast ? last : (this.#lastRows = this.#rowReader({ entity, columns, comparisons }));
    const key = keyOf(reader.key, values);
    const row = key === null ? null : this.#rowOf(reader, key);
    return row !== null && this.#options.tenancy.has(entity, row) ? row : null;
  }

  list(field: ListField, parent: ParentValues, args: Arguments = {}): readonly Row[] {
    const { reader, plan } = this.#preparations.once(this.#lists, field, args, (text) => {
      const made = this.#preparations.list(field, args, text);
      return { reader: this.#sliceReader(made.slice, field), plan: made.plan };
    });
    const key = this.#preparations.parentKey(field, parent);
    return upTo(plan, field, key === null ? [] : this.#slice(reader, key));
  }

  page(field: ConnectionField, parent: ParentValues, args: Arguments = {}): Page {
    const { reader, plan } = this.#page(field, args);
    const key = this.#preparations.parentKey(field, parent);
    const page = key === null ? EMPTY_PAGE : pageOf(plan, this.#slice(reader, key));
    const nodes = page.edges.map((edge) => edge.node);
    return { ...page, nodes, totalCount: async () => this.count(field, parent, args) };
  }

  totalCount(field: ConnectionField, parent: ParentValues, args: Arguments = {}): number {
    this.#page(field, args);
    return this.count(field, parent, args);
  }

  count(field: Countable, parent: ParentValues, args: Arguments = {}): number {
    const count = this.#preparations.once(this.#counts, field, args, (text) =>
      this.#preparations.count(field, args, text),
    );
    const key = this.#preparations.parentKey(field, parent);
    if (key === null) return 0;
    const found = this.#options.reads.find(this.#counter(count, field), key);
    if (found === undefined) throw new NotHere();
    return found;
  }

  #rowOf(reader: RowReader, key: KeyValues): Row | null {
    const row = this.#options.reads.find(reader, key);
    if (row === undefined) return learntBy(reader, key);
    if (row !== null) this.#rowsOf(reader.key.entity).push(row);
    return row;
  }

  #slice(reader: NowReader<readonly Row[]>, key: KeyValues): readonly Row[] {
    const slice = this.#options.reads.find(reader, key);
    if (slice === undefined) throw new NotHere();
    const rows = this.#rowsOf(reader.key.entity);
    for (const row of slice) rows.push(row);
    return slice;
  }

  /** The rows of the entity that were read so far. */
  #rowsOf(entity: Entity): Row[] {
    let rows = this.#rows.get(entity);
    if (rows === undefined) this.#rows.set(entity, (rows = []));
    return rows;
  }

  #rowReader(key: KeyColumns): RowReader {
    const { entity, columns, comparisons } = key;
    let readers = this.#byKey.get(entity);
    if (readers === undefined) this.#byKey.set(entity, (readers = new Map<string, RowReader>()));
    const name = keyName(columns, comparisons);
    const known = readers.get(name);
    if (known !== undefined) return known;
    if (entity.caching.off !== null) throw new NotHere();
    const isUnique =
      comparisons === undefined && entity.uniqueKeys.some((unique) => keyName(unique, undefined) === name);
    const reader: RowReader = {
      key,
      variants: rowVariants(key, this.#options.caching.scope),
      codec: rowCodec(entity),
      rows: isUnique ? this.#rowsOf(entity) : NONE,
      learnt: new Map(),
      told: 0,
      maxBatch: this.#options.limits.maxBatch,
      batch: null,
      shortcut: null,
    };
    readers.set(name, reader);
    return reader;
  }

  #sliceReader(slice: Slice, { caching: keeping }: Pick<ListField, 'caching'>): NowReader<readonly Row[]> {
    if (keeping.off !== null) throw new NotHere();
    const { entity, joinColumns: columns, comparisons } = slice;
    return {
      key: { entity, columns, comparisons },
      variants: sliceVariants(slice, this.#options.caching.scope),
      codec: rowsCodec(entity),
      maxBatch: this.#options.limits.maxBatch,
      batch: null,
      shortcut: null,
    };
  }

  /** Pages whose cursors identify rows by key use the asynchronous loaders, because these rows must be read first. */
  #page(field: ConnectionField, args: Arguments): Sliced<PagePlan> {
    if (rowsNamed(this.#preparations.entity(field.target), field, args).size > 0) throw new NotHere();
    return this.#preparations.once(this.#pages, field, args, (text) => {
      const made = this.#preparations.page(field, args, text, new Map());
      return { reader: this.#sliceReader(made.slice, field), plan: made.plan };
    });
  }

  #counter(count: NamedCount, { target, join }: Countable): NowReader<number> {
    if (count.keeping.off !== null) throw new NotHere();
    const key = { entity: this.#preparations.entity(target), columns: join.to, comparisons: join.comparisons };
    const readers = this.#counters.get(count) ?? new Map<string, NowReader<number>>();
    this.#counters.set(count, readers);
    const name = `${key.entity.name} ${keyName(key.columns, key.comparisons)}`;
    const known = readers.get(name);
    if (known !== undefined) return known;
    const reader = {
      key,
      variants: countVariants(count, key, this.#options.caching.scope),
      codec: numberCodec,
      maxBatch: Number.POSITIVE_INFINITY,
      batch: null,
      shortcut: null,
    };
    readers.set(name, reader);
    return reader;
  }
}

/** A row that was read by other means, such as in a list. Throws `NotHere` if there is none. */
function learntBy(reader: RowReader, key: KeyValues): Row {
  for (; reader.told < reader.rows.length; reader.told += 1) {
    const row = reader.rows[reader.told] as Row;
    const known = keyInRow(reader.key, row);
    if (known !== null) reader.learnt.set(keyText(known), row);
  }
  const row = reader.learnt.get(keyText(key));
  if (row === undefined) throw new NotHere();
  return row;
}

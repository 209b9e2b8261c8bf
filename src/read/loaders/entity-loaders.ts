/**
 * Owns the loaders of one request under one requirement. Rows by key, lists, pages and counts are batched and memoized.
 */
import { MeridianError } from '../../base/errors.ts';
import {
  type Comparisons,
  type ConnectionField,
  type Entity,
  type Join,
  type ListField,
  type Model,
  type Row,
  type Selection,
} from '../../model/model.ts';
import { type Arguments } from '../input.ts';
import { EMPTY_PAGE, pageOf, rowsNamed, type Edge, type NamedRows, type PageInfo, type PagePlan } from '../page.ts';
import { type Executor } from '../ports.ts';
import { type KeyColumns } from '../sql/parents.ts';
import { type Slice } from '../sql/select-many.ts';
import { type Tenancy } from '../sql/tenant.ts';
import { CountLoader, type NamedCount } from './count-loader.ts';
import { KeyLoader } from './key-loader.ts';
import { Preparations, type Countable, type LoaderLimits, type Made, type ParentValues } from './preparations.ts';
import { SliceLoader } from './slice-loader.ts';
import { keyName, type LoaderCaching } from './through-cache.ts';

export interface EntityLoadersOptions {
  readonly model: Model;
  readonly executor: Executor;
  readonly limits: LoaderLimits;
  /** Restricts the rows to those of the viewer's tenant. */
  readonly tenancy: Tenancy;
  /** Null disables caching. */
  readonly caching?: LoaderCaching | null;
}

/** A connection's page. `totalCount` costs a statement, so it runs only when called. */
export interface Page {
  readonly edges: readonly Edge[];
  readonly nodes: readonly Row[];
  readonly pageInfo: PageInfo;
  readonly totalCount: () => Promise<number>;
}

interface Prepared<Plan> {
  readonly loader: SliceLoader;
  readonly plan: Plan;
}

export class EntityLoaders {
  readonly #options: EntityLoadersOptions;
  readonly #preparations: Preparations;
  readonly #byKey = new Map<Entity, Map<string, KeyLoader>>();
  /** The rows that were read, for the loaders of every unique key of their entity. */
  readonly #rows = new Map<Entity, Row[]>();
  readonly #lists: Made<ListField, Prepared<number | null>> = new Map();
  readonly #pages: Made<ConnectionField, Prepared<PagePlan>> = new Map();
  readonly #counters = new Map<string, CountLoader>();
  readonly #counts: Made<Countable, NamedCount> = new Map();

  constructor(options: EntityLoadersOptions) {
    this.#options = options;
    this.#preparations = new Preparations(options);
  }

  /**
   * The row with these values of a unique key's columns; null when there is none or it belongs to another tenant.
   * Throws `BAD_USER_INPUT` for a value that its column's type cannot hold. Rows are read and cached for all tenants
   * together; the tenant column is checked before a row is returned. `comparisons` is for values that come from columns
   * of other types.
   */
  async one(
    entityName: string,
    columns: readonly string[],
    values: readonly unknown[],
    comparisons?: Comparisons,
  ): Promise<Row | null> {
    const entity = this.#entity(entityName);
    const row = await this.#keyLoader({ entity, columns, comparisons }).load(values);
    return row !== null && this.#options.tenancy.has(entity, row) ? row : null;
  }

  /**
   * The rows of a list: all of them, or at most as many as the argument `first` or the declared limit says. Throws
   * `BAD_USER_INPUT`, and `LIST_TOO_LONG` where there are more rows than the list may have and neither `first` nor a
   * declared limit allows cutting it.
   */
  async list(field: ListField, parent: ParentValues, args: Arguments = {}): Promise<readonly Row[]> {
    const { loader, plan: most } = this.#preparations.once(this.#lists, field, args, (text) => {
      const { slice, plan } = this.#preparations.list(field, args, text);
      return { loader: this.#sliceLoader(slice, field), plan };
    });
    const key = this.#preparations.parentKey(field, parent);
    return upTo(most, field, key === null ? [] : await loader.load(key));
  }

  /** One page of a connection. Throws `BAD_USER_INPUT` for arguments that do not fit. */
  async page(field: ConnectionField, parent: ParentValues, args: Arguments = {}): Promise<Page> {
    const { loader, plan } = await this.#page(field, args);
    const key = this.#preparations.parentKey(field, parent);
    const page = key === null ? EMPTY_PAGE : pageOf(plan, await loader.load(key));
    return { ...page, nodes: page.edges.map((edge) => edge.node), totalCount: () => this.count(field, parent, args) };
  }

  /**
   * The number of rows over all pages of the connection. Validates the arguments as `page` does. Throws
   * `BAD_USER_INPUT`.
   */
  async totalCount(field: ConnectionField, parent: ParentValues, args: Arguments = {}): Promise<number> {
    await this.#page(field, args);
    return this.count(field, parent, args);
  }

  /** The number of rows, ignoring page sizes and cursors. Throws `BAD_USER_INPUT`. */
  async count(field: Countable, parent: ParentValues, args: Arguments = {}): Promise<number> {
    const entity = this.#entity(field.target);
    const count = this.#preparations.once(this.#counts, field, args, (text) =>
      this.#preparations.count(field, args, text),
    );
    const key = this.#preparations.parentKey(field, parent);
    return key === null ? 0 : this.#counter(entity, field.join).load(key, count);
  }

  /** Adds a row that was read by other means under the same requirement (a mutation's RETURNING, a cache). */
  prime(entityName: string, row: Row): void {
    this.#primeRow(this.#entity(entityName), row);
  }

  #entity(name: string): Entity {
    return this.#preparations.entity(name);
  }

  #keyLoader({ entity, columns, comparisons }: KeyColumns): KeyLoader {
    const loaders = this.#byKey.get(entity) ?? new Map<string, KeyLoader>();
    this.#byKey.set(entity, loaders);
    const name = keyName(columns, comparisons);
    const known = loaders.get(name);
    if (known) return known;
    const { executor, limits, caching = null } = this.#options;
    const isUnique =
      comparisons === undefined && entity.uniqueKeys.some((unique) => keyName(unique, undefined) === name);
    const loader = new KeyLoader({
      entity,
      columns,
      comparisons,
      executor,
      caching,
      maxBatch: limits.maxBatch,
      known: isUnique ? this.#rowsOf(entity) : [],
      onRow: (row) => this.#primeRow(entity, row),
    });
    loaders.set(name, loader);
    return loader;
  }

  /** Makes the row available to the loaders of all unique keys of the entity. */
  #primeRow(entity: Entity, row: Row): void {
    this.#rowsOf(entity).push(row);
  }

  #rowsOf(entity: Entity): Row[] {
    let rows = this.#rows.get(entity);
    if (rows === undefined) this.#rows.set(entity, (rows = []));
    return rows;
  }

  #counter(entity: Entity, { to: joinColumns, comparisons }: Join): CountLoader {
    const name = `${entity.name} ${keyName(joinColumns, comparisons)}`;
    const known = this.#counters.get(name);
    if (known) return known;
    const { executor, limits, caching = null } = this.#options;
    const counter = new CountLoader({ entity, joinColumns, comparisons, executor, caching, maxBatch: limits.maxBatch });
    this.#counters.set(name, counter);
    return counter;
  }

  /**
   * Looks up the rows that the cursors identify by key first: their positions may have changed since the cursors were
   * made.
   */
  async #page(field: ConnectionField, args: Arguments): Promise<Prepared<PagePlan>> {
    const entity = this.#entity(field.target);
    const keys = [...rowsNamed(entity, field, args)];
    const named: NamedRows = new Map(
      await Promise.all(
        keys.map(async ([name, key]) => [name, await this.one(entity.name, entity.primaryKey, key)] as const),
      ),
    );
    return this.#preparations.once(this.#pages, field, args, (text) => {
      const { slice, plan } = this.#preparations.page(field, args, text, named);
      return { loader: this.#sliceLoader(slice, field), plan };
    });
  }

  #sliceLoader(slice: Slice, { caching: keeping }: Pick<Selection, 'caching'>): SliceLoader {
    const { executor, limits, caching = null } = this.#options;
    return new SliceLoader({
      slice,
      executor,
      caching,
      keeping,
      maxBatch: limits.maxBatch,
      onRow: (row) => this.#primeRow(slice.entity, row),
    });
  }
}

/** Throws `LIST_TOO_LONG` where there are more rows than `most`. Null means no limit. */
export function upTo(most: number | null, field: ListField, rows: readonly Row[]): readonly Row[] {
  if (most !== null && rows.length > most) throw tooLong(field, most);
  return rows;
}

function tooLong({ target }: ListField, limit: number): MeridianError {
  const message = `This list has more than ${limit} rows of ${target}, which is the most that it shows: ask for the first of them with the argument first, narrow it with a filter, or page through a connection, where the field has them; else its schema has to declare how many are enough (limit: in @list or @relation).`;
  return new MeridianError({ code: 'LIST_TOO_LONG', message, details: { limit } });
}

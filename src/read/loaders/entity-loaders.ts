/**
 * Owns the loaders of one request under one requirement: rows by key, lists, pages and counts, each batched and
 * remembered.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Options } from '../../config/options.ts';
import {
  type Comparisons,
  type ConnectionField,
  type CountField,
  type Entity,
  type Join,
  type ListField,
  type Model,
  type Row,
  type Selection,
} from '../../model/model.ts';
import { argument, type Arguments } from '../input.ts';
import {
  EMPTY_PAGE,
  listSize,
  pageOf,
  planPage,
  rowsNamed,
  type Edge,
  type NamedRows,
  type PageInfo,
  type PagePlan,
} from '../page.ts';
import { type Executor } from '../ports.ts';
import { conditionsOf, type ConditionsInput } from '../sql/conditions.ts';
import { type CompiledFilters } from '../sql/filters.ts';
import { orderOf } from '../sql/order.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { type Slice } from '../sql/select-many.ts';
import { type Tenancy } from '../sql/tenant.ts';
import { canonicalText } from './canonical.ts';
import { CountLoader, namedCount, type NamedCount } from './count-loader.ts';
import { KeyLoader, keyOf } from './key-loader.ts';
import { SliceLoader } from './slice-loader.ts';
import { prepared } from './prepared.ts';
import { keyName, type LoaderCaching } from './through-cache.ts';

export type LoaderLimits = Pick<
  Options,
  'maxBatch' | 'maxLoaders' | 'maxFilterDepth' | 'maxFilterConditions' | 'maxFilterValues'
>;

export interface EntityLoadersOptions {
  readonly model: Model;
  readonly executor: Executor;
  readonly limits: LoaderLimits;
  /** Whose rows exist. */
  readonly tenancy: Tenancy;
  /** Null: nothing is read from a cache or kept in one. */
  readonly caching?: LoaderCaching | null;
}

/** A connection's page. `totalCount` costs a statement, so it is counted only when called. */
export interface Page {
  readonly edges: readonly Edge[];
  readonly nodes: readonly Row[];
  readonly pageInfo: PageInfo;
  readonly totalCount: () => Promise<number>;
}

/** A parent's values of the join's `from` columns, in order; null at the root. */
export type ParentValues = readonly unknown[] | null;

/**
 * Anything whose rows can be counted: a count field, or a list or connection, whose size and cursors then do not
 * matter.
 */
export type Countable = Pick<CountField, 'target' | 'join' | 'where' | 'filters' | 'caching'>;

interface Prepared<Plan> {
  readonly loader: SliceLoader;
  readonly plan: Plan;
}

export class EntityLoaders {
  readonly #options: EntityLoadersOptions;
  readonly #byKey = new Map<Entity, Map<string, KeyLoader>>();
  /** Rows that were read, which every unique key of their entity knows. */
  readonly #rows = new Map<Entity, Row[]>();
  readonly #lists = new Map<ListField, Map<string, Prepared<number | null>>>();
  readonly #pages = new Map<ConnectionField, Map<string, Prepared<PagePlan>>>();
  readonly #counters = new Map<string, CountLoader>();
  readonly #counts = new Map<Countable, Map<string, NamedCount>>();
  #made = 0;

  constructor(options: EntityLoadersOptions) {
    this.#options = options;
  }

  /**
   * The row with these values of a unique key's columns; null when there is none, or it is another tenant's. Throws
   * `BAD_USER_INPUT` for a value that cannot be one of its column. Rows are read and kept whoever asks: whose they are,
   * they say themselves. `comparisons`: for values that come from columns of other types.
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
   * The rows of a list: all of them, or as many as the argument `first` or the limit that its author has declared says.
   * Throws `BAD_USER_INPUT`, and `LIST_TOO_LONG` where there are more rows than the list may have and nobody has said
   * that fewer are enough.
   */
  async list(field: ListField, parent: ParentValues, args: Arguments = {}): Promise<readonly Row[]> {
    const { loader, plan: most } = this.#memo(this.#lists, field, args, (text) => this.#prepareList(field, args, text));
    const key = this.#parentKey(field, parent);
    const rows = key === null ? [] : await loader.load(key);
    if (most !== null && rows.length > most) throw tooLong(field, most);
    return rows;
  }

  /** One page of a connection. Throws `BAD_USER_INPUT` for arguments that do not fit. */
  async page(field: ConnectionField, parent: ParentValues, args: Arguments = {}): Promise<Page> {
    const { loader, plan } = await this.#page(field, args);
    const key = this.#parentKey(field, parent);
    const page = key === null ? EMPTY_PAGE : pageOf(plan, await loader.load(key));
    return { ...page, nodes: page.edges.map((edge) => edge.node), totalCount: () => this.count(field, parent, args) };
  }

  /**
   * How many rows the connection has over all its pages; checks the arguments as `page` does. Throws `BAD_USER_INPUT`.
   */
  async totalCount(field: ConnectionField, parent: ParentValues, args: Arguments = {}): Promise<number> {
    await this.#page(field, args);
    return this.count(field, parent, args);
  }

  /** How many rows there are, whatever page sizes and cursors say. Throws `BAD_USER_INPUT`. */
  async count(field: Countable, parent: ParentValues, args: Arguments = {}): Promise<number> {
    const entity = this.#entity(field.target);
    const { limits, tenancy } = this.#options;
    const count = this.#memo(this.#counts, field, args, (text) =>
      prepared({ kind: 'count', limits, field, entity, tenancy, args: text }, () => {
        const { conditions, clientShaped } = this.#conditions(entity, field, args);
        return namedCount({ conditions, prepared: !clientShaped }, field.caching);
      }),
    );
    const key = this.#parentKey(field, parent);
    return key === null ? 0 : this.#counter(entity, field.join).load(key, count);
  }

  /** Remembers rows that were read by other means under the same requirement (a mutation's RETURNING, a cache). */
  prime(entityName: string, row: Row): void {
    this.#primeRow(this.#entity(entityName), row);
  }

  #entity(name: string): Entity {
    const entity = this.#options.model.entities.get(name);
    if (!entity) throw new TypeError(`the model has no entity ${JSON.stringify(name)}`);
    return entity;
  }

  #conditions(entity: Entity, selection: ConditionsInput['selection'], args: Arguments): CompiledFilters {
    const { limits, tenancy } = this.#options;
    return conditionsOf({ entity, selection, args, limits, tenancy });
  }

  /**
   * Null when the parent has no value there, or the viewer no tenant: there are no rows, and no statement is needed to
   * know it.
   */
  #parentKey(field: Countable, parent: ParentValues): KeyValues | null {
    const entity = this.#entity(field.target);
    if (this.#options.tenancy.seesNone(entity)) return null;
    if (field.join.to.length === 0) return [];
    return parent === null
      ? null
      : keyOf({ entity, columns: field.join.to, comparisons: field.join.comparisons }, parent);
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

  /** Every unique key of the entity now knows the row. */
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

  /** Its plan is how many rows may come; null where as many are read as are wanted. */
  #prepareList(field: ListField, args: Arguments, text: string): Prepared<number | null> {
    const entity = this.#entity(field.target);
    const { limits, tenancy } = this.#options;
    const { slice, plan } = prepared({ kind: 'list', limits, field, entity, tenancy, args: text }, () => {
      const asked = listSize(argument(args, 'first'), field.limit);
      const wanted = asked ?? (field.cuts ? field.limit : null);
      const order = orderOf(entity, field, args);
      const { conditions, clientShaped } = this.#conditions(entity, field, args);
      return {
        slice: {
          entity,
          joinColumns: field.join.to,
          comparisons: field.join.comparisons,
          conditions,
          order: order.terms,
          // One row more tells whether the list is whole; cached values tell it, too.
          limit: wanted ?? field.limit + 1,
          prepared: !clientShaped && !order.clientShaped,
        },
        plan: wanted === null ? field.limit : null,
      };
    });
    return { loader: this.#sliceLoader(slice, field), plan };
  }

  /**
   * With the rows that its cursors name looked up before: their places may have changed since the cursors were made.
   */
  async #page(field: ConnectionField, args: Arguments): Promise<Prepared<PagePlan>> {
    const entity = this.#entity(field.target);
    const { limits, tenancy } = this.#options;
    const keys = [...rowsNamed(entity, field, args)];
    const named: NamedRows = new Map(
      await Promise.all(
        keys.map(async ([name, key]) => [name, await this.one(entity.name, entity.primaryKey, key)] as const),
      ),
    );
    return this.#memo(this.#pages, field, args, (text) => {
      // Where a row has its place may have changed since it was prepared.
      const { slice, plan } =
        named.size > 0
          ? this.#planPage(field, args, named)
          : prepared({ kind: 'page', limits, field, entity, tenancy, args: text }, () =>
              this.#planPage(field, args, named),
            );
      return { loader: this.#sliceLoader(slice, field), plan };
    });
  }

  #planPage(
    field: ConnectionField,
    args: Arguments,
    named: NamedRows,
  ): { readonly slice: Slice; readonly plan: PagePlan } {
    const entity = this.#entity(field.target);
    const plan = planPage({ entity, field, args, named });
    const { conditions, clientShaped } = this.#conditions(entity, field, args);
    return {
      slice: {
        entity,
        joinColumns: field.join.to,
        comparisons: field.join.comparisons,
        conditions: [...conditions, ...plan.conditions],
        order: plan.readTerms,
        // One row more tells whether there is another page.
        limit: plan.size + 1,
        prepared: !clientShaped && !plan.clientShaped,
      },
      plan,
    };
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

  /** One per field and arguments, made on first use and counted against the limit. */
  #memo<F, T>(all: Map<F, Map<string, T>>, field: F, args: Arguments, make: (text: string) => T): T {
    const ofField = all.get(field) ?? new Map<string, T>();
    all.set(field, ofField);
    const name = canonicalText(args);
    const known = ofField.get(name);
    if (known !== undefined) return known;
    const { maxLoaders } = this.#options.limits;
    if (this.#made >= maxLoaders) {
      const what = `The operation reads more than ${maxLoaders} different relations and argument sets`;
      throw new MeridianError({
        code: 'BAD_USER_INPUT',
        message: `${what}, which is the limit; split it, or raise maxLoaders.`,
      });
    }
    const made = make(name);
    this.#made += 1;
    ofField.set(name, made);
    return made;
  }
}

function tooLong({ target }: ListField, limit: number): MeridianError {
  const message = `This list has more than ${limit} rows of ${target}, which is the most that it shows: ask for the first of them with the argument first, narrow it with a filter, or page through a connection, where the field has them; else its schema has to declare how many are enough (limit: in @list or @relation).`;
  return new MeridianError({ code: 'LIST_TOO_LONG', message, details: { limit } });
}

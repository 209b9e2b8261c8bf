/**
 * Owns the loader of counts over one relation: one statement reads different counts for many parents that were
 * requested in the same tick.
 */
import DataLoader from 'dataloader';
import { numberCodec } from '../../cache/row-codec.ts';
import { type Caching, type Comparisons, type Entity } from '../../model/model.ts';
import { type Executor } from '../ports.ts';
import { allOf } from '../sql/filters.ts';
import { countsOf, countStatement, type Count } from '../sql/count.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { Params } from '../sql/statement.ts';
import { halving } from './halving.ts';
import { queryWithInput } from './slice-loader.ts';
import {
  keyContent,
  keyName,
  tagOfKey,
  throughCache,
  variants,
  type CacheScope,
  type LoaderCaching,
  type Variants,
} from './through-cache.ts';

/** PostgreSQL allows 1,664 output columns and 65,535 parameters per statement; this limit stays far below both. */
const MAX_COUNTS = 100;

/** A count with an id that is equal for equal counts anywhere in the operation. */
export interface NamedCount extends Count {
  readonly id: string;
  readonly keeping: Caching;
}

export function namedCount(count: Count, keeping: Caching): NamedCount {
  const params = new Params();
  const text = allOf(count.conditions)(params);
  return { ...count, keeping, id: JSON.stringify([text, params.values]) };
}

/** The cache variants of the count, one per parent, for one viewer. */
export function countVariants(
  count: NamedCount,
  { entity, columns, comparisons }: KeyColumns,
  scope: CacheScope,
): Variants {
  return variants({
    kind: 'count',
    entity,
    scope,
    content: () => [keyContent(columns, comparisons), count.id],
    owner: count,
    name: keyName(columns, comparisons),
  });
}

export interface CountLoaderOptions {
  readonly entity: Entity;
  readonly joinColumns: readonly string[];
  /** How key values are compared with the join columns where they come from columns of other types. */
  readonly comparisons?: Comparisons | undefined;
  readonly executor: Executor;
  /** Null disables caching. */
  readonly caching: LoaderCaching | null;
  readonly maxBatch: number;
}

interface Request {
  readonly parent: KeyValues;
  readonly count: NamedCount;
}

/** Keyed by `nameOf`. */
type Counts = ReadonlyMap<string, number>;

/** The parents and the counts that one statement reads. */
interface Counted {
  readonly parents: readonly (readonly [string, KeyValues])[];
  readonly counts: readonly NamedCount[];
  readonly via: Pick<Executor, 'query'>;
}

function nameOf({ parent, count }: Request): string {
  return `${JSON.stringify(parent)} ${count.id}`;
}

function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

export class CountLoader {
  readonly #options: CountLoaderOptions;
  readonly #loader: DataLoader<Request, number, string>;
  /** The cache variants of each count, by its id. */
  readonly #variants = new Map<string, Variants>();

  constructor(options: CountLoaderOptions) {
    this.#options = options;
    this.#loader = new DataLoader((requests) => this.#load(requests), { cacheKeyFn: nameOf });
  }

  get #key(): KeyColumns {
    const { entity, joinColumns: columns, comparisons } = this.#options;
    return { entity, columns, comparisons };
  }

  load(parent: KeyValues, count: NamedCount): Promise<number> {
    return this.#loader.load({ parent, count });
  }

  async #load(requests: readonly Request[]): Promise<readonly (number | Error)[]> {
    const counts = await halving(this.#key, requests, (some) => this.#loadTogether(some));
    // Errors are removed from the memo (R9).
    for (const [i, request] of requests.entries()) if (counts[i] instanceof Error) this.#loader.clear(request);
    return counts;
  }

  async #loadTogether(requests: readonly Request[]): Promise<readonly number[]> {
    const { executor, caching } = this.#options;
    const counts = caching === null ? await this.#read(requests, executor) : await this.#readThrough(requests, caching);
    return requests.map((request) => counts.get(nameOf(request)) ?? 0);
  }

  /**
   * Uncacheable counts are read in the same statement as the first missing cached counts, so that a cold cache costs no
   * additional statement.
   */
  async #readThrough(requests: readonly Request[], caching: LoaderCaching): Promise<Counts> {
    const uncached = requests.filter(({ count }) => count.keeping.off !== null);
    if (uncached.length > 0) this.#options.executor.caching?.basis?.refuse();
    let along: Promise<Counts> | null = uncached.length === 0 ? Promise.resolve(new Map()) : null;
    const load = async (missing: readonly Request[], via: Pick<Executor, 'query'>): Promise<readonly number[]> => {
      const read = this.#read(along === null ? [...missing, ...uncached] : missing, via);
      along ??= read;
      const counts = await read;
      return missing.map((request) => counts.get(nameOf(request)) ?? 0);
    };
    const cached = Map.groupBy(
      requests.filter(({ count }) => count.keeping.off === null),
      ({ count: { keeping } }) => `${keeping.ttlMs} ${keeping.maxVariants}`,
    );
    const found = await Promise.all([...cached.values()].map((group) => this.#cached(group, caching, load)));
    along ??= this.#read(uncached, this.#options.executor);
    return new Map([...(await along), ...found.flat()]);
  }

  /** Reads counts that share one TTL and one limit of variants. */
  async #cached(
    requests: readonly Request[],
    { cache, tags, scope }: LoaderCaching,
    load: (missing: readonly Request[], via: Pick<Executor, 'query'>) => Promise<readonly number[]>,
  ): Promise<readonly (readonly [string, number])[]> {
    const { executor } = this.#options;
    const values = await throughCache({
      executor,
      cache,
      keys: requests.map(({ parent, count }) => ({
        tags: [tagOfKey(tags, this.#key, parent)],
        variant: this.#variantsOf(count, scope).of(parent),
      })),
      keeping: (requests[0] as Request).count.keeping,
      codec: numberCodec,
      load: (places, via) =>
        load(
          places.map((place) => requests[place] as Request),
          via,
        ),
    });
    return requests.map((request, i) => [nameOf(request), values[i] ?? 0]);
  }

  #variantsOf(count: NamedCount, scope: CacheScope): Variants {
    const { id } = count;
    const known = this.#variants.get(id) ?? countVariants(count, this.#key, scope);
    this.#variants.set(id, known);
    return known;
  }

  async #read(requests: readonly Request[], via: Pick<Executor, 'query'>): Promise<Counts> {
    const parents = new Map(requests.map(({ parent }) => [JSON.stringify(parent), parent]));
    const counts = new Map(requests.map(({ count }) => [count.id, count]));
    const results = new Map<string, number>();
    const jobs = chunksOf([...parents], this.#options.maxBatch).flatMap((some) =>
      chunksOf([...counts.values()], MAX_COUNTS).map((these) =>
        this.#count({ parents: some, counts: these, via }, results),
      ),
    );
    await Promise.all(jobs);
    return results;
  }

  async #count({ parents, counts, via }: Counted, results: Map<string, number>): Promise<void> {
    const { entity, joinColumns, comparisons } = this.#options;
    const keys = joinColumns.length === 0 ? null : parents.map(([, key]) => key);
    const answer = await queryWithInput(via, countStatement({ entity, joinColumns, comparisons, counts }, keys));
    const found = countsOf(answer, keys?.length ?? null, counts.length);
    parents.forEach(([, parent], i) =>
      counts.forEach((count, j) => results.set(nameOf({ parent, count }), found[i]?.[j] ?? 0)),
    );
  }
}

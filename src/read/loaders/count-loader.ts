/** Owns the loader of counts over one relation: different counts for many parents in one tick become one statement. */
import DataLoader from 'dataloader';
import { numberCodec } from '../../cache/row-codec.ts';
import { type Caching, type Entity } from '../../model/model.ts';
import { type Executor } from '../ports.ts';
import { allOf } from '../sql/filters.ts';
import { countsOf, countStatement, type Count } from '../sql/count.ts';
import { type KeyValues } from '../sql/parents.ts';
import { Params } from '../sql/statement.ts';
import { queryWithInput } from './slice-loader.ts';
import { throughCache, variants, type LoaderCaching } from './through-cache.ts';

/** A statement may have 1,664 output columns and 65,535 parameters; this stays far below both. */
const MAX_COUNTS = 100;

/** A count with the text by which the same count is recognised, wherever in the operation it stands. */
export interface NamedCount extends Count {
  readonly id: string;
}

export function namedCount(count: Count): NamedCount {
  const params = new Params();
  const text = allOf(count.conditions)(params);
  return { ...count, id: JSON.stringify([text, params.values]) };
}

export interface CountLoaderOptions {
  readonly entity: Entity;
  readonly joinColumns: readonly string[];
  readonly executor: Executor;
  /** Null: nothing is cached. */
  readonly caching: LoaderCaching | null;
  /** How the counts are kept. */
  readonly keeping: Caching;
  readonly maxBatch: number;
}

interface Request {
  readonly parent: KeyValues;
  readonly count: NamedCount;
}

/** Counts of one statement. */
interface Counted {
  readonly parents: readonly (readonly [string, KeyValues])[];
  readonly counts: readonly NamedCount[];
  readonly via: Pick<Executor, 'query'>;
}

function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

export class CountLoader {
  readonly #options: CountLoaderOptions;
  readonly #loader: DataLoader<Request, number, string>;
  readonly #caching: LoaderCaching | null;
  /** Variants of each count, by its id. */
  readonly #variants = new Map<string, (parent: KeyValues) => string>();

  constructor(options: CountLoaderOptions) {
    this.#options = options;
    this.#caching = options.keeping.off === null ? options.caching : null;
    this.#loader = new DataLoader((requests) => this.#load(requests), { cacheKeyFn: ({ parent, count }) => JSON.stringify([parent, count.id]) });
  }

  load(parent: KeyValues, count: NamedCount): Promise<number> {
    return this.#loader.load({ parent, count });
  }

  #load(requests: readonly Request[]): Promise<readonly number[]> {
    return this.#caching === null ? this.#read(requests, this.#options.executor) : this.#readThrough(requests, this.#caching);
  }

  #readThrough(requests: readonly Request[], caching: LoaderCaching): Promise<readonly number[]> {
    const { entity, joinColumns, executor, keeping } = this.#options;
    return throughCache({
      executor,
      cache: caching.cache,
      keys: requests.map(({ parent, count }) => ({ tags: [caching.tags.tagFor(entity, joinColumns, parent)], variant: this.#variantsOf(count, caching)(parent) })),
      keeping,
      codec: numberCodec,
      load: (places, via) => this.#read(places.map((place) => requests[place] as Request), via),
    });
  }

  #variantsOf({ id }: NamedCount, { scope }: LoaderCaching): (parent: KeyValues) => string {
    const { entity, joinColumns } = this.#options;
    const known = this.#variants.get(id) ?? variants({ kind: 'count', entity, scope, content: [joinColumns, id] });
    this.#variants.set(id, known);
    return known;
  }

  async #read(requests: readonly Request[], via: Pick<Executor, 'query'>): Promise<readonly number[]> {
    const parents = new Map(requests.map(({ parent }) => [JSON.stringify(parent), parent]));
    const counts = new Map(requests.map(({ count }) => [count.id, count]));
    const results = new Map<string, number>();
    const jobs = chunksOf([...parents], this.#options.maxBatch).flatMap((some) => chunksOf([...counts.values()], MAX_COUNTS).map((these) => this.#count({ parents: some, counts: these, via }, results)));
    await Promise.all(jobs);
    return requests.map(({ parent, count }) => results.get(`${JSON.stringify(parent)} ${count.id}`) ?? 0);
  }

  async #count({ parents, counts, via }: Counted, results: Map<string, number>): Promise<void> {
    const { entity, joinColumns } = this.#options;
    const keys = joinColumns.length === 0 ? null : parents.map(([, key]) => key);
    const answer = await queryWithInput(via, countStatement({ entity, joinColumns, counts }, keys));
    const found = countsOf(answer, keys?.length ?? null, counts.length);
    parents.forEach(([name], i) => counts.forEach((count, j) => results.set(`${name} ${count.id}`, found[i]?.[j] ?? 0)));
  }
}

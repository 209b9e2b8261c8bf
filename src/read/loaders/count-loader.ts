/** Owns the loader of counts over one relation: different counts for many parents in one tick become one statement. */
import DataLoader from 'dataloader';
import { type Entity } from '../../model/model.ts';
import { type Executor } from '../ports.ts';
import { allOf } from '../sql/filters.ts';
import { countsOf, countStatement, type Count } from '../sql/count.ts';
import { type KeyValues } from '../sql/parents.ts';
import { Params } from '../sql/statement.ts';
import { queryWithInput } from './slice-loader.ts';

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
  readonly maxBatch: number;
}

interface Request {
  readonly parent: KeyValues;
  readonly count: NamedCount;
}

function chunksOf<T>(items: readonly T[], size: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));
}

export class CountLoader {
  readonly #options: CountLoaderOptions;
  readonly #loader: DataLoader<Request, number, string>;

  constructor(options: CountLoaderOptions) {
    this.#options = options;
    this.#loader = new DataLoader((requests) => this.#load(requests), { cacheKeyFn: ({ parent, count }) => JSON.stringify([parent, count.id]) });
  }

  load(parent: KeyValues, count: NamedCount): Promise<number> {
    return this.#loader.load({ parent, count });
  }

  async #load(requests: readonly Request[]): Promise<readonly number[]> {
    const parents = new Map(requests.map(({ parent }) => [JSON.stringify(parent), parent]));
    const counts = new Map(requests.map(({ count }) => [count.id, count]));
    const results = new Map<string, number>();
    const jobs = chunksOf([...parents], this.#options.maxBatch).flatMap((some) => chunksOf([...counts.values()], MAX_COUNTS).map((these) => this.#count(some, these, results)));
    await Promise.all(jobs);
    return requests.map(({ parent, count }) => results.get(`${JSON.stringify(parent)} ${count.id}`) ?? 0);
  }

  async #count(parents: readonly (readonly [string, KeyValues])[], counts: readonly NamedCount[], results: Map<string, number>): Promise<void> {
    const { entity, joinColumns, executor } = this.#options;
    const keys = joinColumns.length === 0 ? null : parents.map(([, key]) => key);
    const answer = await queryWithInput(executor, countStatement({ entity, joinColumns, counts }, keys));
    const found = countsOf(answer, keys?.length ?? null, counts.length);
    parents.forEach(([name], i) => counts.forEach((count, j) => results.set(`${name} ${count.id}`, found[i]?.[j] ?? 0)));
  }
}

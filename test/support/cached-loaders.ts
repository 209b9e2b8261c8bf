/** Owns loaders over a real server and a real in-process cache, whose changes a test applies by hand. */
import type pg from 'pg';
import { type ClusterId, type Position } from '../../src/base/lineage.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { LocalCache } from '../../src/cache/local.ts';
import { type CacheDemand } from '../../src/cache/reading.ts';
import { RegionCache } from '../../src/cache/region-cache.ts';
import { TagScheme } from '../../src/change/invalidation.ts';
import { type TableTag, type Tag } from '../../src/change/tags.ts';
import { defaultOptions, type Options } from '../../src/config/options.ts';
import { type Model } from '../../src/model/model.ts';
import { EntityLoaders } from '../../src/read/loaders/entity-loaders.ts';
import { settingsKey, type LoaderCaching } from '../../src/read/loaders/through-cache.ts';
import { type Answer, type Executor, type Setting, type Statement } from '../../src/read/ports.ts';
import { Tenancy } from '../../src/read/sql/tenant.ts';
import { CountingExecutor } from './plain-model.ts';

const CLUSTER = 'cluster1' as ClusterId;

export interface LoaderOptions {
  readonly settings?: readonly Setting[];
  readonly tenancy?: Tenancy;
  readonly overrides?: Partial<Options>;
}

/** The region's server is taken to be the primary, at W. */
export class CachedLoaders {
  readonly local: LocalCache;
  readonly tags: TagScheme;
  /** What reads ask for; null: they do not use the cache. */
  demand: CacheDemand | null = { floor: null, notBelow: null };
  /** Whether what a cache answered may be shown. */
  mayShow = true;
  hits = 0;
  readonly #client: pg.Client;
  readonly #model: Model;
  readonly #cache: RegionCache;
  #lsn = 100n;

  constructor(client: pg.Client, model: Model) {
    const options = defaultOptions();
    this.#client = client;
    this.#model = model;
    this.local = new LocalCache(options);
    this.local.begin({ epoch: 'one', cluster: CLUSTER, timeline: 1 }, toLsn(this.#lsn));
    this.tags = new TagScheme(model, options);
    this.#cache = new RegionCache({ local: this.local, shared: null, limits: options });
  }

  get position(): Position {
    return { cluster: CLUSTER, timeline: 1, lsn: toLsn(this.#lsn) };
  }

  /** Everything under these tags and in these tables is wrong now. */
  invalidate(tags: readonly Tag[], tables: readonly TableTag[] = []): void {
    this.#lsn += 10n;
    this.local.apply({ watermark: toLsn(this.#lsn), tags, tables, horizon: toLsn(0n) });
  }

  /** Loaders of one request. */
  fresh({ settings = [], tenancy = Tenancy.all, overrides = {} }: LoaderOptions = {}): {
    readonly loaders: EntityLoaders;
    readonly executor: CountingExecutor;
    readonly caching: LoaderCaching;
  } {
    const executor = new CountingExecutor(this.#client);
    const caching: LoaderCaching = {
      cache: this.#cache,
      tags: this.tags,
      scope: { tenancy, settingsKey: settingsKey(settings) },
    };
    const through: Executor = {
      query: (statement) => executor.query(statement),
      caching: {
        answer: async (statement: Statement): Promise<Answer> => {
          const { position } = this;
          return { rows: await executor.query(statement), seen: position, asOf: 'watermark' };
        },
        demand: () => Promise.resolve(this.demand),
        demandNow: () => this.demand,
        hit: () => {
          if (this.mayShow) this.hits += 1;
          return this.mayShow;
        },
      },
    };
    return {
      executor,
      caching,
      loaders: new EntityLoaders({
        model: this.#model,
        executor: through,
        limits: defaultOptions(overrides),
        tenancy,
        caching,
      }),
    };
  }
}

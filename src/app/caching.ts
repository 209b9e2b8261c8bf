/**
 * Owns the caches of a region in this process: they are created when the model is known, filled with changes by the
 * cache feed, and reported as figures.
 */
import { type Position } from '../base/lineage.ts';
import { Backoff } from '../base/backoff.ts';
import { Coverage } from '../cache/feed/coverage.ts';
import { CacheFeed, type TailRole } from '../cache/feed/feed.ts';
import { LocalCache } from '../cache/local.ts';
import { RegionCache } from '../cache/region-cache.ts';
import { TagScheme } from '../change/invalidation.ts';
import { type Config } from '../config/load.ts';
import { type Model } from '../model/model.ts';
import { loginOf } from '../postgres/connect/connect.ts';
import { type Tail, type TailState } from '../postgres/wal/tail.ts';
import { type CacheScope, type LoaderCaching } from '../read/loaders/through-cache.ts';
import { RedisFanout } from '../redis/fanout.ts';
import { type RedisFigures } from '../redis/figures.ts';
import { RedisSharedCache } from '../redis/shared-cache.ts';
import { figuresText, readFigures, reportOf, type CacheFigures, type CacheReport } from '../region/cache-report.ts';
import { type RegionMonitor } from '../region/monitor.ts';
import { setOrRemove } from '../telemetry/metrics.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { CacheWatch } from './cache-figures.ts';
import { CatalogCoverage } from './coverage.ts';
import { PeerAnswers } from './peer-health.ts';
import { settingNames, type LiveSchema } from './schema.ts';

export interface CachingParts {
  readonly config: Config;
  readonly telemetry: Telemetry;
  /** Of every region that has a Redis. */
  readonly figures: ReadonlyMap<string, RedisFigures>;
}

/** What exists only once the model is known. */
interface Made {
  readonly local: LocalCache;
  readonly shared: RedisSharedCache | null;
  readonly cache: RegionCache;
  readonly tags: TagScheme;
  readonly feed: CacheFeed;
  readonly watch: CacheWatch;
}

/** A data layer without entities invalidates and keeps only what its custom reads name. */
const NO_MODEL: Model = {
  entities: new Map(),
  stubs: new Map(),
  interfaces: new Map(),
  queries: new Map(),
  subscriptions: new Map(),
  mutations: new Map(),
  unseen: new Map(),
};
/** A server may be told of a new timeline before it streams on it. */
const RECONNECT = { firstMs: 500, maxMs: 30_000 };

export class Caching {
  readonly #parts: CachingParts;
  /** The role that this process connects as. */
  readonly #login: string;
  readonly #peers: PeerAnswers<readonly CacheFigures[]>;
  readonly #reconnects = new Backoff(RECONNECT);
  #reconnectAtMs = 0;
  #made: Made | null = null;
  #timers: NodeJS.Timeout[] = [];

  constructor(parts: CachingParts) {
    this.#parts = parts;
    const { region, regions } = parts.config;
    const own = regions.find(({ name }) => name === region);
    this.#login = own === undefined ? '' : loginOf(own.databaseUrl);
    const ask = (figures: RedisFigures) => async (): Promise<readonly CacheFigures[]> =>
      (await figures.all()).map(readFigures).filter((one) => one !== null);
    this.#peers = new PeerAnswers(
      new Map([...parts.figures].map(([region, figures]) => [region, ask(figures)])),
      parts.config.options.redisStatsMs,
    );
  }

  /** Null where nothing is cached, and before `open`. */
  get feed(): CacheFeed | null {
    return this.#made?.feed ?? null;
  }

  /** The process's own cache, and who is told of its answers; null as `feed` is. */
  get answers(): { readonly local: LocalCache; readonly watch: CacheWatch } | null {
    return this.#made;
  }

  /** W of the process's own cache; null while it is not in use. */
  get watermark(): LocalCache['watermark'] {
    return this.#made?.local.watermark ?? null;
  }

  /**
   * Creates the caches, unless caching is off, and waits for nothing. Call it before the tail runs: the tags follow
   * from the whole model.
   */
  open(
    schema: Pick<LiveSchema, 'model' | 'catalog'> | null,
    { tail, monitor }: { readonly tail: Tail; readonly monitor: RegionMonitor },
  ): void {
    const {
      config: { options, region, regions },
      telemetry: { log, metrics },
    } = this.#parts;
    this.#peers.start();
    if (!options.cache) return;
    const tags = new TagScheme(schema?.model ?? NO_MODEL, options);
    const { redisUrl: url = null, databaseUrl } = regions.find(({ name }) => name === region) ?? {};
    // Processes that name other tags for the same change must not share a cache.
    const redis =
      url === null
        ? null
        : { url, options: { ...options, redisPrefix: `${options.redisPrefix}:${tags.fingerprint}` }, log };
    const shared = redis && new RedisSharedCache(redis);
    const watch = new CacheWatch({ metrics, log, hasShared: shared !== null });
    const local = new LocalCache(options);
    const feed = new CacheFeed({
      local,
      shared: redis && shared && { journal: shared, fanout: new RedisFanout(redis) },
      coverage:
        schema !== null && databaseUrl !== undefined
          ? new Coverage(
              new CatalogCoverage({
                ...schema,
                databaseUrl,
                viewerSettings: new Set(settingNames(this.#parts.config).map((name) => name.toLowerCase())),
                options,
              }),
              log,
            )
          : null,
      invalidationOf: (transaction) => tags.invalidationOf(transaction),
      holds: () => tail.holds(),
      options,
      log,
      observe: watch,
    });
    this.#made = {
      local,
      shared,
      cache: new RegionCache({ local, shared, limits: options, observe: watch }),
      tags,
      feed,
      watch,
    };
    this.#timers = [
      setInterval(() => this.#followTimeline(tail, monitor), options.probeMs),
      setInterval(() => this.#publish(), options.probeMs),
      setInterval(() => this.#leaveFigures(), options.redisStatsMs),
    ];
  }

  /** For loaders and custom reads; null where nothing is cached. */
  for({ tenancy, settingsKey }: CacheScope): LoaderCaching | null {
    // Processes that share a Redis may connect as different roles, and the database shows each role different rows.
    return (
      this.#made && {
        cache: this.#made.cache,
        tags: this.#made.tags,
        scope: { tenancy, settingsKey: `${this.#login} ${settingsKey}` },
      }
    );
  }

  /** The tail's state changed. */
  become({ kind }: TailState): void {
    this.#made?.feed.become(roleOf(kind));
  }

  /** The position of the region's shared cache; null if it is unknown or belongs to another database. */
  async appliedPosition(monitor: RegionMonitor): Promise<Position | null> {
    const at = (await this.#made?.feed.appliedPosition()) ?? null;
    return at !== null && at.cluster === monitor.cluster ? at : null;
  }

  /** A change or heartbeat that was written at this time, by the primary's clock, is applied. */
  applied(lagMs: number | null): void {
    if (lagMs !== null) this.#made?.watch.lagged(lagMs);
  }

  report(region: string): CacheReport | null {
    const { watch, local } = this.#made ?? {};
    const told = this.#peers.of(region) ?? [];
    if (region !== this.#parts.config.region || watch === undefined || local === undefined) return reportOf(told);
    return reportOf([watch.figures(local), ...told.filter(({ process }) => process !== watch.process)]);
  }

  async close(): Promise<void> {
    this.#peers.stop();
    for (const timer of this.#timers) clearInterval(timer);
    await this.#made?.feed.close();
    this.#made?.shared?.close();
  }

  /** The stream survives a promotion, but a generation belongs to one timeline (R1). */
  #followTimeline(tail: Tail, monitor: RegionMonitor): void {
    const streamed = this.feed?.timeline ?? null;
    const { timeline } = monitor;
    if (streamed === null || timeline === null) return;
    if (timeline <= streamed) return this.#reconnects.reset();
    const nowMs = performance.now();
    if (nowMs < this.#reconnectAtMs) return;
    this.#reconnectAtMs = nowMs + this.#reconnects.nextMs();
    tail.reconnect(`this region's server is on timeline ${timeline}, the caches are on ${streamed}`);
  }

  #publish(): void {
    if (this.#made === null) return;
    const { local, shared } = this.#made;
    const { metrics } = this.#parts.telemetry;
    const { entries, bytes, tombstones, answers, answerBytes } = local.figures();
    metrics.cacheOn.set({ layer: 'local' }, Number(local.generation !== null));
    if (shared !== null) metrics.cacheOn.set({ layer: 'shared' }, Number(shared.available));
    metrics.cacheEntries.set(entries);
    metrics.cacheBytes.set(bytes);
    metrics.operationCacheEntries.set(answers);
    metrics.operationCacheBytes.set(answerBytes);
    metrics.cacheTombstones.set(tombstones);
    setOrRemove(metrics.cacheWatermarkBytes, {}, local.watermark === null ? null : Number(local.watermark));
  }

  #leaveFigures(): void {
    const figures = this.#parts.figures.get(this.#parts.config.region);
    if (this.#made === null || figures === undefined) return;
    const { watch, local } = this.#made;
    figures
      .leave(watch.process, figuresText(watch.figures(local)))
      .catch((error: unknown) =>
        this.#parts.telemetry.log.debug({ err: error }, "The cache's figures could not be written to Redis."),
      );
  }
}

function roleOf(kind: TailState['kind']): TailRole {
  if (kind === 'streaming') return 'holder';
  return kind === 'follower' ? 'follower' : 'none';
}

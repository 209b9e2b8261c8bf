/** Owns what this process knows about its caches: metrics, and the figures of the last minutes for `regionHealth`. */
import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../base/clock.ts';
import { type CacheFeedObserver } from '../cache/feed/observer.ts';
import { type LocalCache } from '../cache/local.ts';
import { type CacheObserver } from '../cache/observer.ts';
import { type FillVerdict } from '../cache/ports.ts';
import { type OperationCacheObserver } from '../graphql/answers/operation-cache.ts';
import { type CacheFigures } from '../region/cache-report.ts';
import { RecentCounts, RecentValues } from '../region/recent.ts';
import { type Log } from '../telemetry/log.ts';
import { type Metrics } from '../telemetry/metrics.ts';

const HITS_WINDOW_MS = 5 * 60_000;
const LAGS = { windowMs: 60_000, capacity: 1_024 };

export interface FiguresParts {
  readonly metrics: Metrics;
  readonly log: Log;
  readonly hasShared: boolean;
  readonly clock?: Clock;
}

export class CacheWatch implements CacheObserver, CacheFeedObserver, OperationCacheObserver {
  readonly #parts: FiguresParts;
  readonly #clock: Clock;
  /** Names this process among those of its region. */
  readonly process = randomUUID();
  readonly #counts = new RecentCounts(HITS_WINDOW_MS);
  readonly #lags = new RecentValues(LAGS);

  constructor(parts: FiguresParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
  }

  hit(layer: 'local' | 'shared', values: number): void {
    if (layer === 'shared') this.#looked('local', 'miss', values);
    this.#looked(layer, 'hit', values);
  }

  joined(values: number): void {
    this.#looked('local', 'joined', values);
  }

  miss(values: number): void {
    this.#looked('local', 'miss', values);
    if (this.#parts.hasShared) this.#looked('shared', 'miss', values);
  }

  stale(values: number): void {
    this.#parts.metrics.cacheStale.inc(values);
  }

  fill(layer: 'local' | 'shared', verdict: Parameters<CacheObserver['fill']>[1], values: number): void {
    this.#parts.metrics.cacheFills.inc({ layer, verdict }, values);
  }

  looked(outcome: 'hit' | 'miss'): void {
    this.#parts.metrics.operationCacheLookups.inc({ outcome });
    this.#counts.add(`answer ${outcome}`, 1, this.#clock.monotonicMs());
  }

  kept(verdict: FillVerdict): void {
    this.#parts.metrics.operationCacheFills.inc({ verdict });
  }

  failed(error: unknown): void {
    this.#parts.metrics.cacheFailures.inc();
    this.#parts.log.debug({ err: error }, 'A cache failed; the request went on without it.');
  }

  began(layer: 'local' | 'shared', reason: Parameters<CacheFeedObserver['began']>[1]): void {
    this.#parts.metrics.cacheLives.inc({ layer, reason });
  }

  applied(layer: 'local' | 'shared', tags: number, tables: number): void {
    const { cacheSteps, cacheInvalidations } = this.#parts.metrics;
    cacheSteps.inc({ layer });
    if (tags > 0) cacheInvalidations.inc({ layer, what: 'tag' }, tags);
    if (tables > 0) cacheInvalidations.inc({ layer, what: 'table' }, tables);
  }

  refused(): void {
    this.#parts.metrics.cacheRefusals.inc();
  }

  missed(): void {
    this.#parts.metrics.cacheMissed.inc();
  }

  /** How long after it was written at the primary a change or a heartbeat is applied. */
  lagged(lagMs: number): void {
    this.#lags.add(lagMs, this.#clock.monotonicMs());
    this.#parts.metrics.invalidationLagSeconds.observe(lagMs / 1_000);
  }

  figures(local: LocalCache): CacheFigures {
    const nowMs = this.#clock.monotonicMs();
    const counts = this.#counts.sums(nowMs);
    const of = (...names: readonly string[]): number => names.reduce((sum, name) => sum + (counts[name] ?? 0), 0);
    const { entries, bytes, answers, answerBytes } = local.figures();
    return {
      process: this.process,
      localHits: of('local hit', 'local joined'),
      lookups: of('local hit', 'local joined', 'local miss'),
      sharedHits: of('shared hit'),
      sharedLookups: of('shared hit', 'shared miss'),
      entries,
      bytes,
      answerHits: of('answer hit'),
      answerLookups: of('answer hit', 'answer miss'),
      answers,
      answerBytes,
      isOn: local.generation !== null,
      lagMs: this.#lags.quantile(0.5, nowMs),
      lagP99Ms: this.#lags.quantile(0.99, nowMs),
    };
  }

  #looked(layer: 'local' | 'shared', outcome: 'hit' | 'joined' | 'miss', values: number): void {
    this.#parts.metrics.cacheLookups.inc({ layer, outcome }, values);
    this.#counts.add(`${layer} ${outcome}`, values, this.#clock.monotonicMs());
  }
}

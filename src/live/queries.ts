/**
 * Owns the live queries of a process: which subscribers share one, which are affected by a change, and in which order
 * they run.
 */
import { MeridianError } from '../base/errors.ts';
import { type Clock } from '../base/clock.ts';
import { type LocalListener } from '../cache/local.ts';
import { type Batch } from '../cache/ports.ts';
import { type Options } from '../config/options.ts';
import { NO_POSITIONS, type Positions } from '../consistency/positions.ts';
import { Dependents } from './dependents.ts';
import { type LiveAnswer, type LiveBasis, type LiveCache, type LiveExecution } from './ports.ts';
import { isRefused, LiveQuery, type LiveQueryDeps } from './query.ts';
import { Subscriber, type LiveMessage } from './subscriber.ts';

export type LiveLimits = Pick<
  Options,
  'liveQueries' | 'liveSubscribers' | 'liveSubscribersPerViewer' | 'liveConcurrency' | 'liveIntervalMs' | 'livePollMs'
>;

export interface LiveFigures {
  readonly subscribers: number;
  /** Different queries of these subscribers. */
  readonly queries: number;
}

/** Called when the events happen; must not throw and must be fast. */
export interface LiveObserver {
  executed(): void;
  sent(): void;
  counted(figures: LiveFigures): void;
}

export interface LiveQueriesDeps {
  /** The process's own cache; null where nothing is cached. Then every query runs again every `livePollMs`. */
  readonly cache: LiveCache | null;
  readonly limits: LiveLimits;
  readonly clock: Clock;
  readonly observe: LiveObserver;
}

export interface Subscribing {
  /** Equal for operations that always have the same answer; null where it must not be shared. */
  readonly name: string | null;
  /** The viewer, whose subscribers are counted together; null where unknown. */
  readonly viewer: string | null;
  readonly execute: LiveExecution;
  /** Executes the first answer of a client that names a position it has seen; null for a client that names none. */
  readonly first: (() => Promise<LiveAnswer>) | null;
}

export class LiveQueries implements LocalListener {
  readonly #deps: LiveQueriesDeps;
  readonly #byName = new Map<string, LiveQuery>();
  readonly #all = new Set<LiveQuery>();
  /** The query that each subscriber has joined; null before that. */
  readonly #subscribers = new Map<Subscriber, LiveQuery | null>();
  readonly #perViewer = new Map<string, number>();
  readonly #dependents = new Dependents<LiveQuery>();
  readonly #line = new Set<LiveQuery>();
  readonly #timers = new Map<LiveQuery, { readonly timer: NodeJS.Timeout; readonly dueMs: number }>();
  readonly #ranAtMs = new WeakMap<LiveQuery, number>();
  #running = 0;

  constructor(deps: LiveQueriesDeps) {
    this.#deps = deps;
    deps.cache?.listen(this);
  }

  get figures(): LiveFigures {
    return { subscribers: this.#subscribers.size, queries: this.#all.size };
  }

  /** Throws `OVERLOADED` where the process or the viewer has reached its limit. */
  async subscribe(asked: Subscribing): Promise<Subscriber> {
    this.#admit(asked.viewer);
    const { observe } = this.#deps;
    const subscriber = new Subscriber(
      () => this.#left(subscriber, asked),
      () => observe.sent(),
    );
    this.#subscribers.set(subscriber, null);
    this.#count(asked.viewer, 1);
    try {
      const first = asked.first === null ? null : await asked.first();
      // The client may have disconnected in the meantime.
      if (!this.#subscribers.has(subscriber)) return subscriber;
      if (first === null) this.#join(subscriber, asked).join(subscriber);
      else this.#joinAfter(subscriber, first, asked);
    } catch (error) {
      subscriber.end();
      throw error;
    }
    return subscriber;
  }

  /** Ends every stream, so that clients reconnect to another server. */
  close(): void {
    for (const subscriber of [...this.#subscribers.keys()]) subscriber.end();
    for (const { timer } of this.#timers.values()) clearTimeout(timer);
  }

  applied({ tags, tables, watermark }: Batch): void {
    if (this.#all.size > 0) for (const query of this.#dependents.of(tags, tables)) query.changed(watermark);
  }

  began(): void {
    for (const query of this.#all) query.renew();
  }

  ended(): void {
    for (const query of this.#all) query.loseBasis();
  }

  #joinAfter(subscriber: Subscriber, { result, positions }: LiveAnswer, asked: Subscribing): void {
    if (isRefused(result)) return subscriber.end({ errors: result.errors ?? [] });
    const message: LiveMessage = { body: JSON.stringify([result.data, result.errors]), result };
    subscriber.offer(message);
    this.#join(subscriber, asked).joinAfter(subscriber, positions);
  }

  #join(subscriber: Subscriber, asked: Subscribing): LiveQuery {
    const query = this.#queryOf(asked);
    this.#subscribers.set(subscriber, query);
    this.#deps.observe.counted(this.figures);
    return query;
  }

  #queryOf({ name, execute }: Subscribing): LiveQuery {
    const known = name === null ? undefined : this.#byName.get(name);
    if (known !== undefined) return known;
    if (this.#all.size >= this.#deps.limits.liveQueries)
      throw overloaded(`serves ${this.#all.size} different live queries already, which is the limit (liveQueries)`);
    const query = new LiveQuery(this.#depsOf(execute));
    this.#all.add(query);
    if (name !== null) this.#byName.set(name, query);
    return query;
  }

  #depsOf(execute: LiveExecution): LiveQueryDeps {
    return {
      execute: (floor) => {
        this.#deps.observe.executed();
        return execute(floor);
      },
      enqueue: (query) => this.#enqueue(query),
      poll: (query, atMs) =>
        this.#wakeAt(query, atMs === null ? this.#deps.limits.livePollMs : atMs - this.#deps.clock.nowMs()),
      watch: (query, basis) => this.#watch(query, basis),
      unwatch: (query) => this.#dependents.unlink(query),
      standing: () => this.#standing(),
    };
  }

  #watch(query: LiveQuery, { epoch, asOf, tags }: LiveBasis): boolean {
    this.#dependents.link(query, tags);
    return this.#deps.cache?.isCurrent(epoch, asOf.lsn, tags) ?? false;
  }

  #standing(): Positions {
    const { generation = null, watermark: lsn = null } = this.#deps.cache ?? {};
    if (generation === null || lsn === null) return NO_POSITIONS;
    const { cluster, timeline } = generation;
    return new Map([[cluster, { cluster, timeline, lsn }]]);
  }

  /** Runs a query at most once every `liveIntervalMs`, so that one run covers changes that occur together. */
  #enqueue(query: LiveQuery): void {
    const { clock, limits } = this.#deps;
    const earliestMs = (this.#ranAtMs.get(query) ?? Number.NEGATIVE_INFINITY) + limits.liveIntervalMs;
    const waitMs = earliestMs - clock.monotonicMs();
    if (waitMs > 0) return this.#wakeAt(query, waitMs);
    this.#line.add(query);
    this.#next();
  }

  #next(): void {
    for (const query of this.#line) {
      if (this.#running >= this.#deps.limits.liveConcurrency) return;
      this.#line.delete(query);
      this.#cancel(query);
      this.#running += 1;
      this.#ranAtMs.set(query, this.#deps.clock.monotonicMs());
      void query.run().finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  /** Keeps the earlier of two wake-up times. */
  #wakeAt(query: LiveQuery, waitMs: number): void {
    const dueMs = this.#deps.clock.monotonicMs() + waitMs;
    if ((this.#timers.get(query)?.dueMs ?? Number.POSITIVE_INFINITY) <= dueMs) return;
    this.#cancel(query);
    const timer = setTimeout(
      () => {
        this.#timers.delete(query);
        if (this.#all.has(query)) this.#enqueue(query);
      },
      Math.max(0, Math.min(waitMs, LONGEST_TIMER_MS)),
    );
    this.#timers.set(query, { timer, dueMs });
  }

  #cancel(query: LiveQuery): void {
    clearTimeout(this.#timers.get(query)?.timer);
    this.#timers.delete(query);
  }

  #left(subscriber: Subscriber, asked: Subscribing): void {
    const query = this.#subscribers.get(subscriber);
    this.#subscribers.delete(subscriber);
    this.#count(asked.viewer, -1);
    query?.leave(subscriber);
    if (query?.size === 0) this.#forget(query, asked.name);
    this.#deps.observe.counted(this.figures);
  }

  #forget(query: LiveQuery, name: string | null): void {
    this.#cancel(query);
    this.#line.delete(query);
    this.#all.delete(query);
    if (name !== null && this.#byName.get(name) === query) this.#byName.delete(name);
  }

  #admit(viewer: string | null): void {
    const { liveSubscribers, liveSubscribersPerViewer } = this.#deps.limits;
    if (this.#subscribers.size >= liveSubscribers)
      throw overloaded(`has ${this.#subscribers.size} subscribers, which is the limit (liveSubscribers)`);
    const own = viewer === null ? 0 : (this.#perViewer.get(viewer) ?? 0);
    if (own >= liveSubscribersPerViewer)
      throw overloaded(`has ${own} subscriptions of this viewer, which is the limit (liveSubscribersPerViewer)`);
  }

  #count(viewer: string | null, by: 1 | -1): void {
    if (viewer === null) return;
    const count = (this.#perViewer.get(viewer) ?? 0) + by;
    if (count === 0) this.#perViewer.delete(viewer);
    else this.#perViewer.set(viewer, count);
  }
}

const LONGEST_TIMER_MS = 2 ** 31 - 1;

function overloaded(what: string): MeridianError {
  return new MeridianError({
    code: 'OVERLOADED',
    message: `This server ${what}; end a subscription, or try again at another server.`,
  });
}

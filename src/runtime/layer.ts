/** Owns the data layer of one region: the same reads, writes, tokens and health that GraphQL uses, for jobs and REST handlers. */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type Position } from '../base/lineage.ts';
import { type Viewer } from '../base/viewer.ts';
import { type Config } from '../config/load.ts';
import { type Positions } from '../consistency/positions.ts';
import { CONSISTENCY_LEVELS, type ConsistencyLevel, type Requirement } from '../consistency/requirement.ts';
import { type ConsistencyToken } from '../consistency/token.ts';
import { type Model, type Row } from '../model/model.ts';
import { checkedKey } from '../protocol/idempotency-key.ts';
import { type ServedBy } from '../read/engine-report.ts';
import { type ReadSession } from '../read/engine.ts';
import { readCustom, UncachedNotes, type CustomReadOptions } from '../read/custom-read.ts';
import { EntityLoaders } from '../read/loaders/entity-loaders.ts';
import { settingsKey, type LoaderCaching } from '../read/loaders/through-cache.ts';
import { type Setting } from '../read/ports.ts';
import { Tenancy } from '../read/sql/tenant.ts';
import { checkedSettings, settingsMaker } from '../read/settings.ts';
import { type RegionReport } from '../region/view.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { OnceRequest } from '../write/once-request.ts';
import { onceTransaction } from '../write/once-transaction.ts';
import { type Transaction, type TransactionOptions } from '../write/ports.ts';
import { changeHandlers } from './changes.ts';
import { type LiveSchema } from './schema.ts';
import { publishGauges } from './gauges.ts';
import { createParts, type Parts } from './parts.ts';
import { keepWarm, warmConnections } from './warm.ts';

/** For whom something is read or written. */
export interface OnBehalf {
  /** Whose rows exist where entities keep tenants apart, and whom `viewerSettings` carry into the database; null: nobody known. */
  readonly viewer?: Viewer | null;
  /** Settings of the database (row-level security) instead of those that `viewerSettings` makes of the viewer; none at all for `[]`. */
  readonly settings?: readonly Setting[];
}

export interface ReadOptions extends OnBehalf {
  /** Unless given: SESSION with a token, EVENTUAL without. */
  readonly level?: ConsistencyLevel;
  /** A consistency token, or several joined by commas. */
  readonly token?: string | null;
  /** With BOUNDED, milliseconds. */
  readonly maxLagMs?: number;
  readonly signal?: AbortSignal;
  /** For jobs that work for all tenants: their rows exist, whoever the viewer is. */
  readonly allTenants?: boolean;
}

export interface ReadResult {
  readonly rows: readonly Row[];
  /** Not below anything that was read, nor below the token that was given. */
  readonly token: ConsistencyToken | null;
  readonly servedBy: readonly ServedBy[];
  readonly waitedMs: number;
  /** Milliseconds; null when unknown. */
  readonly stalenessMs: number | null;
}

export interface WriteOptions extends TransactionOptions, OnBehalf {
  /** A consistency token, or several joined by commas: the result's covers it. */
  readonly token?: string | null;
  /**
   * The transaction takes place once for this key and viewer: whoever comes again, from any region, is given the first result, as JSON has it.
   * `request`: what it was asked for, so that a key which comes with something else is refused (`IDEMPOTENCY_KEY_REUSED`).
   */
  readonly once?: { readonly key: string; readonly request?: unknown };
}

export interface WriteResult<T> {
  readonly result: T;
  /** With `once`: it was the result of an earlier call. */
  readonly replayed: boolean;
  /** Covers the commit, and the token that was given. */
  readonly token: ConsistencyToken;
}

/** Entity loaders under one requirement; `token()` covers what they have read so far. */
export interface BoundLoaders {
  readonly loaders: EntityLoaders;
  token(): ConsistencyToken | null;
  /** Ends a snapshot, if the level was SNAPSHOT. */
  close(): Promise<void>;
}

export class DataLayer {
  readonly parts: Parts;
  /** What `viewerSettings` makes of a viewer. Throws `FORBIDDEN` for one that no setting can hold. */
  readonly settingsOf: (viewer: Viewer | null) => readonly Setting[];
  /** Says once in development why a custom read is not cached. */
  readonly notes: UncachedNotes | null;
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #stopGauges: () => void = () => undefined;
  #schema: Pick<LiveSchema, 'model' | 'catalog'> | null = null;

  constructor(config: Config, telemetry: Telemetry) {
    this.parts = createParts(config, telemetry);
    this.settingsOf = settingsMaker(config.options.viewerSettings);
    this.notes = process.env['NODE_ENV'] === 'production' ? null : new UncachedNotes(telemetry.log);
  }

  get region(): string {
    return this.parts.config.region;
  }

  get #model(): Model | null {
    return this.#schema?.model ?? null;
  }

  /** Starts probing and tailing; resolves when every region has been looked at once, whether or not it answered. */
  async start(): Promise<void> {
    const { monitor, tail, replay, heartbeat, pruner, caches, peers, caching } = this.parts;
    monitor.start();
    caches.start();
    caching.open(this.#schema, this.parts);
    peers.start();
    await monitor.firstLook();
    const { signal } = this.#stop;
    this.#running = Promise.all([tail.run(changeHandlers(this.parts), signal), replay.run(signal), heartbeat.run(signal), pruner.run(signal), keepWarm(this.parts, signal)]);
    this.#running.catch((error: unknown) => this.parts.telemetry.log.error({ err: error }, 'a background loop of the region ended'));
    this.#stopGauges = publishGauges(this.parts);
    await warmConnections(this.parts);
  }

  /** Ends every connection and loop. In-flight reads finish or fail on their own. */
  async close(): Promise<void> {
    const { monitor, servers, writer, forwarder, redis, caches, peers, caching, alerts } = this.parts;
    this.#stopGauges();
    this.#stop.abort();
    await Promise.allSettled([this.#running]);
    await caching.close();
    caches.stop();
    peers.stop();
    for (const cache of redis.values()) cache.close();
    await Promise.allSettled([monitor.stop(), alerts.close(), writer.close(), forwarder.close(), ...[...servers.values()].map((server) => server.close())]);
  }

  /** Entities can be loaded once the layer knows the model, which it must before it starts. */
  useModel(schema: Pick<LiveSchema, 'model' | 'catalog'>): void {
    this.#schema = schema;
  }

  /** Reads with SQL; parameters are `$1 …`. Cached where `dependsOn` is given; rows from a cache are frozen. Throws the typed errors of the consistency levels. */
  async read(sql: string, values: readonly unknown[] = [], options: ReadOptions & CustomReadOptions = {}): Promise<ReadResult> {
    if (options.entity !== undefined) this.#requireAsker(options, [options.entity]);
    const { session, requirement, tenancy, caching } = this.#begin(options);
    try {
      const rows = await readCustom({ ...options, sql, values, executor: session.executor(requirement), model: this.#model, tenancy, caching, notes: this.notes });
      const { positions, servedBy, waitedMs, stalenessMs } = session.report();
      return { rows, token: this.parts.codec.encode(positions), servedBy, waitedMs, stalenessMs };
    } finally {
      await session.close();
    }
  }

  /** Entities by key, lists, pages and counts, batched; make one per unit of work. */
  loaders(options: ReadOptions = {}): BoundLoaders {
    if (!this.#model) throw new MeridianError({ code: 'CONFIG_INVALID', message: 'Entity loaders need a schema; give createDataLayer `schema`, the folder of your SDL.' });
    this.#requireAsker(options, [...this.#model.entities.keys()]);
    const { session, requirement, tenancy, caching } = this.#begin(options);
    const loaders = new EntityLoaders({ model: this.#model, executor: session.executor(requirement), limits: this.parts.config.options, tenancy, caching });
    return { loaders, token: () => this.parts.codec.encode(session.report().positions), close: () => session.close() };
  }

  /** Runs `work` in one transaction at the primary, retried on serialization failure and deadlock. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>, options: WriteOptions = {}): Promise<WriteResult<T>> {
    const { token, viewer, settings: given, once: asked, ...rest } = options;
    const settings = this.#settings(viewer, given);
    const request = asked === undefined ? null : this.#once(asked, viewer ?? null);
    const session = this.openSession(token, { settings, signal: options.signal });
    await session.admitWrite();
    const all: TransactionOptions = {
      ...rest,
      settings,
      onRefused: (position) => {
        session.saw(position);
        rest.onRefused?.(position);
      },
    };
    const { writer, codec } = this.parts;
    const committed = request === null ? writer.transaction(work, all) : onceTransaction(writer, { once: request.step('transaction'), work, options: all });
    const { result, position } = await committed.catch((error: unknown) => {
      throw isMeridianError(error, 'DURABILITY_UNCONFIRMED') ? withToken(error, codec.encode(session.report().positions)) : error;
    });
    await session.raise(position);
    return { result, replayed: request?.replayed ?? false, token: this.encode(session.report().positions) };
  }

  /** Health of every region as this one sees it. */
  regionHealth(): readonly RegionReport[] {
    return this.parts.monitor.reports();
  }

  /**
   * Starts the reads of one operation that came with this token, or with several joined by commas; `floor`: what a gateway has seen in it. Throws what is wrong with them, and `REGION_UNAVAILABLE` for a token while no database has been met yet: which of
   * its positions is this cluster's cannot be known then, and ignoring it would be a claim of consistency.
   */
  openSession(header: string | null | undefined, { settings = [], signal, floor }: { readonly settings?: readonly Setting[]; readonly signal?: AbortSignal | undefined; readonly floor?: string | undefined } = {}): ReadSession {
    const named: Position[] = [];
    const { token: own, merged: token } = this.parts.codec.decodeBoth({ token: header, floor }, (position) => named.push(position));
    if (token.size > 0 && this.parts.monitor.cluster === null) {
      throw new MeridianError({ code: 'REGION_UNAVAILABLE', message: `Region ${this.region} has reached no database yet, so that the consistency token cannot be honoured; try again shortly.` });
    }
    return this.parts.engine.session({ token, own, named, ...(settings.length > 0 ? { settings } : {}), ...(signal ? { signal } : {}) });
  }

  /** Throws `TypeError` for no positions: after a write there is one. */
  encode(positions: Positions): ConsistencyToken {
    const token = this.parts.codec.encode(positions);
    if (token === null) throw new TypeError('a token was asked for before anything was read or written');
    return token;
  }

  /** Whoever forgets to say for whom would find nothing, and not know why. */
  #requireAsker({ viewer, allTenants }: ReadOptions, entities: readonly string[]): void {
    const kept = entities.find((name) => this.#model?.entities.get(name)?.tenant != null);
    if (kept === undefined || viewer !== undefined || allTenants === true) return;
    throw badOption(`rows of ${kept} belong to tenants, and it does not say for whom it reads; give viewer (null for nobody), or allTenants: true for a job`);
  }

  #once({ key, request }: NonNullable<WriteOptions['once']>, viewer: Viewer | null): OnceRequest {
    const { options } = this.parts.config;
    return new OnceRequest({ key: checkedKey(key, options.idempotencyKeyBytes), viewer, source: 'transaction', operationName: null, variables: { request }, limits: options, onVerdict: (outcome) => this.parts.telemetry.metrics.idempotent.inc({ outcome }) });
  }

  #settings(viewer: Viewer | null = null, given?: readonly Setting[]): readonly Setting[] {
    return given === undefined ? this.settingsOf(viewer) : checkedSettings(given);
  }

  #begin({ token, level, maxLagMs, signal, viewer, settings: given, allTenants }: ReadOptions): { session: ReadSession; requirement: Requirement; tenancy: Tenancy; caching: LoaderCaching | null } {
    const settings = this.#settings(viewer, given);
    const session = this.openSession(token, { settings, signal });
    const chosen = level ?? (session.floor === null ? 'EVENTUAL' : 'SESSION');
    if (!CONSISTENCY_LEVELS.includes(chosen)) throw badOption(`there is no consistency level ${JSON.stringify(chosen)}; use one of ${CONSISTENCY_LEVELS.join(', ')}`);
    if (maxLagMs !== undefined && chosen !== 'BOUNDED') throw badOption(`level ${chosen} takes no maxLagMs; drop it or ask for BOUNDED`);
    if (maxLagMs !== undefined && !(maxLagMs >= 0)) throw badOption(`maxLagMs is ${maxLagMs}; give milliseconds from 0 up`);
    const bound = maxLagMs ?? this.parts.config.options.boundedLagMs;
    const tenancy = allTenants === true ? Tenancy.all : Tenancy.of(viewer?.tenant ?? null);
    const caching = this.parts.caching.for({ tenancy, settingsKey: settingsKey(settings) });
    return { session, tenancy, caching, requirement: { level: chosen, floor: chosen === 'EVENTUAL' ? null : session.floor, maxLagMs: chosen === 'BOUNDED' ? bound : null } };
  }
}

/** It is committed: whoever hears of it needs a token to see it, as after any other write. */
function withToken(error: MeridianError, token: ConsistencyToken | null): MeridianError {
  return new MeridianError({ code: error.code, message: error.message, details: { ...error.details, token }, cause: error });
}

function badOption(why: string): MeridianError {
  return new MeridianError({ code: 'BAD_USER_INPUT', message: `The options of this read cannot be met: ${why}.` });
}

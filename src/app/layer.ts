/**
 * Owns the data layer of one region: the same reads, writes, tokens and health that GraphQL uses, for jobs and REST
 * handlers.
 */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type Viewer } from '../base/viewer.ts';
import { type Config } from '../config/load.ts';
import { CONSISTENCY_LEVELS, type ConsistencyLevel, type Requirement } from '../consistency/requirement.ts';
import { type ConsistencyToken } from '../consistency/token.ts';
import { type Model, type Row } from '../model/model.ts';
import { checkedKey } from '../protocol/idempotency-key.ts';
import { type ServedBy } from '../read/session/report.ts';
import { type ReadSession } from '../read/session/engine.ts';
import { readCustom, type CustomReadOptions } from '../read/custom/read.ts';
import { EntityLoaders } from '../read/loaders/entity-loaders.ts';
import { settingsKey, type LoaderCaching } from '../read/loaders/through-cache.ts';
import { type Setting } from '../read/ports.ts';
import { Tenancy } from '../read/sql/tenant.ts';
import { checkedSettings } from '../read/settings.ts';
import { type RegionReport } from '../region/view.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { IdempotentRequest } from '../write/idempotency/request.ts';
import { idempotentTransaction } from '../write/idempotency/transaction.ts';
import { type Transaction, type TransactionOptions } from '../write/ports.ts';
import { type KnownSchema } from './stacks/change.ts';
import { createStacks, startStacks, stopStacks, type Stacks } from './stacks/stacks.ts';

/** For whom something is read or written. */
export interface OnBehalf {
  /**
   * The viewer whose tenant selects the visible rows, and whom `viewerSettings` carry into the database; null: an
   * unknown viewer.
   */
  readonly viewer?: Viewer | null;
  /**
   * Settings of the database (row-level security) that replace those which `viewerSettings` derives from the viewer;
   * `[]`: no settings.
   */
  readonly settings?: readonly Setting[];
}

export interface ReadOptions extends OnBehalf {
  /** Default: SESSION with a token, EVENTUAL without one. */
  readonly level?: ConsistencyLevel;
  /** A consistency token, or several joined by commas. */
  readonly token?: string | null;
  /** With BOUNDED, milliseconds. */
  readonly maxLagMs?: number;
  readonly signal?: AbortSignal;
  /** For jobs that work for all tenants: rows of every tenant are visible, whoever the viewer is. */
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
   * The transaction takes place once for this key and viewer. A repeated call, from any region, gets the first result
   * as JSON. `request`: what the key is used for; a key that comes with another request is refused
   * (`IDEMPOTENCY_KEY_REUSED`).
   */
  readonly idempotency?: { readonly key: string; readonly request?: unknown };
}

export interface WriteResult<T> {
  readonly result: T;
  /** With `idempotency`: whether the result is that of an earlier call. */
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

const inside = new WeakMap<DataLayer, Stacks>();

/** What a layer consists of. Only the server that is built on it sees this; the package does not export it. */
export function stacksOf(layer: DataLayer): Stacks {
  const stacks = inside.get(layer);
  if (stacks === undefined) throw new TypeError('this is no data layer of ours');
  return stacks;
}

export class DataLayer {
  readonly #stacks: Stacks;
  readonly #model: Model | null;

  /** `schema`: for loaders and cached rows; null for a layer that only reads and writes SQL. */
  constructor(config: Config, telemetry: Telemetry, schema: KnownSchema | null) {
    this.#stacks = createStacks(config, telemetry, schema);
    this.#model = schema?.model ?? null;
    inside.set(this, this.#stacks);
  }

  get region(): string {
    return this.#stacks.config.region;
  }

  /** Starts probing and tailing; resolves when every region has been looked at once, whether or not it answered. */
  start(): Promise<void> {
    return startStacks(this.#stacks);
  }

  /** Ends every connection and loop. In-flight reads finish or fail on their own. */
  close(): Promise<void> {
    return stopStacks(this.#stacks);
  }

  /**
   * Reads with SQL; parameters are `$1 …`. Cached where `dependsOn` is given; rows from a cache are frozen. Throws the
   * typed errors of the consistency levels.
   */
  async read(
    sql: string,
    values: readonly unknown[] = [],
    options: ReadOptions & CustomReadOptions = {},
  ): Promise<ReadResult> {
    if (options.entity !== undefined) this.#requireAsker(options, [options.entity]);
    const { session, requirement, tenancy, caching } = this.#begin(options);
    try {
      const rows = await readCustom({
        ...options,
        sql,
        values,
        executor: session.executor(requirement),
        model: this.#model,
        tenancy,
        caching,
        notes: this.#stacks.read.notes,
      });
      const { positions, servedBy, waitedMs, stalenessMs } = session.report();
      return { rows, token: this.#stacks.codec.encode(positions), servedBy, waitedMs, stalenessMs };
    } finally {
      await session.close();
    }
  }

  /** Entities by key, lists, pages and counts, batched; make one per unit of work. */
  loaders(options: ReadOptions = {}): BoundLoaders {
    if (!this.#model)
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message: 'Entity loaders need a schema; give createDataLayer `schema`, the folder of your SDL.',
      });
    this.#requireAsker(options, [...this.#model.entities.keys()]);
    const { session, requirement, tenancy, caching } = this.#begin(options);
    const loaders = new EntityLoaders({
      model: this.#model,
      executor: session.executor(requirement),
      limits: this.#stacks.config.options,
      tenancy,
      caching,
    });
    return {
      loaders,
      token: () => this.#stacks.codec.encode(session.report().positions),
      close: () => session.close(),
    };
  }

  /** Runs `work` in one transaction at the primary, retried on serialization failure and deadlock. */
  async transaction<T>(work: (tx: Transaction) => Promise<T>, options: WriteOptions = {}): Promise<WriteResult<T>> {
    const { token, viewer, settings: given, idempotency: asked, ...rest } = options;
    const settings = this.#settings(viewer, given);
    const request = asked === undefined ? null : this.#idempotentRequest(asked, viewer ?? null);
    const session = this.#stacks.read.openSession({ token, settings, signal: options.signal });
    await session.admitWrite();
    const all: TransactionOptions = {
      ...rest,
      settings,
      onRefused: (position) => {
        session.saw(position);
        rest.onRefused?.(position);
      },
    };
    const {
      codec,
      write: { writer },
    } = this.#stacks;
    const committed =
      request === null
        ? writer.transaction(work, all)
        : idempotentTransaction(writer, { idempotency: request.step('transaction'), work, options: all });
    const { result, position } = await committed.catch((error: unknown) => {
      throw isMeridianError(error, 'DURABILITY_UNCONFIRMED')
        ? withToken(error, codec.encode(session.report().positions))
        : error;
    });
    await session.raise(position);
    return {
      result,
      replayed: request?.replayed ?? false,
      token: this.#stacks.codec.encodeSome(session.report().positions),
    };
  }

  /** Health of every region as this one sees it. */
  regionHealth(): readonly RegionReport[] {
    return this.#stacks.health.monitor.reports();
  }

  /** Without this error, a call that forgets the viewer would find no rows and no reason for it. */
  #requireAsker({ viewer, allTenants }: ReadOptions, entities: readonly string[]): void {
    const kept = entities.find((name) => this.#model?.entities.get(name)?.tenant != null);
    if (kept === undefined || viewer !== undefined || allTenants === true) return;
    throw badOption(
      `rows of ${kept} belong to tenants, and it does not say for whom it reads; give viewer (null for nobody), or allTenants: true for a job`,
    );
  }

  #idempotentRequest(
    { key, request }: NonNullable<WriteOptions['idempotency']>,
    viewer: Viewer | null,
  ): IdempotentRequest {
    const { options } = this.#stacks.config;
    return new IdempotentRequest({
      key: checkedKey(key, options.idempotencyKeyBytes),
      viewer,
      source: 'transaction',
      operationName: null,
      variables: { request },
      limits: options,
      onVerdict: (outcome) => this.#stacks.telemetry.metrics.idempotent.inc({ outcome }),
    });
  }

  #settings(viewer: Viewer | null = null, given?: readonly Setting[]): readonly Setting[] {
    return given === undefined ? this.#stacks.read.settingsOf(viewer) : checkedSettings(given);
  }

  #begin({ token, level, maxLagMs, signal, viewer, settings: given, allTenants }: ReadOptions): {
    session: ReadSession;
    requirement: Requirement;
    tenancy: Tenancy;
    caching: LoaderCaching | null;
  } {
    const settings = this.#settings(viewer, given);
    const session = this.#stacks.read.openSession({ token, settings, signal });
    const chosen = level ?? (session.floor === null ? 'EVENTUAL' : 'SESSION');
    if (!CONSISTENCY_LEVELS.includes(chosen))
      throw badOption(
        `there is no consistency level ${JSON.stringify(chosen)}; use one of ${CONSISTENCY_LEVELS.join(', ')}`,
      );
    if (maxLagMs !== undefined && chosen !== 'BOUNDED')
      throw badOption(`level ${chosen} takes no maxLagMs; drop it or ask for BOUNDED`);
    if (maxLagMs !== undefined && !(maxLagMs >= 0))
      throw badOption(`maxLagMs is ${maxLagMs}; give milliseconds from 0 up`);
    const bound = maxLagMs ?? this.#stacks.config.options.boundedLagMs;
    const tenancy = allTenants === true ? Tenancy.all : Tenancy.of(viewer?.tenant ?? null);
    const caching = this.#stacks.change.caching.for({ tenancy, settingsKey: settingsKey(settings) });
    return {
      session,
      tenancy,
      caching,
      requirement: {
        level: chosen,
        floor: chosen === 'EVENTUAL' ? null : session.floor,
        maxLagMs: chosen === 'BOUNDED' ? bound : null,
      },
    };
  }
}

/** The transaction is committed: a caller who handles this error needs a token to see it, as after any other write. */
function withToken(error: MeridianError, token: ConsistencyToken | null): MeridianError {
  return new MeridianError({
    code: error.code,
    message: error.message,
    details: { ...error.details, token },
    cause: error,
  });
}

function badOption(why: string): MeridianError {
  return new MeridianError({ code: 'BAD_USER_INPUT', message: `The options of this read cannot be met: ${why}.` });
}

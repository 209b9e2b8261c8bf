/**
 * Owns reading: one engine per server process, one session per operation; every statement goes where its requirement
 * allows.
 */
import { type Clock, systemClock } from '../../base/clock.ts';
import { Limiter } from '../../base/limiter.ts';
import { laterPosition, type Position } from '../../base/lineage.ts';
import { type Watermark } from '../../change/watermark.ts';
import { NO_POSITIONS, type Positions } from '../../consistency/positions.ts';
import { requirementKey, type Requirement } from '../../consistency/requirement.ts';
import { type Row } from '../../model/model.ts';
import { type RegionView } from '../../region/view.ts';
import { type Metrics } from '../../telemetry/metrics.ts';
import { type AnswerBasis, type Dependencies } from './answer-basis.ts';
import { SessionCaching } from './cached.ts';
import { ReadIndex } from './read-index.ts';
import { NamedPositions } from './named.ts';
import { ReadRecord, type ReadReport } from './report.ts';
import { ReadRun, Stall, type Ask, type ReadLimits, type ReadParts } from './run.ts';
import { SnapshotReads } from './snapshot.ts';
import {
  type Answer,
  type Executor,
  type PrimaryServer,
  type Setting,
  type SnapshotSession,
  type Statement,
} from '../ports.ts';
import { ShownAgo } from './shown-ago.ts';

export interface ReadEngineOptions {
  readonly view: RegionView;
  /** The position through which this region is known to have replayed; reads wait on it. */
  readonly replayed: Pick<Watermark, 'lsn' | 'reached' | 'waitFor' | 'onAdvance' | 'onReset'>;
  /** Every region's server by region name; who of them is primary, `view` tells. */
  readonly servers: ReadonlyMap<string, PrimaryServer>;
  readonly limits: ReadLimits;
  readonly clock?: Clock;
  readonly metrics?: Pick<Metrics, 'reads' | 'floorWaitSeconds' | 'fallbacks'> | null;
}

export interface ReadSessionOptions {
  /** The positions of the request's token and of what a gateway has seen, of all clusters. */
  readonly token?: Positions;
  /** Those of the client's own token, where that is not all of `token`. */
  readonly own?: Positions;
  /** Every position that the request's tokens name, where they were several; unless given, those of `token`. */
  readonly named?: readonly Position[];
  readonly signal?: AbortSignal;
  /** Settings of the database under which every statement of the session runs (row-level security). */
  readonly settings?: readonly Setting[];
}

export class ReadEngine {
  readonly #parts: ReadParts;

  constructor(options: ReadEngineOptions) {
    const { view, servers, limits, replayed, clock = systemClock } = options;
    const shown = new ShownAgo(limits.cacheLagMs);
    if (replayed.lsn !== null) shown.add(replayed.lsn, clock.monotonicMs());
    replayed.onAdvance((lsn) => shown.add(lsn, clock.monotonicMs()));
    replayed.onReset(() => shown.forget());
    this.#parts = {
      view,
      servers,
      limits,
      replayed,
      shown,
      clock,
      index: new ReadIndex(() => (view.primary === null ? null : (servers.get(view.primary) ?? null))),
      primaryReads: new Limiter({
        what: 'reads at the primary',
        concurrent: limits.primaryReads,
        queued: limits.poolQueue,
        waitMs: limits.poolWaitMs,
      }),
      stall: new Stall(),
      metrics: options.metrics ?? null,
    };
  }

  /** One session per operation; `close` it when the operation is answered. */
  session(options: ReadSessionOptions = {}): ReadSession {
    return new ReadSession(this.#parts, options);
  }
}

/** One operation's reads: they share the read index, the snapshot, what was written, and the report. */
export class ReadSession {
  readonly #parts: ReadParts;
  readonly #token: Positions;
  readonly #own: Positions;
  readonly #named: NamedPositions;
  readonly #signal: AbortSignal | undefined;
  readonly #settings: readonly Setting[];
  readonly #record: ReadRecord;
  readonly #executors = new Map<string, Executor>();
  readonly #snapshots: SnapshotReads[] = [];
  /** Null while the operation has sent no statement: most are answered without one. */
  #limiter: Limiter | null = null;
  #basis: AnswerBasis | null = null;
  #index: Promise<Position> | null = null;
  #written: Position | null = null;

  constructor(parts: ReadParts, options: ReadSessionOptions) {
    this.#parts = parts;
    this.#token = options.token ?? NO_POSITIONS;
    this.#own = options.own ?? this.#token;
    this.#named = new NamedPositions(parts.view, options.named ?? [...this.#token.values()], () =>
      parts.servers.keys(),
    );
    this.#signal = options.signal;
    this.#settings = options.settings ?? [];
    this.#record = new ReadRecord(this.#token);
  }

  /** So that an operation is not refused by a queue for connections which its own statements fill. */
  get #ownStatements(): Limiter {
    const { operationStatements, operationWaitMs, poolSize, primaryReads } = this.#parts.limits;
    return (this.#limiter ??= new Limiter({
      what: 'statements of one operation (operationStatements, operationWaitMs)',
      concurrent: Math.min(operationStatements, poolSize, primaryReads),
      // How many may wait, what an operation may ask for has bounded: maxLoaders and maxAnswerValues.
      queued: Number.MAX_SAFE_INTEGER,
      waitMs: operationWaitMs,
    }));
  }

  /** This cluster's position in the request's token, or in what a gateway has seen; null without one. */
  get floor(): Position | null {
    const { cluster } = this.#parts.view;
    return cluster === null ? null : (this.#token.get(cluster) ?? null);
  }

  /** Whether the client's own token names this cluster. */
  get hasToken(): boolean {
    const { cluster } = this.#parts.view;
    return cluster !== null && this.#own.has(cluster);
  }

  /** The position of the latest write of this operation; null while there was none. */
  get written(): Position | null {
    return this.#written;
  }

  /** From now on it is collected what the operation's answer depends on. To be called before the first read. */
  collect(basis: AnswerBasis): void {
    this.#basis = basis;
  }

  /** What the answer may be kept with, and what it has seen; null where it must not be kept. */
  dependencies(): (Dependencies & { readonly seen: Position }) | null {
    const { seen } = this.#record;
    const found = this.#basis?.dependencies() ?? null;
    return found === null || seen === null ? null : { ...found, seen };
  }

  /** Runs statements under `requirement`. Equal requirements share one executor, and with SNAPSHOT one transaction. */
  executor(requirement: Requirement): Executor {
    const key = requirementKey(requirement);
    const known = this.#executors.get(key);
    if (known) return known;
    const executor = requirement.level === 'SNAPSHOT' ? this.#snapshot(requirement) : this.#plain(requirement);
    this.#executors.set(key, executor);
    return executor;
  }

  /**
   * To be awaited before each write. Throws where the token forbids it: `CONSISTENCY_LOST`, `PRIMARY_UNAVAILABLE`,
   * `CONSISTENCY_TOKEN_FUTURE`.
   */
  admitWrite(): Promise<void> {
    return this.#named.admitWrite();
  }

  /**
   * The operation has written: its later reads, of every level but EVENTUAL, see that write. Throws `CONSISTENCY_LOST`
   * where the token shows that the server which was written to had been replaced.
   */
  async raise(position: Position): Promise<void> {
    await this.#named.written(position);
    this.#written = this.#written === null ? position : laterPosition(this.#written, position);
    this.#record.reached(position);
    this.#basis?.refuse();
    // A read index from before the write would be too low.
    this.#index = null;
  }

  /** The operation was told of something that was there as of `position`, although it neither read nor wrote it. */
  saw(position: Position): void {
    this.#record.reached(position);
  }

  /** What the reads so far have met; its positions make the response's token. */
  report(): ReadReport {
    const report = this.#record.report();
    return { ...report, positions: this.#named.kept(report.positions, this.#written) };
  }

  /** Ends snapshots that are still open; never throws. */
  async close(): Promise<void> {
    await Promise.all(this.#snapshots.map((snapshot) => snapshot.close()));
  }

  #plain(requirement: Requirement): Executor {
    const caching = new SessionCaching({
      parts: this.#parts,
      requirement: () => this.#raised(requirement),
      named: () => this.#named.own,
      index: () => this.#readIndex(),
      record: this.#record,
      answer: (statement) => this.#answer(requirement, statement),
      basis: () => this.#basis,
    });
    return { query: (statement) => this.#query(requirement, statement), caching };
  }

  async #query(requirement: Requirement, statement: Statement): Promise<readonly Row[]> {
    this.#basis?.refuse();
    const ask: Ask<readonly Row[]> = async (server, demand) => {
      const answer = await server.query({ ...demand, statement, settings: this.#settings });
      return answer.kind === 'rows'
        ? { kind: 'done', value: answer.rows, seen: answer.seen, role: answer.role }
        : answer;
    };
    const { value } = await this.#ownStatements.run(() => this.#run(requirement, ask).run());
    return value;
  }

  /** W speaks for the region's own server only, so that nothing is kept of what another one answered (R4). */
  async #answer(requirement: Requirement, statement: Statement): Promise<Answer> {
    const { local } = this.#parts.view;
    const ask: Ask<Pick<Answer, 'rows' | 'asOf'>> = async (server, demand) => {
      const own = server.region === local;
      const answer = await server.query({ ...demand, statement, settings: this.#settings, prove: own });
      if (answer.kind !== 'rows') return answer;
      const { rows, seen, role, provedAt } = answer;
      return {
        kind: 'done',
        value: { rows, asOf: own ? (provedAt ?? (role === 'primary' ? 'watermark' : null)) : null },
        seen,
        role,
      };
    };
    const { value, seen } = await this.#ownStatements.run(() => this.#run(requirement, ask).run());
    return { ...value, seen };
  }

  #snapshot(requirement: Requirement): Executor {
    this.#basis?.refuse();
    const snapshot = new SnapshotReads({
      open: async (avoid) => {
        const run = this.#run<SnapshotSession>(
          requirement,
          async (server, demand) => {
            const answer = await server.snapshot({ ...demand, settings: this.#settings });
            return answer.kind === 'open'
              ? { kind: 'done', value: answer.session, seen: answer.session.seen, role: answer.session.role }
              : answer;
          },
          avoid,
        );
        const { value, region } = await run.run();
        return { session: value, region };
      },
      failed: (region, error) => this.#parts.view.reportFailure(region, error),
    });
    this.#snapshots.push(snapshot);
    return snapshot;
  }

  #run<T>(requirement: Requirement, ask: Ask<T>, avoid: readonly string[] = []): ReadRun<T> {
    return new ReadRun(this.#parts, {
      requirement: this.#raised(requirement),
      index: () => this.#readIndex(),
      ask,
      record: this.#record,
      named: this.#named.own,
      signal: this.#signal,
      avoid,
    });
  }

  #raised(requirement: Requirement): Requirement {
    if (this.#written === null || requirement.level === 'EVENTUAL') return requirement;
    return {
      ...requirement,
      floor: requirement.floor === null ? this.#written : laterPosition(requirement.floor, this.#written),
    };
  }

  /** Once per operation; a failure is not kept, so that the read after the failover asks again. */
  #readIndex(): Promise<Position> {
    if (this.#index !== null) return this.#index;
    const fetched = this.#parts.index.current();
    this.#index = fetched;
    fetched.catch(() => {
      if (this.#index === fetched) this.#index = null;
    });
    return fetched;
  }
}

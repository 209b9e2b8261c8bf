/**
 * Owns reading: one engine per server process and one session per operation. Each statement runs on a server that its
 * requirement allows.
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
  /** The position through which this region is known to have replayed WAL; reads wait for it. */
  readonly replayed: Pick<Watermark, 'lsn' | 'reached' | 'waitFor' | 'onAdvance' | 'onReset'>;
  /** Each region's server by region name; `view` says which one is the primary. */
  readonly servers: ReadonlyMap<string, PrimaryServer>;
  readonly limits: ReadLimits;
  readonly clock?: Clock;
  readonly metrics?: Pick<Metrics, 'reads' | 'floorWaitSeconds' | 'fallbacks'> | null;
}

export interface ReadSessionOptions {
  /** The positions of the request's token and those that a gateway has seen, of all clusters. */
  readonly token?: Positions;
  /** The positions of the client's own token, where they differ from `token`. */
  readonly own?: Positions;
  /**
   * Every position that the request's tokens name, where there are several tokens; by default the positions of `token`.
   */
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

  /** Opens a session for one operation; `close` it when the operation has been answered. */
  session(options: ReadSessionOptions = {}): ReadSession {
    return new ReadSession(this.#parts, options);
  }
}

/** The reads of one operation. They share the read index, the snapshot, the written position and the report. */
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
  /** Null until the operation sends a statement: most operations need none. */
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

  /**
   * Limits the operation's concurrent statements, so that its own statements do not fill the connection queue and cause
   * its rejection.
   */
  get #ownStatements(): Limiter {
    const { operationStatements, operationWaitMs, poolSize, primaryReads } = this.#parts.limits;
    return (this.#limiter ??= new Limiter({
      what: 'statements of one operation (operationStatements, operationWaitMs)',
      concurrent: Math.min(operationStatements, poolSize, primaryReads),
      // The number of waiting statements is already bounded by maxLoaders and maxAnswerValues.
      queued: Number.MAX_SAFE_INTEGER,
      waitMs: operationWaitMs,
    }));
  }

  /** This cluster's position in the request's token or in what a gateway has seen; null where there is none. */
  get floor(): Position | null {
    const { cluster } = this.#parts.view;
    return cluster === null ? null : (this.#token.get(cluster) ?? null);
  }

  /** Whether the client's own token names this cluster. */
  get hasToken(): boolean {
    const { cluster } = this.#parts.view;
    return cluster !== null && this.#own.has(cluster);
  }

  /** The position of this operation's latest write; null before the first one. */
  get written(): Position | null {
    return this.#written;
  }

  /** Starts collecting the dependencies of the operation's answer. Must be called before the first read. */
  collect(basis: AnswerBasis): void {
    this.#basis = basis;
  }

  /** The answer's dependencies and the position that it has seen; null where the answer must not be cached. */
  dependencies(): (Dependencies & { readonly seen: Position }) | null {
    const { seen } = this.#record;
    const found = this.#basis?.dependencies() ?? null;
    return found === null || seen === null ? null : { ...found, seen };
  }

  /** The executor for `requirement`. Equal requirements share one executor, and for SNAPSHOT one transaction. */
  executor(requirement: Requirement): Executor {
    const key = requirementKey(requirement);
    const known = this.#executors.get(key);
    if (known) return known;
    const executor = requirement.level === 'SNAPSHOT' ? this.#snapshot(requirement) : this.#plain(requirement);
    this.#executors.set(key, executor);
    return executor;
  }

  /**
   * Must be awaited before each write. Throws where the token forbids writing: `CONSISTENCY_LOST`,
   * `PRIMARY_UNAVAILABLE`, `CONSISTENCY_TOKEN_FUTURE`.
   */
  admitWrite(): Promise<void> {
    return this.#named.admitWrite();
  }

  /**
   * Records a write of the operation: its later reads at every level except EVENTUAL see that write. Throws
   * `CONSISTENCY_LOST` where the token shows that the server written to had already been replaced as primary.
   */
  async raise(position: Position): Promise<void> {
    await this.#named.written(position);
    this.#written = this.#written === null ? position : laterPosition(this.#written, position);
    this.#record.reached(position);
    this.#basis?.refuse();
    // A read index fetched before the write would be too low.
    this.#index = null;
  }

  /** Records that the operation's answer reveals state as of `position` that it neither read nor wrote. */
  saw(position: Position): void {
    this.#record.reached(position);
  }

  /** The report of the reads so far; its positions make up the response's token. */
  report(): ReadReport {
    const report = this.#record.report();
    return { ...report, positions: this.#named.kept(report.positions, this.#written) };
  }

  /** Closes the open snapshots; never throws. */
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

  /** W describes the region's own server only, so rows from another region's server are not cached (R4). */
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

  /** Fetched once per operation. A failure is not kept, so that a read after the failover fetches again. */
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

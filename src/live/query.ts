/**
 * Owns one live query, shared by all who asked the same: when it is answered again, and that its answers never go
 * back.
 */
import { isRetryableCode } from '../base/errors.ts';
import { isInvalidated } from '../cache/guard.ts';
import { type Lsn } from '../base/lsn.ts';
import { mergePositions, NO_POSITIONS, type Positions } from '../consistency/positions.ts';
import { type LiveAnswer, type LiveBasis, type LiveExecution, type LiveResult } from './ports.ts';
import { type LiveMessage, type Subscriber } from './subscriber.ts';

/** What the query needs of the process in which it runs. */
export interface LiveQueryDeps {
  readonly execute: LiveExecution;
  /** Puts the query in line to be answered. */
  enqueue(query: LiveQuery): void;
  /** After a while, unless the query is answered before; called where nobody will tell of a change. */
  poll(query: LiveQuery, atMs: number | null): void;
  /** Whether nothing that the answer was made of has changed since; if so, changes are told from now on. */
  watch(query: LiveQuery, basis: LiveBasis): boolean;
  unwatch(query: LiveQuery): void;
  /** Where the process's own cache stands, which the next answer must have reached. */
  standing(): Positions;
}

interface Joined {
  /** Answers of executions that began before it joined may be older than what it has seen. */
  readonly since: number;
}

export class LiveQuery {
  readonly #deps: LiveQueryDeps;
  readonly #subscribers = new Map<Subscriber, Joined>();
  /** Every position that was shown to anybody: no later answer may be below one. */
  #shown: Positions = NO_POSITIONS;
  #message: LiveMessage | null = null;
  #asOf: Lsn | null = null;
  #executions = 0;
  #isRunning = false;
  #isDirty = false;
  #hasEnded = false;

  constructor(deps: LiveQueryDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#subscribers.size;
  }

  /**
   * Joins somebody who has seen nothing yet: the present answer, if there is one that nothing has changed since, else the
   * next one.
   */
  join(subscriber: Subscriber): void {
    this.#subscribers.set(subscriber, { since: this.#executions });
    if (this.#message !== null && this.#asOf !== null && !this.#isDirty && !this.#isRunning)
      subscriber.offer(this.#message);
    else this.#markDirty();
  }

  /** Joins somebody who was given an answer of their own, at `positions`: they get those that come after it. */
  joinAfter(subscriber: Subscriber, positions: Positions): void {
    this.#shown = mergePositions(this.#shown, positions);
    this.#subscribers.set(subscriber, { since: this.#executions + 1 });
    this.#markDirty();
  }

  leave(subscriber: Subscriber): void {
    this.#subscribers.delete(subscriber);
    if (this.#subscribers.size > 0 || this.#hasEnded) return;
    this.#hasEnded = true;
    this.#deps.unwatch(this);
  }

  /** Something that the answer was made of has changed at `at`. */
  changed(at: Lsn): void {
    // What changes during an execution is found when its answer is there.
    if (!this.#isRunning && (this.#asOf === null || isInvalidated(this.#asOf, at))) this.#markDirty();
  }

  /** Nobody knows what has changed. */
  renew(): void {
    this.#asOf = null;
    this.#markDirty();
  }

  /** Nobody tells of changes any more. */
  loseBasis(): void {
    this.#asOf = null;
    if (!this.#hasEnded && !this.#isRunning) this.#deps.poll(this, null);
  }

  /** Answers it once; called in its turn. Never throws. */
  async run(): Promise<void> {
    if (this.#hasEnded || this.#isRunning) return;
    this.#isRunning = true;
    this.#isDirty = false;
    this.#executions += 1;
    const execution = this.#executions;
    const answer = await this.#deps.execute(mergePositions(this.#shown, this.#deps.standing()));
    this.#isRunning = false;
    if (this.#hasEnded) return;
    this.#take(answer, execution);
  }

  #take({ result, positions, basis }: LiveAnswer, execution: number): void {
    const codes = (result.errors ?? []).map(({ extensions }) => extensions?.['code']);
    // Part of it cannot be read now: what was shown before still stands.
    if (this.#message !== null && codes.some(isRetryableCode)) return this.#tryLater();
    if (isRefused(result)) return this.#fail(result);
    this.#shown = mergePositions(this.#shown, positions);
    const message = { body: JSON.stringify([result.data, result.errors]), result };
    this.#message = message;
    for (const [subscriber, { since }] of this.#subscribers) if (execution >= since) subscriber.offer(message);
    const waits = [...this.#subscribers.values()].some(({ since }) => execution < since);
    if (basis === null) {
      this.#asOf = null;
      this.#deps.unwatch(this);
      this.#deps.poll(this, null);
    } else {
      this.#asOf = basis.asOf.lsn;
      if (!this.#deps.watch(this, basis)) this.#isDirty = true;
      if (Number.isFinite(basis.expiresAtMs)) this.#deps.poll(this, basis.expiresAtMs);
    }
    if (this.#isDirty || waits) this.#deps.enqueue(this);
  }

  #tryLater(): void {
    this.#isDirty = true;
    this.#deps.poll(this, null);
  }

  /** The operation itself is refused: it cannot go on for anybody. */
  #fail({ errors = [] }: LiveResult): void {
    for (const subscriber of [...this.#subscribers.keys()]) subscriber.end({ errors });
  }

  #markDirty(): void {
    this.#isDirty = true;
    if (!this.#isRunning && !this.#hasEnded) this.#deps.enqueue(this);
  }
}

/** Whether nothing of the answer may be shown: without it, what could not be read would look as if it were not there. */
export function isRefused({ data, errors = [] }: LiveResult): boolean {
  const codes = errors.map(({ extensions }) => extensions?.['code']);
  return data === undefined || codes.some((code) => isRetryableCode(code) || isLoss(code));
}

/** The query has shown a write that a failover took back: no answer may follow it as if that were there (R7). */
function isLoss(code: unknown): boolean {
  return code === 'CONSISTENCY_LOST' || code === 'CONSISTENCY_TOKEN_FUTURE';
}

/**
 * Owns one live query, shared by all subscribers of the same operation: when it runs again, and that its answers never
 * go back to an older state.
 */
import { isRetryableCode } from '../base/errors.ts';
import { isInvalidated } from '../cache/guard.ts';
import { type Lsn } from '../base/lsn.ts';
import { mergePositions, NO_POSITIONS, type Positions } from '../consistency/positions.ts';
import { type LiveAnswer, type LiveBasis, type LiveExecution, type LiveResult } from './ports.ts';
import { type LiveMessage, type Subscriber } from './subscriber.ts';

/** What the query needs from the process. */
export interface LiveQueryDeps {
  readonly execute: LiveExecution;
  /** Queues the query to run. */
  enqueue(query: LiveQuery): void;
  /**
   * Queues the query at `atMs`, or after the polling interval, unless it runs before. Used where no invalidation will
   * announce a change.
   */
  poll(query: LiveQuery, atMs: number | null): void;
  /**
   * Registers the answer's dependencies, so that changes are reported from now on. Returns whether none has changed
   * since the answer.
   */
  watch(query: LiveQuery, basis: LiveBasis): boolean;
  unwatch(query: LiveQuery): void;
  /** The position of the process's own cache, which the next answer must have reached. */
  standing(): Positions;
}

interface Joined {
  /** The first execution whose answer it may get: earlier answers may be older than what it has seen. */
  readonly since: number;
}

export class LiveQuery {
  readonly #deps: LiveQueryDeps;
  readonly #subscribers = new Map<Subscriber, Joined>();
  /** Every position shown to any subscriber; no later answer may be below one. */
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

  /** Adds a subscriber that has seen nothing. It gets the current answer if that is still valid, else the next one. */
  join(subscriber: Subscriber): void {
    this.#subscribers.set(subscriber, { since: this.#executions });
    if (this.#message !== null && this.#asOf !== null && !this.#isDirty && !this.#isRunning)
      subscriber.offer(this.#message);
    else this.#markDirty();
  }

  /** Adds a subscriber that has received its own first answer at `positions`. It gets the answers after that. */
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

  /** A dependency of the answer has changed at `at`. */
  changed(at: Lsn): void {
    // Changes during an execution are detected by `watch` when its answer arrives.
    if (!this.#isRunning && (this.#asOf === null || isInvalidated(this.#asOf, at))) this.#markDirty();
  }

  /** Called when changes may have been missed. */
  renew(): void {
    this.#asOf = null;
    this.#markDirty();
  }

  /** Called when changes are no longer reported. */
  loseBasis(): void {
    this.#asOf = null;
    if (!this.#hasEnded && !this.#isRunning) this.#deps.poll(this, null);
  }

  /** Executes the query once, when its turn has come. Never throws. */
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
    // A part cannot be read now, so the previous answer stays valid.
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

  /** The operation is rejected, so the streams of all subscribers end. */
  #fail({ errors = [] }: LiveResult): void {
    for (const subscriber of [...this.#subscribers.keys()]) subscriber.end({ errors });
  }

  #markDirty(): void {
    this.#isDirty = true;
    if (!this.#isRunning && !this.#hasEnded) this.#deps.enqueue(this);
  }
}

/** Whether the answer must not be sent: a part that could not be read would look as if it did not exist. */
export function isRefused({ data, errors = [] }: LiveResult): boolean {
  const codes = errors.map(({ extensions }) => extensions?.['code']);
  return data === undefined || codes.some((code) => isRetryableCode(code) || isLoss(code));
}

/** Whether a failover has discarded a write that the query has shown; then no further answer may be sent (R7). */
function isLoss(code: unknown): boolean {
  return code === 'CONSISTENCY_LOST' || code === 'CONSISTENCY_TOKEN_FUTURE';
}

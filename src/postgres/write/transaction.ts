/**
 * Owns one attempt at an interactive transaction: BEGIN is sent with its first statement, COMMIT with the tags and the
 * query for the position.
 */
import { createHash } from 'node:crypto';
import { MeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { type Durability } from '../../model/model.ts';
import { type Statement } from '../../read/ports.ts';
import { type StatementResult, type Transaction, type TransactionOptions } from '../../write/ports.ts';
import { isConflict, toMeridianError } from '../connect/errors.ts';
import { type Connection, type Outcome, type SqlText } from '../connect/pool-connection.ts';
import { isStalePlan } from '../read/error.ts';
import { type FlushPlace } from '../read/flush.ts';
import { COMMITS, INDEX, TRIGGERS } from '../read/position.ts';
import { settingStatements } from '../connect/settings.ts';
import { type CommitLimit } from './commit-limit.ts';
import { durabilityStatements } from './durability.ts';
import { beginText, judgeBegin, judgeCommit, messageOfTags, openingRefused, type Verdict } from './commit.ts';
import { EndOfTransaction } from './position.ts';

export interface InteractiveOptions {
  readonly connection: Connection;
  readonly region: string;
  readonly options: TransactionOptions;
  readonly answerMs: number;
  readonly durability: Durability | null;
  readonly durabilityMs: number;
  readonly commitLimit: CommitLimit;
  readonly place: FlushPlace;
  readonly count: (statements: number) => void;
}

export type InteractiveVerdict<T> =
  | { readonly kind: 'committed'; readonly result: T; readonly position: Position | null }
  | Extract<Verdict, { kind: 'failed' }>;

export class InteractiveTransaction implements Transaction {
  readonly #options: InteractiveOptions;
  readonly #tags: Set<string>;
  /** The outcomes of everything sent so far, BEGIN first; COMMIT is judged by them. */
  readonly #outcomes: Promise<Outcome>[] = [];
  readonly #settings: readonly SqlText[];
  #over: MeridianError | null = null;
  #roundTrips = 0;
  #underWay = 0;

  constructor(options: InteractiveOptions) {
    this.#options = options;
    this.#tags = new Set(options.options.tags);
    this.#settings = [...durabilityStatements(options.durability), ...settingStatements(options.options.settings)];
  }

  get roundTrips(): number {
    return this.#roundTrips;
  }

  tag(tag: string): void {
    this.#tags.add(tag);
  }

  async query(statement: Statement | string, values: readonly unknown[] = []): Promise<StatementResult> {
    if (this.#over) throw this.#over;
    const sql: SqlText = typeof statement === 'string' ? named(statement, values) : statement;
    const outcome = await this.#send([sql]).at(-1);
    if (outcome?.ok) return { rows: outcome.result.rows, rowCount: outcome.result.rowCount };
    // After a refused setting every statement fails with an error that does not state the cause.
    for (const made of await Promise.all(this.#outcomes.slice(1, 1 + this.#settings.length)))
      if (!made.ok) throw openingRefused(made.error, this.#options);
    throw toMeridianError(outcome?.error, { region: this.#options.region });
  }

  /** Runs `work` and commits; rolls back if `work` throws, or does not finish before `deadlineMs` (monotonic). */
  async run<T>(work: (tx: Transaction) => Promise<T>, deadlineMs: number): Promise<InteractiveVerdict<T>> {
    const done = await this.#bounded(work, deadlineMs);
    if (done.kind === 'done') return this.#commit(done.value);
    return this.#rollback(done.error);
  }

  async #bounded<T>(
    work: (tx: Transaction) => Promise<T>,
    deadlineMs: number,
  ): Promise<{ kind: 'done'; value: T } | { kind: 'failed'; error: unknown }> {
    const { signal } = this.#options.options;
    const limit = new AbortController();
    const late = new MeridianError({
      code: 'DATABASE_ERROR',
      message:
        'The transaction did not end within its time limit and was rolled back; make it shorter or raise transactionMs.',
      details: { timeout: true },
    });
    const timer = setTimeout(() => limit.abort(late), Math.max(0, deadlineMs - performance.now()));
    const stop = signal ? AbortSignal.any([signal, limit.signal]) : limit.signal;
    const stopped = new Promise<never>((_, reject) => {
      if (stop.aborted) reject(stop.reason as Error);
      stop.addEventListener('abort', () => reject(stop.reason as Error), { once: true });
    });
    try {
      return { kind: 'done', value: await Promise.race([work(this), stopped]) };
    } catch (error) {
      return { kind: 'failed', error };
    } finally {
      clearTimeout(timer);
      // After an early end the other promise of the race has no handler.
      stopped.catch(() => undefined);
      this.#over = new MeridianError({
        code: 'DATABASE_ERROR',
        message: 'The transaction has ended; send its statements inside the function, and await them.',
      });
    }
  }

  async #commit<T>(result: T): Promise<InteractiveVerdict<T>> {
    const { connection, commitLimit } = this.#options;
    const { answerMs } = commitLimit;
    const sent = this.#send([
      ...messageOfTags([...this.#tags]),
      TRIGGERS,
      COMMITS,
      { text: 'COMMIT', answerMs },
      { ...INDEX, answerMs },
    ]);
    const [asked, committing] = sent.slice(-3);
    await commitLimit.hold(connection, { commits: asked, commit: committing });
    const [commits, , index] = await Promise.all(sent.slice(-3));
    const outcomes = (await Promise.all(this.#outcomes)).slice(0, -1);
    const verdict = judgeCommit(
      outcomes,
      { ...this.#options, settings: this.#settings.length },
      { waitGivenUp: connection.takeWaitGivenUp(), index },
    );
    const end = new EndOfTransaction({ connection, index, commits, place: this.#options.place });
    if (verdict.kind === 'failed') {
      this.#refusedAt(await end.known());
      return verdict;
    }
    const position = await end.committed();
    this.#roundTrips += end.roundTrips;
    return { kind: 'committed', result, position };
  }

  /**
   * An error of `work` is returned to the caller, unless a conflict in the database caused it: then the transaction is
   * repeated.
   */
  async #rollback(error: unknown): Promise<InteractiveVerdict<never>> {
    const { region, connection } = this.#options;
    if (this.#outcomes.length > 0) {
      // A statement in flight (waiting for a lock, for example) must not delay the end, so the connection is closed.
      if (this.#underWay > 0) connection.destroy();
      else {
        const index = await this.#send([{ text: 'ROLLBACK' }, INDEX]).at(-1);
        this.#refusedAt(
          await new EndOfTransaction({ connection, index, commits: undefined, place: this.#options.place }).known(),
        );
      }
    }
    const outcomes = await Promise.all(this.#outcomes);
    const refused = judgeBegin(outcomes[0], region);
    if (refused) return refused;
    const conflict = outcomes.find((outcome) => !outcome.ok && isConflict(outcome.error));
    if (conflict && !conflict.ok)
      return { kind: 'failed', error: toMeridianError(conflict.error, { region }), again: true };
    const stale = outcomes.find((outcome) => !outcome.ok && isStalePlan(outcome.error));
    if (stale && !stale.ok)
      return { kind: 'failed', error: toMeridianError(stale.error, { region }), again: false, atOnce: true };
    const lost =
      outcomes.some((outcome) => !outcome.ok && connection.broken) &&
      !(error instanceof MeridianError && error.details['timeout'] === true);
    if (!lost || !isUnavailable(error)) return { kind: 'failed', error: error as MeridianError, again: false };
    return {
      kind: 'failed',
      error: new MeridianError({
        code: 'PRIMARY_UNAVAILABLE',
        message: `The primary in region ${region} went away before the commit; nothing was written. Try again shortly.`,
        details: { region },
        cause: error,
      }),
      again: false,
    };
  }

  #refusedAt(position: Position | null): void {
    if (position !== null) this.#options.options.onRefused?.(position);
  }

  #send(statements: readonly SqlText[]): readonly Promise<Outcome>[] {
    const { connection, answerMs, count, options } = this.#options;
    const begin = this.#outcomes.length === 0 ? [{ text: beginText(options.isolation) }, ...this.#settings] : [];
    const all = [...begin, ...statements];
    count(all.length);
    // Statements that are sent while others are in flight share their round trip.
    if (this.#underWay === 0) this.#roundTrips += 1;
    this.#underWay += all.length;
    const sent = connection.send(all, begin.length > 0 ? { answerMs } : {});
    for (const outcome of sent) void outcome.finally(() => (this.#underWay -= 1));
    this.#outcomes.push(...sent);
    return sent;
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof MeridianError && error.code === 'REGION_UNAVAILABLE';
}

/**
 * Text with values is prepared under a name derived from it, so that a retry and the next transaction reuse the
 * prepared statement.
 */
function named(text: string, values: readonly unknown[]): SqlText {
  if (values.length === 0) return { text };
  return { name: `meridian_${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`, text, values };
}

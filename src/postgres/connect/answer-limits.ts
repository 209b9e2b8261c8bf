/**
 * Owns the time limits on the answers to statements that were sent together. The client needs its own limits because a
 * broken network reports nothing.
 */
import { type SentStatement } from './sent-statement.ts';

interface Limit {
  readonly timer: NodeJS.Timeout;
  readonly waiting: Set<SentStatement>;
}

/** One timer serves all statements that have the same limit. */
export class AnswerLimits {
  readonly #giveUp: () => void;
  readonly #limits = new Map<number, Limit>();

  /** `giveUp`: fails every statement in flight on the connection. */
  constructor(giveUp: () => void) {
    this.#giveUp = giveUp;
  }

  /** The time of each statement counts from when it was sent. */
  add(statement: SentStatement, answerMs: number): void {
    let limit = this.#limits.get(answerMs);
    if (limit === undefined) {
      const waiting = new Set<SentStatement>();
      limit = { waiting, timer: setTimeout(() => this.#ranOut(waiting), answerMs) };
      this.#limits.set(answerMs, limit);
    }
    limit.waiting.add(statement);
  }

  answered(statement: SentStatement): void {
    for (const { timer, waiting } of this.#limits.values())
      if (waiting.delete(statement) && waiting.size === 0) clearTimeout(timer);
  }

  #ranOut(waiting: ReadonlySet<SentStatement>): void {
    for (const statement of waiting) statement.handleError(new Error('Query read timeout'));
    this.#giveUp();
  }
}

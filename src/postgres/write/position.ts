/**
 * Owns the position that a transaction's answer is given with: not below what it has seen and written, and on the
 * primary's disk.
 */
import { type Position } from '../../base/lineage.ts';
import { type Connection, type Outcome } from '../connect/pool-connection.ts';
import { flushedNow, type FlushPlace } from '../read/flush.ts';
import { endPosition } from '../read/position.ts';
import { commitOutcomeUnknown } from './commit.ts';

export interface EndFacts {
  readonly connection: Connection;
  /** The answer to `INDEX`, behind the transaction's end. */
  readonly index: Outcome | undefined;
  /** The answer to `COMMITS`; undefined where it was rolled back. */
  readonly commits: Outcome | undefined;
  readonly place: FlushPlace;
}

export class EndOfTransaction {
  readonly #facts: EndFacts;
  #roundTrips = 0;

  constructor(facts: EndFacts) {
    this.#facts = facts;
  }

  /** That it took to wait for the flush. */
  get roundTrips(): number {
    return this.#roundTrips;
  }

  /**
   * Of one that was committed; null: it is committed for good, and its position was lost with the connection. Throws
   * `WRITE_OUTCOME_UNKNOWN` where the commit did not wait for its own flush, and nobody can say that it has come.
   */
  async committed(): Promise<Position | null> {
    const {
      connection,
      commits,
      place: { region },
    } = this.#facts;
    const isSafe =
      commits?.ok === true &&
      typeof commits.result.rows[0]?.['synchronous'] === 'string' &&
      commits.result.rows[0]['synchronous'] !== 'off';
    try {
      const position = await this.#position();
      if (position !== null || isSafe) return position;
    } catch (error) {
      if (isSafe && connection.broken) return null;
      throw isSafe ? error : commitOutcomeUnknown(region, false, error);
    }
    throw commitOutcomeUnknown(region, false, undefined);
  }

  /** Of one that was refused; null: not known. */
  async known(): Promise<Position | null> {
    try {
      return await this.#position();
    } catch {
      // What refused it is told; whoever hears of it learns of no position.
      return null;
    }
  }

  async #position(): Promise<Position | null> {
    const { connection, index, commits, place } = this.#facts;
    if (index?.ok !== true) return null;
    const position = endPosition(index.result.rows[0] ?? {}, connection, commits?.ok ? commits.result.rows[0] : {});
    if (position !== undefined) return position;
    this.#roundTrips += 1;
    return flushedNow(connection, place);
  }
}
